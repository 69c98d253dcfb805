//! A store whose kind is known only at run time.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use portolan_model::{Event, Name, NodeReport, Revision, StoreId, Timestamp};

use crate::{Commit, CommitError, Head, Loaded, Locked, Store, StoreError, Transaction, Write};

/// Any store. What is generic over stores is compiled once for it, instead of once for each kind; a call costs one
/// allocation more, beside a round trip to a database.
#[derive(Clone)]
pub struct AnyStore(Arc<dyn ErasedStore>);

/// A transaction of any store.
pub struct AnyTransaction(Box<dyn ErasedTransaction>);

type Pending<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;
type Answer<'a, T> = Pending<'a, Result<T, StoreError>>;

impl AnyStore {
    /// From a store of a kind.
    pub fn new(store: impl Store) -> Self {
        Self(Arc::new(store))
    }
}

/// [`Store`] with boxed futures, so that it can be a trait object.
trait ErasedStore: Send + Sync {
    fn id(&self) -> StoreId;
    fn heads(&self) -> Answer<'_, Vec<Head>>;
    fn load<'a>(&'a self, cluster: &'a Name, tail: usize) -> Answer<'a, Loaded>;
    fn read_after<'a>(
        &'a self,
        cluster: &'a Name,
        after: Revision,
        limit: usize,
    ) -> Answer<'a, Vec<Commit>>;
    fn lock_and_read_after<'a>(
        &'a self,
        cluster: &'a Name,
        after: Revision,
    ) -> Answer<'a, Locked<AnyTransaction>>;
    fn compact<'a>(&'a self, cluster: &'a Name, upto: Revision, limit: usize) -> Answer<'a, u64>;
    fn revision_at<'a>(&'a self, cluster: &'a Name, at: Timestamp) -> Answer<'a, Revision>;
    fn record_events<'a>(&'a self, cluster: &'a Name, events: &'a [Event]) -> Answer<'a, ()>;
    fn events<'a>(
        &'a self,
        cluster: &'a Name,
        below: &'a str,
        limit: usize,
    ) -> Answer<'a, Vec<Event>>;
    fn put_node_reports<'a>(&'a self, cluster: &'a Name, rows: &'a [NodeReport]) -> Answer<'a, ()>;
    fn node_reports<'a>(&'a self, cluster: &'a Name) -> Answer<'a, Vec<NodeReport>>;
    fn forget_node_report<'a>(&'a self, cluster: &'a Name, node: &'a Name) -> Answer<'a, ()>;
    fn forget_reports<'a>(&'a self, cluster: &'a Name) -> Answer<'a, ()>;
}

/// [`Transaction`] as a trait object.
trait ErasedTransaction: Send {
    fn commit(self: Box<Self>, write: &Write) -> Pending<'_, Result<(), CommitError>>;
    fn rollback(self: Box<Self>) -> Pending<'static, ()>;
}

impl<T: Transaction + 'static> ErasedTransaction for T {
    fn commit(self: Box<Self>, write: &Write) -> Pending<'_, Result<(), CommitError>> {
        Box::pin(Transaction::commit(*self, write))
    }

    fn rollback(self: Box<Self>) -> Pending<'static, ()> {
        Box::pin(Transaction::rollback(*self))
    }
}

impl Transaction for AnyTransaction {
    async fn commit(self, write: &Write) -> Result<(), CommitError> {
        self.0.commit(write).await
    }

    async fn rollback(self) {
        self.0.rollback().await;
    }
}

impl<S: Store> ErasedStore for S {
    fn lock_and_read_after<'a>(
        &'a self,
        cluster: &'a Name,
        after: Revision,
    ) -> Answer<'a, Locked<AnyTransaction>> {
        Box::pin(async move {
            let locked = Store::lock_and_read_after(self, cluster, after).await?;
            Ok(Locked {
                transaction: AnyTransaction(Box::new(locked.transaction)),
                commits: locked.commits,
                now: locked.now,
            })
        })
    }

    fn id(&self) -> StoreId {
        self.store_id()
    }

    fn heads(&self) -> Answer<'_, Vec<Head>> {
        Box::pin(Store::heads(self))
    }

    fn load<'a>(&'a self, cluster: &'a Name, tail: usize) -> Answer<'a, Loaded> {
        Box::pin(Store::load(self, cluster, tail))
    }

    fn read_after<'a>(
        &'a self,
        cluster: &'a Name,
        after: Revision,
        limit: usize,
    ) -> Answer<'a, Vec<Commit>> {
        Box::pin(Store::read_after(self, cluster, after, limit))
    }

    fn compact<'a>(&'a self, cluster: &'a Name, upto: Revision, limit: usize) -> Answer<'a, u64> {
        Box::pin(Store::compact(self, cluster, upto, limit))
    }

    fn revision_at<'a>(&'a self, cluster: &'a Name, at: Timestamp) -> Answer<'a, Revision> {
        Box::pin(Store::revision_at(self, cluster, at))
    }

    fn record_events<'a>(&'a self, cluster: &'a Name, events: &'a [Event]) -> Answer<'a, ()> {
        Box::pin(Store::record_events(self, cluster, events))
    }

    fn events<'a>(
        &'a self,
        cluster: &'a Name,
        below: &'a str,
        limit: usize,
    ) -> Answer<'a, Vec<Event>> {
        Box::pin(Store::events(self, cluster, below, limit))
    }

    fn put_node_reports<'a>(&'a self, cluster: &'a Name, rows: &'a [NodeReport]) -> Answer<'a, ()> {
        Box::pin(Store::put_node_reports(self, cluster, rows))
    }

    fn node_reports<'a>(&'a self, cluster: &'a Name) -> Answer<'a, Vec<NodeReport>> {
        Box::pin(Store::node_reports(self, cluster))
    }

    fn forget_node_report<'a>(&'a self, cluster: &'a Name, node: &'a Name) -> Answer<'a, ()> {
        Box::pin(Store::forget_node_report(self, cluster, node))
    }

    fn forget_reports<'a>(&'a self, cluster: &'a Name) -> Answer<'a, ()> {
        Box::pin(Store::forget_reports(self, cluster))
    }
}

impl Store for AnyStore {
    type Transaction = AnyTransaction;

    fn store_id(&self) -> StoreId {
        self.0.id()
    }

    async fn lock_and_read_after(
        &self,
        cluster: &Name,
        after: Revision,
    ) -> Result<Locked<AnyTransaction>, StoreError> {
        self.0.lock_and_read_after(cluster, after).await
    }

    async fn heads(&self) -> Result<Vec<Head>, StoreError> {
        self.0.heads().await
    }

    async fn load(&self, cluster: &Name, tail: usize) -> Result<Loaded, StoreError> {
        self.0.load(cluster, tail).await
    }

    async fn read_after(
        &self,
        cluster: &Name,
        after: Revision,
        limit: usize,
    ) -> Result<Vec<Commit>, StoreError> {
        self.0.read_after(cluster, after, limit).await
    }

    async fn compact(
        &self,
        cluster: &Name,
        upto: Revision,
        limit: usize,
    ) -> Result<u64, StoreError> {
        self.0.compact(cluster, upto, limit).await
    }

    async fn revision_at(&self, cluster: &Name, at: Timestamp) -> Result<Revision, StoreError> {
        self.0.revision_at(cluster, at).await
    }

    async fn record_events(&self, cluster: &Name, events: &[Event]) -> Result<(), StoreError> {
        self.0.record_events(cluster, events).await
    }

    async fn events(
        &self,
        cluster: &Name,
        below: &str,
        limit: usize,
    ) -> Result<Vec<Event>, StoreError> {
        self.0.events(cluster, below, limit).await
    }

    async fn put_node_reports(
        &self,
        cluster: &Name,
        rows: &[NodeReport],
    ) -> Result<(), StoreError> {
        self.0.put_node_reports(cluster, rows).await
    }

    async fn node_reports(&self, cluster: &Name) -> Result<Vec<NodeReport>, StoreError> {
        self.0.node_reports(cluster).await
    }

    async fn forget_node_report(&self, cluster: &Name, node: &Name) -> Result<(), StoreError> {
        self.0.forget_node_report(cluster, node).await
    }

    async fn forget_reports(&self, cluster: &Name) -> Result<(), StoreError> {
        self.0.forget_reports(cluster).await
    }
}
