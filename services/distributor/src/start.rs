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

/// Why a stream begins with a whole state.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum SnapshotCause {
    /// The node holds nothing.
    HoldsNothing,
    /// What it holds is another store's.
    OtherStore,
    /// It was away for longer than frames are kept.
    TooOld,
    /// What it holds is no state that this process knows.
    Unknown,
}

impl SnapshotCause {
    /// All of them.
    pub(crate) const ALL: [Self; 4] = [
        Self::HoldsNothing,
        Self::OtherStore,
        Self::TooOld,
        Self::Unknown,
    ];

    /// As metrics name it.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::HoldsNothing => "holds_nothing",
            Self::OtherStore => "other_store",
            Self::TooOld => "too_old",
            Self::Unknown => "unknown",
        }
    }
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
