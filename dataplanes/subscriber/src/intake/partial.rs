//! What came of the state that is being received.

use std::collections::BTreeMap;

use portolan_model::{Digest, Revision, Timestamp};
use portolan_proto::node::v1 as wire;

use super::{Break, Step};
use crate::key::ObjectKey;
use crate::store_copy::{Body, Changes, StoreCopy};
use crate::{CommitInfo, Source};

/// Objects of a snapshot that room is made for beforehand, whatever their number is said to be.
const MOST_EXPECTED: usize = 1 << 20;

/// What came of the state that is being received.
#[derive(Debug)]
pub(super) enum Partial {
    None,
    Batch(Group),
    Snapshot(Snapshot),
}

/// Batches up to the one without `more`.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) from: Revision,
    changes: Changes,
    commits: Vec<CommitInfo>,
}

/// A snapshot up to where it was received.
#[derive(Debug)]
pub(super) struct Snapshot {
    pub(super) revision: Revision,
    /// As they come; of two with one key the later one counts.
    objects: Vec<(ObjectKey, Body)>,
}

impl Snapshot {
    pub(super) fn begun(revision: Revision, expected: usize) -> Self {
        Self {
            revision,
            objects: Vec::with_capacity(expected.min(MOST_EXPECTED)),
        }
    }

    pub(super) fn add(&mut self, batch: wire::Batch) -> Result<(), Break> {
        for object in batch.objects {
            self.objects.push(whole(&object)?);
        }
        Ok(())
    }

    /// Every object, and the digest of all.
    pub(super) fn finish(self) -> (BTreeMap<ObjectKey, Body>, Digest) {
        let objects: BTreeMap<_, _> = self.objects.into_iter().collect();
        let mut digest = Digest::EMPTY;
        for (key, body) in &objects {
            digest.toggle(key.digest(body));
        }
        (objects, digest)
    }
}

impl Group {
    pub(super) fn at(from: Revision) -> Self {
        Self {
            from,
            changes: Changes::new(),
            commits: Vec::new(),
        }
    }

    pub(super) fn add(&mut self, batch: wire::Batch) -> Result<(), Break> {
        for object in &batch.objects {
            let (key, body) = whole(object)?;
            self.changes.insert(key, Some(body));
        }
        for gone in &batch.removed {
            self.changes.insert(key(gone.kind, &gone.uid)?, None);
        }
        self.commits
            .extend(batch.commits.into_iter().map(|commit| CommitInfo {
                revision: Revision(commit.revision),
                committed_at: Timestamp(commit.committed_at_us),
                traceparent: commit.traceparent,
            }));
        Ok(())
    }

    pub(super) fn finish(self, held: &mut StoreCopy, to: Revision) -> Step {
        let from = held.revision;
        let views = held.apply(&self.changes, to);
        Step {
            source: Source::Batch,
            from,
            to,
            changes: self.changes,
            views,
            commits: self.commits,
        }
    }
}

fn key(kind: i32, uid: &[u8]) -> Result<ObjectKey, Break> {
    ObjectKey::new(kind, uid).ok_or(Break::Violation("an object without kind or uid"))
}

/// A body of its own: the received one is a slice of a buffer that it would keep alive.
fn whole(object: &wire::Object) -> Result<(ObjectKey, Body), Break> {
    let key = key(object.kind, &object.uid)?;
    Ok((key, Body::from(&object.body[..])))
}
