//! The store in Postgres: the only state that replicas share, so there may be any number of them.
//!
//! It keeps and orders; it does not decide, and it does not cache.
//!
//! ```text
//! lock_and_read_after   BEGIN; SELECT pg_advisory_xact_lock(…);  1  one message, three statements
//!                       EXECUTE portolan_read                       commits that the caller does not know, and the time
//! commit                EXECUTE portolan_write; COMMIT           2  one statement from arrays, whatever the rows
//! heads                 SELECT … logs, LATERAL change_log        one read of an index a cluster, about 0.1 ms
//! ```
//! **Lock first.** Under READ COMMITTED a statement takes its snapshot before it waits for a lock, so the lock and the
//! reading that it protects are two statements. The lock is of the transaction: no path leads out of a transaction
//! with the lock still held. The queue of Postgres' heavyweight locks is first in, first out, so replicas take turns.
//! Its key is the first 8 bytes of BLAKE2b-128 over `portolan/log/` and the cluster's name. A writer that got around
//! it meets the primary key of `change_log`.
//!
//! **One connection a cluster writes**, outside the pool: no checkout, statements prepared once, and settings of its own
//! (see `connection.rs`; of too many clusters the idlest one's is closed): what a paused holder has open is ended by the server after 2 s.
//!
//! **Two round trips** are all that a commit costs beside the flush: its statements are prepared in SQL, and travel with
//! `BEGIN`, lock and `COMMIT` as messages of the simple protocol. The claims' columns are taken from the JSON in SQL, so that a body crosses the wire once. Bodies are `json`, not
//! `jsonb`: they are written far more often than searched, come back as they were, and any text fits (`jsonb` refuses
//! `\u0000`), which is decision 15.
//!
//! Rejected (decisions 1 and 4): a sequence as the revision (numbers are given out before commit, so a reader sees 8
//! before 7 and can't tell a gap from a rollback); a counter row (under an old snapshot it bloats to half the speed);
//! NOTIFY for followers (every notifying commit takes one lock of the whole server, and what was sent to a broken
//! connection is gone: they poll the heads instead); a table for every kind (the write statement would have three parts
//! for each; views serve who reads SQL); LISTEN, triggers and stored procedures of any kind.
//!
//! Start with [`PgStore`]; `transaction.rs`, `prepared.rs` and `write.rs` have the write path, `read.rs` the rest of the log.

mod call;
mod connection;
mod error;
mod load;
mod migrations;
mod prepared;
mod read;
mod reports;
mod store;
#[cfg(feature = "testing")]
pub mod testing;
mod transaction;
mod write;

pub use store::PgStore;
pub use transaction::PgTransaction;
