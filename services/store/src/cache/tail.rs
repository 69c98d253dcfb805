//! The newest part of the log.

use std::collections::VecDeque;
use std::sync::Arc;

use portolan_model::{Change, Object, Record, Revision, limits};

use crate::{Commit, Write};

/// A commit with the room that it takes.
pub(super) struct Measured {
    pub(super) commit: Arc<Commit>,
    /// Octets of the newest values: a value before a change is that of an earlier one, or goes with this one.
    octets: usize,
}

impl Measured {
    /// One whose values have just been written down.
    pub(super) fn new(commit: Arc<Commit>, octets: usize) -> Self {
        Self { commit, octets }
    }

    /// One that this process has written.
    pub(super) fn of(write: &Write) -> Self {
        let octets = write.records.iter().map(Record::octets);
        Self::new(write.commit.clone(), octets.sum())
    }

    /// One that was read; its values are written down to see how long that is.
    fn weighed(commit: Commit) -> Self {
        let newest = commit.changes.iter().map(Change::object);
        let octets = newest.map(Object::octets).sum();
        Self::new(Arc::new(commit), octets)
    }
}

/// A contiguous run of commits that ends with the newest one.
#[derive(Default)]
pub(super) struct Tail {
    commits: VecDeque<Measured>,
    changes: usize,
    octets: usize,
}

impl Tail {
    /// Of what was read from a store.
    pub(super) fn of(commits: Vec<Commit>) -> Self {
        let mut tail = Self::default();
        tail.extend(commits.into_iter().map(Measured::weighed));
        tail
    }

    /// The oldest commit that is kept.
    pub(super) fn oldest(&self) -> Option<&Commit> {
        self.commits.front().map(|kept| kept.commit.as_ref())
    }

    /// All that is kept, oldest first.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Arc<Commit>> {
        self.commits.iter().map(|kept| &kept.commit)
    }

    /// What is kept of the commits after a revision, oldest first.
    pub(super) fn after(&self, revision: Revision) -> Vec<Arc<Commit>> {
        let is_before = |kept: &Measured| kept.commit.revision <= revision;
        let skip = self.commits.partition_point(is_before);
        let rest = self.commits.range(skip..);
        rest.map(|kept| kept.commit.clone()).collect()
    }

    /// Appends, and lets the oldest go. The newest commit stays whatever its size.
    pub(super) fn extend(&mut self, commits: impl IntoIterator<Item = Measured>) {
        for fresh in commits {
            self.changes += fresh.commit.changes.len();
            self.octets += fresh.octets;
            self.commits.push_back(fresh);
            while self.is_full() && self.commits.len() > 1 {
                let Some(oldest) = self.commits.pop_front() else {
                    return;
                };
                self.changes -= oldest.commit.changes.len();
                self.octets -= oldest.octets;
            }
        }
    }

    fn is_full(&self) -> bool {
        self.changes > limits::TAIL_CHANGES.value || self.octets > limits::TAIL.value
    }
}
