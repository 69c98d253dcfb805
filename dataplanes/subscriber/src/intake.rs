//! The rules of the node stream, without a network: frames in, whole states out. The state directory is read through
//! the same door, as it holds a recorded stream.

mod partial;

use portolan_model::{Revision, StoreId};
use portolan_proto::node::v1 as wire;

use crate::store_copy::{Changes, StoreCopy, ViewChanges};
use crate::{CommitInfo, Source};
use partial::{Group, Partial, Snapshot};

/// A whole state was reached.
#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) source: Source,
    pub(crate) from: Revision,
    pub(crate) to: Revision,
    /// What a batch changed.
    pub(crate) changes: Changes,
    pub(crate) views: ViewChanges,
    pub(crate) commits: Vec<CommitInfo>,
}

/// Why a stream has to be left.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Break {
    /// What is held is not what the server has.
    #[error("digest of revision {0} differs from the server's; asking for a snapshot")]
    Digest(Revision),
    /// Something is missing between what is held and what came.
    #[error("holding revision {held}, but changes start at {from}; connecting again")]
    Gap { held: Revision, from: Revision },
    /// The server broke a rule of the stream.
    #[error("the server broke a rule of the stream: {0}; asking for a snapshot")]
    Violation(&'static str),
    /// The server has another store.
    #[error(
        "the server has store {0}, but another one is held: keeping what is programmed; \
         if the store was replaced on purpose, start once with --accept-store"
    )]
    ForeignStore(StoreId),
}

/// Receives a stream.
#[derive(Debug)]
pub(crate) struct Intake {
    held: Option<StoreCopy>,
    store_id: Option<StoreId>,
    partial: Partial,
    accept_store: bool,
    /// What is held was found to differ from the server's.
    distrusted: bool,
}

impl Intake {
    /// Goes on from what is held. Another store is taken only if `accept_store` is set.
    pub(crate) fn new(held: Option<StoreCopy>, accept_store: bool) -> Self {
        Self {
            held,
            store_id: None,
            partial: Partial::None,
            accept_store,
            distrusted: false,
        }
    }

    /// What is held whole.
    pub(crate) fn held(&self) -> Option<&StoreCopy> {
        self.held.as_ref()
    }

    /// Gives up the stream and keeps what is held whole.
    pub(crate) fn into_held(self) -> Option<StoreCopy> {
        self.held
    }

    /// Where the next stream may go on. Forgets what was not received whole.
    pub(crate) fn restart(&mut self) -> Option<wire::Resume> {
        self.partial = Partial::None;
        self.store_id = None;
        let held = self.held.as_ref().filter(|_| !self.distrusted);
        held.map(StoreCopy::resume)
    }

    /// Notes what a break says about what is held.
    pub(crate) fn left(&mut self, because: &Break) {
        self.distrusted |= matches!(because, Break::Digest(_) | Break::Violation(_));
    }

    /// The first frame of a stream.
    pub(crate) fn welcome(&mut self, welcome: &wire::Welcome) -> Result<(), Break> {
        let store_id = StoreId::from_slice(&welcome.store_id)
            .ok_or(Break::Violation("a store id has 16 bytes"))?;
        let own = self.held.as_ref().map(|held| held.store_id);
        match welcome.mode() {
            wire::welcome::Mode::Resume if own != Some(store_id) || self.distrusted => {
                return Err(Break::Violation("resumed without being asked to"));
            }
            wire::welcome::Mode::Unspecified => return Err(Break::Violation("no mode")),
            wire::welcome::Mode::Snapshot
                if own.is_some_and(|own| own != store_id) && !self.accept_store =>
            {
                return Err(Break::ForeignStore(store_id));
            }
            wire::welcome::Mode::Resume | wire::welcome::Mode::Snapshot => {}
        }
        self.store_id = Some(store_id);
        Ok(())
    }

    /// A snapshot starts.
    pub(crate) fn snapshot_begin(&mut self, begin: &wire::SnapshotBegin) -> Result<(), Break> {
        if !matches!(self.partial, Partial::None) {
            return Err(Break::Violation("a snapshot within another frame"));
        }
        let expected = usize::try_from(begin.objects).unwrap_or(usize::MAX);
        self.partial = Partial::Snapshot(Snapshot::begun(Revision(begin.revision), expected));
        Ok(())
    }

    /// Changes, or a part of a snapshot.
    pub(crate) fn batch(&mut self, batch: wire::Batch) -> Result<Option<Step>, Break> {
        let (from, to) = (Revision(batch.from_revision), Revision(batch.to_revision));
        let more = batch.more;
        let mut group = match std::mem::replace(&mut self.partial, Partial::None) {
            Partial::Snapshot(mut snapshot) => {
                snapshot.add(batch)?;
                self.partial = Partial::Snapshot(snapshot);
                return Ok(None);
            }
            Partial::Batch(group) => group,
            Partial::None => Group::at(from),
        };
        let Some(held) = &mut self.held else {
            return Err(Break::Violation("changes to nothing"));
        };
        if group.from > held.revision {
            return Err(Break::Gap {
                held: held.revision,
                from: group.from,
            });
        }
        group.add(batch)?;
        if more {
            self.partial = Partial::Batch(group);
            return Ok(None);
        }
        if to <= held.revision {
            return Ok(None);
        }
        Ok(Some(group.finish(held, to)))
    }

    /// The snapshot is complete: what was not in it is gone.
    pub(crate) fn snapshot_end(&mut self, end: &wire::SnapshotEnd) -> Result<Step, Break> {
        let (Partial::Snapshot(snapshot), Some(store_id)) = (
            std::mem::replace(&mut self.partial, Partial::None),
            self.store_id,
        ) else {
            return Err(Break::Violation("end of no snapshot"));
        };
        let revision = snapshot.revision;
        let (objects, digest) = snapshot.finish();
        if digest.as_bytes() != end.digest.as_slice() {
            return Err(Break::Digest(revision));
        }
        self.distrusted = false;
        let held = self.held.get_or_insert_with(|| StoreCopy::empty(store_id));
        held.store_id = store_id;
        let from = held.revision;
        let views = held.replace(objects, digest, revision);
        Ok(Step {
            source: Source::Snapshot,
            from,
            to: revision,
            changes: Changes::new(),
            views,
            commits: Vec::new(),
        })
    }

    /// Nothing up to a revision is missing.
    pub(crate) fn bookmark(&mut self, bookmark: &wire::Bookmark) -> Result<Option<Step>, Break> {
        let (Partial::None, Some(held)) = (&self.partial, &mut self.held) else {
            return Err(Break::Violation("a bookmark before a state is whole"));
        };
        let revision = Revision(bookmark.revision);
        if revision < held.revision {
            // Of a replica that is behind the one before.
            return Ok(None);
        }
        if held.digest.as_bytes() != bookmark.digest.as_slice() {
            return Err(Break::Digest(revision));
        }
        if revision == held.revision {
            return Ok(None);
        }
        // Revisions that changed nothing for nodes.
        Ok(Some(Group::at(held.revision).finish(held, revision)))
    }
}

#[cfg(test)]
mod tests;
