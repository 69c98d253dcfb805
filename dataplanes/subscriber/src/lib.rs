//! The node's end of the node stream: keeps a copy of what the cluster asks for, on disk too, and says what became of
//! it. For whoever follows a cluster: the agent of a dataplane, a DNS server.
//!
//! Knows no dataplane and decides nothing about Services. Gone is only what a batch or a complete snapshot says is
//! gone; while the server is away, everything stays.
//!
//! ```text
//!             server                        subscriber                                  owner
//!   Welcome, Snapshot, Batch ... --> Intake --> StoreCopy --> Update -------------------> applies
//!                                                    \-> LastKnownGood (recorded stream)     |
//!   Ack, HealthReport, Heartbeat <-- Outbox <-- Rejections, Reporter <-- Applied, readiness --'
//! ```
//! Start with [`Subscriber`]. The first [`Update`] is what the state directory remembers, and only when it was applied
//! is the server called. [`Update`]s are differences to the one before and always lead to a whole state, so their
//! owner may prune from the first one on.

mod backoff;
mod config;
mod error;
mod intake;
mod key;
mod last_known_good;
mod outbox;
mod rejections;
mod reporter;
mod status;
mod store_copy;
mod subscriber;
mod task;
#[cfg(feature = "testing")]
pub mod testing;
mod update;

pub use config::{Config, Description};
pub use error::{StartError, StateDirError};
pub use status::Status;
pub use subscriber::{ReadinessSender, Subscriber};
pub use update::{Applied, CommitInfo, Mark, Readiness, ReadinessTable, Reason, Source, Update};
