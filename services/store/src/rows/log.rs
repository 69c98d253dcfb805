//! The log, as rows.

use portolan_model::{Change, Digest, Timestamp, Uid};
use uuid::Uuid;

use super::{object, revision};
use crate::{Commit, FORMAT, StoreError};

/// A row of the table `change_log`.
#[derive(Clone, Debug)]
pub struct LogRow {
    /// Its commit.
    pub rev: i64,
    /// Its place in the commit, from 0.
    pub ord: i32,
    /// [`portolan_model::Kind::number`]
    pub kind: i16,
    /// [`portolan_model::Object::path`]
    pub path: String,
    /// Body before the change.
    pub before: Option<String>,
    /// Body after it.
    pub after: Option<String>,
    /// When it was committed, in microseconds since 1970.
    pub committed_at: i64,
    /// On a commit's last row only.
    pub seal: Option<Seal>,
    /// See [`FORMAT`].
    pub format: i16,
}

/// What the last row of a commit tells about all of it. A commit without it was not read to its end.
#[derive(Clone, Debug)]
pub struct Seal {
    /// [`Commit::token`]
    pub token: Uuid,
    /// [`Commit::traceparent`]
    pub traceparent: String,
    /// [`Commit::digest`]
    pub digest: Vec<u8>,
}

/// Commits from log rows in order. A commit whose end is not among them is left out.
pub fn commits(rows: impl IntoIterator<Item = LogRow>) -> Result<Vec<Commit>, StoreError> {
    let mut commits: Vec<Commit> = Vec::new();
    let mut changes = Vec::new();
    for row in rows {
        check_format(row.format)?;
        if usize::try_from(row.ord).ok() != Some(changes.len()) {
            return Err(row.inconsistent(format!(
                "{} rows of its commit come before it",
                changes.len()
            )));
        }
        changes.push(row.change()?);
        let Some(seal) = &row.seal else { continue };
        let commit = row.commit(seal, std::mem::take(&mut changes))?;
        if commits
            .last()
            .is_some_and(|previous| previous.revision.next() != commit.revision)
        {
            return Err(row.inconsistent("the revision before it is missing".to_owned()));
        }
        commits.push(commit);
    }
    Ok(commits)
}

/// Refuses what a newer release wrote.
pub fn check_format(found: i16) -> Result<(), StoreError> {
    if found > FORMAT {
        Err(StoreError::NewerFormat {
            found,
            known: FORMAT,
        })
    } else {
        Ok(())
    }
}

impl LogRow {
    fn change(&self) -> Result<Change, StoreError> {
        if self.before.is_none() && self.after.is_none() {
            return Err(self.inconsistent("neither before nor after".to_owned()));
        }
        let side = |body: &Option<String>| {
            body.as_deref()
                .map(|body| object("change_log", self.kind, &self.path, body))
                .transpose()
        };
        Ok(Change {
            before: side(&self.before)?,
            after: side(&self.after)?,
        })
    }

    fn commit(&self, seal: &Seal, changes: Vec<Change>) -> Result<Commit, StoreError> {
        let digest = Digest::from_slice(&seal.digest)
            .ok_or_else(|| self.inconsistent(format!("digest of {} bytes", seal.digest.len())))?;
        Ok(Commit {
            revision: revision(self.rev),
            token: Uid::from(seal.token),
            committed_at: Timestamp(self.committed_at),
            traceparent: seal.traceparent.clone(),
            digest,
            changes,
        })
    }

    fn inconsistent(&self, problem: String) -> StoreError {
        StoreError::Inconsistent {
            table: "change_log",
            key: format!("({}, {})", self.rev, self.ord),
            problem,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(rev: i64, ord: i32, last: bool) -> LogRow {
        let seal = Seal {
            token: Uuid::nil(),
            traceparent: String::new(),
            digest: vec![0; 16],
        };
        LogRow {
            rev,
            ord,
            kind: 9,
            path: "80".to_owned(),
            before: None,
            after: Some(
                r#"{"port":80,"state":"held","owner":{"uid":"00000000-0000-0000-0000-000000000000","namespace":"a","name":"b"}}"#
                    .to_owned(),
            ),
            committed_at: 1,
            seal: last.then_some(seal),
            format: FORMAT,
        }
    }

    #[test]
    fn only_whole_commits_are_read() {
        for (rows, expected) in [
            (vec![], vec![]),
            (vec![row(1, 0, true)], vec![(1, 1)]),
            (
                vec![row(1, 0, false), row(1, 1, true), row(2, 0, true)],
                vec![(1, 2), (2, 1)],
            ),
            (vec![row(1, 0, true), row(2, 0, false)], vec![(1, 1)]),
            (vec![row(7, 0, false)], vec![]),
        ] {
            let read = commits(rows.clone()).expect("sound rows");
            let read: Vec<_> = read
                .iter()
                .map(|commit| (commit.revision.0, commit.changes.len()))
                .collect();
            assert_eq!(read, expected, "{rows:?}");
        }
    }

    #[test]
    fn broken_rows_are_refused() {
        let broken = |body: &str| LogRow {
            after: Some(body.to_owned()),
            ..row(1, 0, true)
        };
        let seal = Seal {
            token: Uuid::nil(),
            traceparent: String::new(),
            digest: vec![0; 15],
        };
        for (what, rows) in [
            (
                "a gap between commits",
                vec![row(1, 0, true), row(3, 0, true)],
            ),
            ("a commit without its beginning", vec![row(1, 1, true)]),
            (
                "a hole in a commit",
                vec![row(1, 0, false), row(1, 2, true)],
            ),
            (
                "neither side",
                vec![LogRow {
                    after: None,
                    ..row(1, 0, true)
                }],
            ),
            ("no JSON", vec![broken("{")]),
            ("another kind's JSON", vec![broken("{}")]),
            (
                "an unknown kind",
                vec![LogRow {
                    kind: 300,
                    ..row(1, 0, true)
                }],
            ),
            (
                "a short digest",
                vec![LogRow {
                    seal: Some(seal),
                    ..row(1, 0, true)
                }],
            ),
        ] {
            let read = commits(rows);
            assert!(
                matches!(read, Err(StoreError::Inconsistent { .. })),
                "{what}: {read:?}"
            );
        }
    }

    #[test]
    fn a_newer_format_is_refused_before_it_is_read() {
        let newer = LogRow {
            format: FORMAT + 1,
            kind: 300,
            after: None,
            ..row(1, 0, false)
        };
        assert!(matches!(
            commits([newer]),
            Err(StoreError::NewerFormat { .. })
        ));
    }
}
