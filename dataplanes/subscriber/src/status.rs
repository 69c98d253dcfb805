//! How a subscriber is doing.

use std::time::Instant;

use portolan_model::{Revision, StoreId};

/// Where a subscriber stands; counters grow from its start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// A stream is open and was welcomed.
    pub connected: bool,
    /// Session of the latest stream.
    pub session: u64,
    /// The store that `revision` belongs to; none while nothing is held.
    pub store_id: Option<StoreId>,
    /// The revision that is held whole.
    pub revision: Revision,
    /// Applied by the owner.
    pub attempted: Revision,
    /// Would be remembered after a crash of the machine.
    pub durable: Revision,
    /// Head of the log as far as known.
    pub head: Revision,
    /// When the latest stream was welcomed.
    pub welcomed_at: Option<Instant>,
    /// When the server was last heard.
    pub last_contact: Option<Instant>,
    /// How long the server had not seen its store, in milliseconds.
    pub stale_ms: u64,
    /// A store that was refused because another one is held, see [`crate::Config::accept_store`].
    pub refused_store: Option<StoreId>,
    /// Objects whose body this release can't read.
    pub unreadable: usize,
    /// Objects that are rejected, unreadable ones included.
    pub rejected: usize,
    /// Streams that were welcomed after the first.
    pub reconnects: u64,
    /// Streams that went on where the one before ended.
    pub resumes: u64,
    /// Snapshots taken.
    pub snapshots: u64,
    /// States that differed from the server's.
    pub digest_mismatches: u64,
    /// Writes to the state directory that failed.
    pub storage_failures: u64,
    /// Why there is no stream, for people; empty while there is one.
    pub disconnected_because: String,
}
