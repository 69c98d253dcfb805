//! The store in a SQLite file: the embedded default, with the promises of the one in Postgres on one machine.
//!
//! It keeps and orders; it does not decide, and it does not cache. One process is what it is made for; a second one on
//! the same file is correct, but waits for the write lock by trying again.
//!
//! ```text
//! lock_and_read_after   BEGIN IMMEDIATE          the lock: one writer a file, whatever the cluster
//!                       SELECT … change_log      commits that the caller does not know yet
//! commit                INSERT …; UPDATE …; …    one call, at most twelve statements, whatever the number of rows
//!                       COMMIT                   one fsync of the WAL: nearly all of the time
//! everything else       SELECT on a pool of readers, each in one snapshot
//! ```
//! A commit's rows travel as one JSON array (`json_each`), land in `change_log`, and the tables are brought up to date
//! from there in SQL: bodies cross the border once. Which statements a commit needs depends on what it contains (new,
//! changed or removed rows; objects or claims), so that a small one stays small; each combination is prepared once.
//!
//! `synchronous=FULL`: NORMAL is faster, but may lose the newest commits with the power, and then a revision that was
//! acknowledged comes back with another meaning. Rejected: AUTOINCREMENT as the revision (it is not dense once a
//! transaction failed), a table for every kind (the same statements ten times; views serve who reads SQL), WITHOUT
//! ROWID for the log and the objects (their rows are larger than such trees are made for).
//!
//! Start with [`SqliteStore`]; `write.rs` has the write path, `read.rs` the rest of the log.

mod connection;
mod error;
mod migrations;
mod read;
mod reports;
mod store;
mod transaction;
mod write;

pub use store::SqliteStore;
pub use transaction::SqliteTransaction;
