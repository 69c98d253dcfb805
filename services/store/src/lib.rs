//! The contract between deciding and keeping: an ordered, durable log of whole values, and the tables that it leads to.
//!
//! Because deciding is pure, a store only orders, keeps, reads back and compacts. It never looks into an operation.
//! What must hold is written at [`Store`] and tested by the conformance suite (feature `testing`) that every
//! implementation runs.
//!
//! ```text
//! lock_and_read_after --> (decide, elsewhere) --> Transaction::commit      one writer at a time per cluster
//!        heads, read_after --> Cache --> everybody who reads               any number of followers
//! ```
//! Start with [`Store`], then [`Cache`], the copy in memory that reads are served from.

mod any;
mod cache;
mod clock;
mod commit;
mod error;
pub mod events;
mod follow;
mod mem;
pub mod node_reports;
pub mod rows;
mod store;
#[cfg(feature = "testing")]
pub mod testing;
mod turn;

pub use any::{AnyStore, AnyTransaction};
pub use cache::{Cache, Compacted, Position, Since, TAIL_CHANGES};
pub use clock::SystemClock;
pub use commit::{AuditEntry, Commit, Write};
pub use error::{CommitError, StoreError};
pub use follow::{POLL_INTERVAL, follow};
pub use mem::{MemStore, MemTransaction};
pub use store::{FORMAT, Head, Loaded, Locked, Store, Transaction};
pub use turn::{PAUSE, Turn};
