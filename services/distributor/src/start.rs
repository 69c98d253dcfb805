//! Where a stream begins.

use std::sync::Arc;

use portolan_model::{Digest, Revision, StoreId};

use crate::snapshot::Snapshot;

/// A state that a node holds whole.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct ResumePoint {
    /// The store it came from.
    pub store_id: StoreId,
    /// Its revision.
    pub revision: Revision,
    /// Its digest.
    pub digest: Digest,
}

/// How a stream begins.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Mode {
    /// With what changed since the state that the node holds.
    Resume,
    /// With a whole state.
    Snapshot,
}

/// Where a stream begins.
pub struct Start {
    pub(crate) epoch: u64,
    pub(crate) position: u64,
    pub(crate) held: (Revision, Digest),
    pub(crate) snapshot: Option<Arc<Snapshot>>,
}

impl Start {
    /// How it begins.
    pub fn mode(&self) -> Mode {
        if self.snapshot.is_some() {
            Mode::Snapshot
        } else {
            Mode::Resume
        }
    }
}
