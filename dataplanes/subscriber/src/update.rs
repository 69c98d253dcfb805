//! What passes between a subscriber and its owner.

use std::collections::BTreeMap;
use std::time::Instant;

use portolan_model::view::{PackedView, ViewKey};
use portolan_model::{Revision, Timestamp, Uid};

/// Leads from one whole state to the next.
#[derive(Clone, Debug)]
pub struct Update {
    /// What the owner gives back when it was applied.
    pub mark: Mark,
    /// Where it came from.
    pub source: Source,
    /// When its last frame was received, or the state directory was read.
    pub received: Instant,
    /// The state it follows; [`Revision::ZERO`] for the first.
    pub from: Revision,
    /// What is new or changed, whole.
    pub upserts: Vec<(ViewKey, PackedView)>,
    /// What is gone.
    pub removed: Vec<ViewKey>,
    /// Commits covered, the oldest first; none for what is not fresh.
    pub commits: Vec<CommitInfo>,
}

/// Which update was applied.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mark {
    /// Counts the updates of a subscriber, from 1.
    pub(crate) number: u64,
    /// The revision it leads to.
    pub(crate) revision: Revision,
}

impl Mark {
    /// The revision that the update leads to.
    pub fn revision(self) -> Revision {
        self.revision
    }
}

/// Where an update came from.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// The state directory.
    LastKnownGood,
    /// A complete snapshot.
    Snapshot,
    /// Changes, possibly none.
    Batch,
}

/// A commit that an update covers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommitInfo {
    /// Its revision.
    pub revision: Revision,
    /// When it was made, on the store's clock.
    pub committed_at: Timestamp,
    /// W3C trace context of the request that made it; may be empty.
    pub traceparent: String,
}

/// The owner's answer to an [`Update`], and to nothing when a retry changed the outcome: the latest one counts.
#[derive(Clone, Debug, Default)]
pub struct Applied {
    /// The update that was applied last.
    pub mark: Mark,
    /// Everything that is not programmed as it should be, not just what is new.
    pub rejected: BTreeMap<ViewKey, Reason>,
    /// Microseconds from its receipt until it was applied.
    pub apply_us: u64,
}

/// Why an object is not programmed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// A stable word of the node stream.
    pub code: &'static str,
    /// Why, and the remedy; for people.
    pub message: String,
}

/// Readiness of every workload that the owner probes, whole; the subscriber finds out what is news.
pub type ReadinessTable = BTreeMap<Uid, Readiness>;

/// Readiness of one workload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Readiness {
    /// The probe that was run.
    pub probe_generation: u64,
    /// Whether it serves.
    pub serving: bool,
    /// Since when that is so.
    pub since: Instant,
    /// The last error; empty if it serves.
    pub reason: String,
}
