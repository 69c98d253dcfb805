//! One cluster's machinery over a store.

use std::sync::Arc;

use portolan_allocator::{Allocator, Committer, EventRecorder, EventSink, audit_regularly, sweep};
use portolan_api::ClusterAccess;
use portolan_api::node_sync::NodeCluster;
use portolan_distributor::{Distributor, share_node_reports};
use portolan_model::Name;
use portolan_store::{Cache, Loaded, Store, StoreError, TAIL_CHANGES};
use tokio::sync::mpsc;
use tokio::task::{JoinError, JoinHandle, JoinSet};

use crate::metrics::Metrics;

/// When nodes of a deleted cluster come back to be told so.
const RECONNECT_AFTER_MS: u32 = 100;
const SPREAD_MS: u32 = 1000;

/// How a part of a cluster's machinery ended, which it never should.
pub(super) type End = Result<Result<(), StoreError>, JoinError>;

/// What decides a cluster's writes; enough to create one. Dropping it ends it.
pub(super) struct Seed<S> {
    store: S,
    pub(super) cache: Arc<Cache>,
    pub(super) allocator: Allocator,
    events: EventSink,
    tasks: JoinSet<Result<(), StoreError>>,
}

/// A running cluster.
pub(super) struct Plane {
    pub(super) access: ClusterAccess,
    pub(super) nodes: NodeCluster,
    /// It owns every task.
    supervisor: JoinHandle<()>,
}

impl<S: Store> Seed<S> {
    /// Loads a cluster, which need not exist.
    pub(super) async fn load(
        store: S,
        cluster: &Name,
        metrics: &Metrics,
    ) -> Result<Self, StoreError> {
        let loaded = store.load(cluster, TAIL_CHANGES).await?;
        let cache = Cache::new(cluster.clone(), store.store_id(), loaded);
        let (events, recorder) = EventRecorder::new(store.clone(), cluster.clone());
        let (allocator, committer) = Committer::new(
            store.clone(),
            cache.clone(),
            events.clone(),
            metrics.allocator.clone(),
        );
        let mut tasks = JoinSet::new();
        tasks.spawn(committer.run());
        tasks.spawn(endless(recorder.run()));
        Ok(Self {
            store,
            cache,
            allocator,
            events,
            tasks,
        })
    }

    /// Whether the cluster exists.
    pub(super) fn exists(&self) -> bool {
        self.cache.state().cluster().is_some()
    }

    /// Starts all else. Should a part ever end, `ended` is told.
    pub(super) async fn start(mut self, metrics: &Metrics, ended: mpsc::Sender<End>) -> Plane {
        let cluster = self.cache.cluster().clone();
        let (distributor, projecting) =
            Distributor::start(self.cache.clone(), metrics.distributor.clone()).await;
        let sessions = distributor.sessions().clone();
        let acknowledged = move || sessions.acknowledged();
        let tasks = &mut self.tasks;
        tasks.spawn(endless(projecting.run()));
        tasks.spawn(endless(share_node_reports(
            self.store.clone(),
            distributor.clone(),
        )));
        tasks.spawn(endless(sweep(self.allocator.clone(), acknowledged)));
        tasks.spawn(endless(audit_regularly(
            self.allocator.clone(),
            metrics.allocator.clone(),
        )));
        let mut tasks = self.tasks;
        let supervisor = tokio::spawn(async move {
            if let Some(end) = tasks.join_next().await {
                // Nobody hears it if the process is ending anyway.
                let _ = ended.send(end).await;
            }
        });
        tracing::info!(cluster = %cluster, "serving the cluster");
        Plane {
            access: access(self.store, &self.allocator, &distributor),
            nodes: NodeCluster {
                allocator: self.allocator,
                distributor,
                events: self.events,
            },
            supervisor,
        }
    }
}

impl Plane {
    /// Whether the cluster still exists.
    pub(super) fn exists(&self) -> bool {
        self.nodes.allocator.cache().state().cluster().is_some()
    }

    /// Ends it for good: whoever still follows the cluster is told.
    pub(super) async fn stop(self) {
        let cache = self.nodes.allocator.cache();
        tracing::info!(cluster = %cache.cluster(), "the cluster was deleted");
        self.supervisor.abort();
        // Cancelled, and with it all that it owns.
        let _ = self.supervisor.await;
        self.nodes.distributor.drain(RECONNECT_AFTER_MS, SPREAD_MS);
        let nothing = Loaded {
            revision: cache.position().revision,
            objects: Vec::new(),
            tail: Vec::new(),
        };
        cache.reset(nothing);
    }
}

fn access<S: Store>(
    store: S,
    allocator: &Allocator,
    distributor: &Arc<Distributor>,
) -> ClusterAccess {
    let cluster = allocator.cache().cluster().clone();
    let (sessions, hellos) = (
        distributor.sessions().clone(),
        distributor.sessions().clone(),
    );
    ClusterAccess {
        allocator: allocator.clone(),
        runtime: Arc::new(move || sessions.reports()),
        described: Arc::new(move |uid| hellos.described(uid)),
        events: Arc::new(move |below, limit| {
            let (store, cluster) = (store.clone(), cluster.clone());
            Box::pin(async move { store.events(&cluster, &below, limit).await })
        }),
    }
}

async fn endless(task: impl Future<Output = ()>) -> Result<(), StoreError> {
    task.await;
    Ok(())
}
