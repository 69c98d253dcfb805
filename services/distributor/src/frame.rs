//! What all streams are sent, in bytes.

use tokio::time::Instant;

use bytes::Bytes;
use portolan_model::{Digest, Revision};

/// The step from one state to a later one, framed for the wire.
pub(crate) struct Frame {
    /// Digests of the states it leads through that were projected on their own; the last one is where it leads to.
    pub(crate) digests: Vec<(Revision, Digest)>,
    /// One or more Batches.
    pub(crate) bytes: Bytes,
    /// When this process learned of its oldest commit; `None` if that was before it started.
    pub(crate) learned: Option<Instant>,
}

impl Frame {
    /// The state it leads to.
    pub(crate) fn to(&self) -> (Revision, Digest) {
        *self.digests.last().expect("a frame covers a commit")
    }

    /// Whether a node that holds this state can go on with this frame.
    pub(crate) fn passes(&self, state: (Revision, Digest)) -> bool {
        self.digests.contains(&state)
    }
}
