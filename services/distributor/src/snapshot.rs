//! Snapshots: made once, sent to everybody who joins.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use bytes::Bytes;
use portolan_model::{Digest, Revision};

use crate::projection::Projection;
use crate::wire;

/// Under constant change, a new one at most this often: who joins in between gets the frames since as well.
const MIN_PAUSE: Duration = Duration::from_secs(2);

/// A whole state in framed pieces, and where to go on after it.
pub(crate) struct Snapshot {
    pub(crate) state: (Revision, Digest),
    pub(crate) pieces: Vec<Bytes>,
    pub(crate) epoch: u64,
    pub(crate) position: u64,
    made: Instant,
}

impl Snapshot {
    /// Takes a while: about 150 ms for 110,000 objects.
    pub(crate) fn of(projection: &Projection, epoch: u64, position: u64) -> Self {
        let state = (projection.revision(), projection.digest());
        let pieces = wire::snapshot(state.0, state.1, projection.bodies().iter());
        Self {
            state,
            pieces,
            epoch,
            position,
            made: Instant::now(),
        }
    }

    /// Whether it shows the newest state, or one that is new enough.
    pub(crate) fn is_fresh(&self, epoch: u64, end: u64) -> bool {
        self.epoch == epoch && (self.position == end || !self.is_old())
    }

    /// Whether it is worth making another one, if anything has changed since.
    pub(crate) fn is_old(&self) -> bool {
        self.made.elapsed() >= MIN_PAUSE
    }
}

/// The newest snapshot, shared.
pub(crate) type Shared = tokio::sync::Mutex<Option<Arc<Snapshot>>>;
