//! What the stores in SQL have in common: commits as rows, and what a commit does to the tables.

use std::collections::HashMap;

use portolan_model::{Change, Digest, Kind, Object, Revision, Timestamp, Uid};
use uuid::Uuid;

use crate::{Commit, FORMAT, StoreError};

/// A row of the table `change_log`.
#[derive(Clone, Debug)]
pub struct LogRow {
    /// Its commit.
    pub rev: i64,
    /// Its place in the commit, from 0.
    pub ord: i32,
    /// [`Kind::number`]
    pub kind: i16,
    /// [`Object::path`]
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

/// What a change does to its table, once everything that follows it in the commit is known.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Nothing: a later change of the same object decides, or there was nothing before and is nothing after.
    None,
    /// A new row; there must be none.
    Insert,
    /// Another value of a row that must be there.
    Update,
    /// The row goes.
    Delete,
}

/// A change as it is written.
#[derive(Clone, Debug)]
pub struct ChangeRow {
    /// [`Object::kind`]
    pub kind: Kind,
    /// [`Object::path`]
    pub path: String,
    /// [`Object::uid`]
    pub uid: Uuid,
    /// Body before the change.
    pub before: Option<String>,
    /// Body after it.
    pub after: Option<String>,
    /// What it does to its table.
    pub effect: Effect,
}

/// Changes as rows, in order.
pub fn change_rows(changes: &[Change]) -> Vec<ChangeRow> {
    let mut rows: Vec<_> = changes
        .iter()
        .map(|change| ChangeRow {
            kind: change.kind(),
            path: change.object().path(),
            uid: change.object().uid().as_uuid(),
            before: change.before.as_ref().map(Object::to_body),
            after: change.after.as_ref().map(Object::to_body),
            effect: Effect::None,
        })
        .collect();
    for (index, effect) in effects(&rows) {
        rows[index].effect = effect;
    }
    rows
}

/// The net effect on every object, at its last change.
fn effects(rows: &[ChangeRow]) -> Vec<(usize, Effect)> {
    let mut ends: HashMap<(Kind, &str), (bool, usize)> = HashMap::with_capacity(rows.len());
    for (index, row) in rows.iter().enumerate() {
        ends.entry((row.kind, &row.path)).or_insert((row.before.is_some(), index)).1 = index;
    }
    ends.into_values()
        .map(|(existed, last)| {
            let effect = match (existed, rows[last].after.is_some()) {
                (false, true) => Effect::Insert,
                (true, true) => Effect::Update,
                (true, false) => Effect::Delete,
                (false, false) => Effect::None,
            };
            (last, effect)
        })
        .collect()
}

/// Commits from log rows in order. A commit whose end is not among them is left out.
pub fn commits(rows: impl IntoIterator<Item = LogRow>) -> Result<Vec<Commit>, StoreError> {
    let mut commits: Vec<Commit> = Vec::new();
    let mut changes = Vec::new();
    for row in rows {
        check_format(row.format)?;
        if usize::try_from(row.ord).ok() != Some(changes.len()) {
            return Err(row.inconsistent(format!("{} rows of its commit come before it", changes.len())));
        }
        changes.push(row.change()?);
        let Some(seal) = &row.seal else { continue };
        let commit = row.commit(seal, std::mem::take(&mut changes))?;
        if commits.last().is_some_and(|previous| previous.revision.next() != commit.revision) {
            return Err(row.inconsistent("the revision before it is missing".to_owned()));
        }
        commits.push(commit);
    }
    Ok(commits)
}

/// Refuses what a newer release wrote.
pub fn check_format(found: i16) -> Result<(), StoreError> {
    if found > FORMAT { Err(StoreError::NewerFormat { found, known: FORMAT }) } else { Ok(()) }
}

/// The number for a column; what is beyond it (nothing sound is) becomes the highest.
pub fn number(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// A revision from a column.
pub fn revision(value: i64) -> Revision {
    Revision(value.unsigned_abs())
}

/// An object from its row.
pub fn object(table: &'static str, kind: i16, path: &str, body: &str) -> Result<Object, StoreError> {
    let broken = |problem: String| StoreError::Inconsistent { table, key: format!("{kind} {path}"), problem };
    let known = u8::try_from(kind).ok().and_then(Kind::from_number);
    let known = known.ok_or_else(|| broken("this kind is not known".to_owned()))?;
    Object::from_body(known, body).map_err(|error| broken(error.to_string()))
}

impl LogRow {
    fn change(&self) -> Result<Change, StoreError> {
        if self.before.is_none() && self.after.is_none() {
            return Err(self.inconsistent("neither before nor after".to_owned()));
        }
        let side = |body: &Option<String>| {
            body.as_deref().map(|body| object("change_log", self.kind, &self.path, body)).transpose()
        };
        Ok(Change { before: side(&self.before)?, after: side(&self.after)? })
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
        StoreError::Inconsistent { table: "change_log", key: format!("({}, {})", self.rev, self.ord), problem }
    }
}
