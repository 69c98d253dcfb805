//! The contract.

use std::future::Future;

use portolan_model::{Digest, Event, Name, NodeReport, Object, Revision, StoreId, Timestamp};

use crate::{Commit, CommitError, StoreError, Write};

/// Format of log rows. A replica that meets a higher one must not decide on what it can't read.
pub const FORMAT: i16 = 1;

/// Keeps the objects of any number of clusters, and an ordered log of their changes.
///
/// Promises, per cluster:
/// - Revisions are dense and start at 1; commit order is revision order. A reader that sees revision r sees all of
///   it, and every earlier one.
/// - [`Store::load`] at revision r equals replaying the log up to r.
/// - An aborted or failed transaction leaves nothing behind and consumes no revision.
/// - What [`Transaction::commit`] acknowledged is still there after a crash.
/// - Even a writer that got around the lock can't commit a revision twice.
pub trait Store: Clone + Send + Sync + 'static {
    /// An open write transaction.
    type Transaction: Transaction;

    /// Which history this is. Made once, when the store is created.
    fn store_id(&self) -> StoreId;

    /// The end of every cluster's log, in one statement: followers poll it. No clusters: empty.
    fn heads(&self) -> impl Future<Output = Result<Vec<Head>, StoreError>> + Send;

    /// All objects of a cluster, and the newest commits up to about `tail` changes, all read in one snapshot. A
    /// cluster that was never written has revision 0.
    fn load(
        &self,
        cluster: &Name,
        tail: usize,
    ) -> impl Future<Output = Result<Loaded, StoreError>> + Send;

    /// Commits after a revision, whole and in order: as many as fit into `limit` changes, but at least one if there
    /// is one. [`StoreError::Compacted`] if the log no longer reaches back to `after`.
    fn read_after(
        &self,
        cluster: &Name,
        after: Revision,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<Commit>, StoreError>> + Send;

    /// Opens a write transaction: takes the cluster's lock first, then reads every commit after `after`. What the
    /// caller then knows is exactly the committed state, and stays so until the transaction ends. A holder that
    /// pauses for longer than a few seconds loses the lock and can't commit.
    fn lock_and_read_after(
        &self,
        cluster: &Name,
        after: Revision,
    ) -> impl Future<Output = Result<Locked<Self::Transaction>, StoreError>> + Send;

    /// Forgets commits up to `upto` (inclusive), at most about `limit` rows at a time; the newest commit always stays.
    /// The bound is made known before rows go. Returns how many rows went; 0 means done.
    fn compact(
        &self,
        cluster: &Name,
        upto: Revision,
        limit: usize,
    ) -> impl Future<Output = Result<u64, StoreError>> + Send;

    /// The newest revision committed before a time; for compaction by age. Revision 0 if there is none.
    fn revision_at(
        &self,
        cluster: &Name,
        at: Timestamp,
    ) -> impl Future<Output = Result<Revision, StoreError>> + Send;

    /// Adds events: an equal one (object uid, reason, component, message) is counted up instead. At most 10,000 are
    /// kept a cluster; the oldest go.
    fn record_events(
        &self,
        cluster: &Name,
        events: &[Event],
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// The newest events about a resource or what is below it (`object` equals `below`, or starts with `below/`; all
    /// if `below` is empty), the newest last.
    fn events(
        &self,
        cluster: &Name,
        below: &str,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<Event>, StoreError>> + Send;

    /// Keeps what nodes reported, in bulk. A row of a higher session is never overwritten by a lower one. Rows of
    /// nodes whose uid is new replace those of their predecessors.
    fn put_node_reports(
        &self,
        cluster: &Name,
        runtime: &[NodeReport],
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// What all nodes reported, through whatever replica.
    fn node_reports(
        &self,
        cluster: &Name,
    ) -> impl Future<Output = Result<Vec<NodeReport>, StoreError>> + Send;

    /// Forgets what a node reported; for nodes that were deleted.
    fn forget_node_report(
        &self,
        cluster: &Name,
        node: &Name,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Forgets all events, and what all nodes reported; before a cluster is created under the name of a deleted one.
    fn forget_reports(&self, cluster: &Name)
    -> impl Future<Output = Result<(), StoreError>> + Send;
}

/// An open write transaction. Dropping it rolls back.
pub trait Transaction: Send {
    /// Writes and commits. The tables get the net effect of the changes, the log all of them.
    fn commit(self, write: &Write) -> impl Future<Output = Result<(), CommitError>> + Send;

    /// Ends it without a trace, and gives the lock back.
    fn rollback(self) -> impl Future<Output = ()> + Send;
}

/// The end of a cluster's log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// The cluster.
    pub cluster: Name,
    /// Its newest revision.
    pub revision: Revision,
    /// The digest that was written with it.
    pub digest: Digest,
}

/// A cluster as the tables have it.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The revision that the tables show.
    pub revision: Revision,
    /// Every object.
    pub objects: Vec<Object>,
    /// The newest commits, contiguous, ending with `revision`.
    pub tail: Vec<Commit>,
}

/// A write transaction, and what was committed since the caller last looked.
pub struct Locked<T> {
    /// The transaction.
    pub transaction: T,
    /// Every commit after the revision asked for.
    pub commits: Vec<Commit>,
    /// The store's clock, read under the lock.
    pub now: Timestamp,
}
