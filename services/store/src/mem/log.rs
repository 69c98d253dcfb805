//! One cluster's log and tables.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use portolan_model::{Change, Kind, Object, Revision, Timestamp};

use crate::{Commit, Loaded, StoreError, Write};

type Key = (Kind, String);

#[derive(Default)]
pub(super) struct Log {
    commits: VecDeque<Arc<Commit>>,
    objects: BTreeMap<Key, Object>,
}

impl Log {
    pub(super) fn newest(&self) -> Option<&Arc<Commit>> {
        self.commits.back()
    }

    fn head(&self) -> Revision {
        self.newest()
            .map_or(Revision::ZERO, |commit| commit.revision)
    }

    /// The newest revision that was forgotten.
    fn compacted(&self) -> Revision {
        self.commits
            .front()
            .map_or(Revision::ZERO, |first| Revision(first.revision.0 - 1))
    }

    pub(super) fn load(&self, tail: usize) -> Loaded {
        let mut changes = 0;
        let newest = self.commits.iter().rev().take_while(|commit| {
            let fits = changes < tail.max(1);
            changes += commit.changes.len();
            fits
        });
        let mut tail: Vec<_> = newest.map(|commit| commit.as_ref().clone()).collect();
        tail.reverse();
        Loaded {
            revision: self.head(),
            objects: self.objects.values().cloned().collect(),
            tail,
        }
    }

    pub(super) fn read_after(
        &self,
        after: Revision,
        limit: usize,
    ) -> Result<Vec<Commit>, StoreError> {
        let oldest = self.compacted();
        if after < oldest {
            return Err(StoreError::Compacted { oldest });
        }
        let mut changes = 0;
        let skip = usize::try_from(after.0 - oldest.0).unwrap_or(usize::MAX);
        let fitting = self.commits.iter().skip(skip).take_while(|commit| {
            let first = changes == 0;
            changes += commit.changes.len();
            first || changes <= limit
        });
        Ok(fitting.map(|commit| commit.as_ref().clone()).collect())
    }

    pub(super) fn commit(&mut self, write: &Write) -> Result<(), StoreError> {
        write.follows(self.head())?;
        let commit = &write.commit;
        let mut undo = Vec::new();
        for change in &commit.changes {
            if let Err(error) = self.apply(change, &mut undo) {
                self.take_back(undo);
                return Err(error);
            }
        }
        self.commits.push_back(commit.clone());
        Ok(())
    }

    fn apply(
        &mut self,
        change: &Change,
        undo: &mut Vec<(Key, Option<Object>)>,
    ) -> Result<(), StoreError> {
        let key = (change.kind(), change.object().path());
        let known = match &change.after {
            Some(after) => self.objects.insert(key.clone(), after.clone()),
            None => self.objects.remove(&key),
        };
        let expected = known.is_some() == change.before.is_some();
        undo.push((key, known));
        if expected {
            Ok(())
        } else {
            Err(StoreError::conflict(change.to_string()))
        }
    }

    fn take_back(&mut self, undo: Vec<(Key, Option<Object>)>) {
        for (key, before) in undo.into_iter().rev() {
            match before {
                Some(before) => self.objects.insert(key, before),
                None => self.objects.remove(&key),
            };
        }
    }

    pub(super) fn compact(&mut self, upto: Revision, limit: usize) -> u64 {
        let mut rows = 0;
        while self.commits.len() > 1 && rows < limit.max(1) {
            match self.commits.front() {
                Some(first) if first.revision <= upto => rows += first.changes.len(),
                _ => break,
            }
            self.commits.pop_front();
        }
        rows as u64
    }

    pub(super) fn revision_at(&self, at: Timestamp) -> Revision {
        // Commit times never go back.
        match self
            .commits
            .partition_point(|commit| commit.committed_at < at)
        {
            0 => Revision::ZERO,
            earlier => self.commits[earlier - 1].revision,
        }
    }
}
