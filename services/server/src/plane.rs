//! One cluster's machinery over a store.

use std::sync::Arc;

use portolan_allocator::{Allocator, Committer, EventRecorder, Events, audit_regularly, sweep};
use portolan_api::Cluster;
use portolan_distributor::{Distributor, Drain, share_node_reports};
use portolan_model::{Clock, Name};
use portolan_store::{AnyStore, Cache, Loaded, Store, StoreError, TAIL_CHANGES};
use tokio::sync::mpsc;
use tokio::task::{JoinError, JoinHandle, JoinSet};

use crate::metrics::Metrics;

/// How a part of a cluster's machinery ended, which it never should.
pub(super) type End = Result<Result<(), StoreError>, JoinError>;

/// What all clusters of a process share. Cheap to clone.
#[derive(Clone)]
pub(super) struct Common {
    pub(super) store: AnyStore,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) metrics: Metrics,
}

/// What decides a cluster's writes; enough to create one. Dropping it ends it.
pub(super) struct Seed {
    common: Common,
    pub(super) cache: Arc<Cache>,
    pub(super) allocator: Allocator,
    events: Events,
    tasks: JoinSet<Result<(), StoreError>>,
}

/// A running cluster.
pub(super) struct Plane {
    pub(super) cluster: Cluster,
    /// It owns every task.
    supervisor: JoinHandle<()>,
}

impl Seed {
    /// Loads a cluster, which need not exist.
    pub(super) async fn load(common: &Common, cluster: &Name) -> Result<Self, StoreError> {
        let common = common.clone();
        let store = &common.store;
        let loaded = store.load(cluster, TAIL_CHANGES).await?;
        let cache = Cache::new(cluster.clone(), store.store_id(), loaded);
        let (events, recorder) = EventRecorder::new(store.clone(), cluster.clone());
        let (allocator, committer) = Committer::new(
            store.clone(),
            cache.clone(),
            events.clone(),
            common.metrics.allocator.clone(),
        );
        let mut tasks = JoinSet::new();
        tasks.spawn(committer.run());
        tasks.spawn(endless(recorder.run()));
        Ok(Self {
            common,
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
    pub(super) async fn start(mut self, ended: mpsc::Sender<End>) -> Plane {
        let Common {
            store,
            clock,
            metrics,
        } = self.common;
        let name = self.cache.cluster().clone();
        let (distributor, projecting) =
            Distributor::start(self.cache.clone(), clock.clone(), metrics.distributor).await;
        let sessions = distributor.sessions().clone();
        let acknowledged = move || sessions.acknowledged();
        let tasks = &mut self.tasks;
        tasks.spawn(endless(projecting.run()));
        tasks.spawn(endless(share_node_reports(store, distributor.clone())));
        tasks.spawn(endless(sweep(
            self.allocator.clone(),
            clock.clone(),
            acknowledged,
        )));
        tasks.spawn(endless(audit_regularly(
            self.allocator.clone(),
            metrics.allocator,
        )));
        let mut tasks = self.tasks;
        let supervisor = tokio::spawn(async move {
            if let Some(end) = tasks.join_next().await {
                // Nobody hears it if the process is ending anyway.
                let _ = ended.send(end).await;
            }
        });
        tracing::info!(cluster = %name, "serving the cluster");
        Plane {
            cluster: Cluster {
                allocator: self.allocator,
                distributor,
                events: self.events,
                clock,
            },
            supervisor,
        }
    }
}

impl Plane {
    /// Whether the cluster still exists.
    pub(super) fn exists(&self) -> bool {
        self.cluster.state().cluster().is_some()
    }

    /// Ends it for good: whoever still follows the cluster is told.
    pub(super) async fn stop(self) {
        let cache = self.cluster.allocator.cache();
        tracing::info!(cluster = %cache.cluster(), "the cluster was deleted");
        self.supervisor.abort();
        // Cancelled, and with it all that it owns.
        let _ = self.supervisor.await;
        // Its nodes come back to be told so.
        self.cluster.distributor.drain(Drain::SOON);
        let nothing = Loaded {
            revision: cache.position().revision,
            objects: Vec::new(),
            tail: Vec::new(),
        };
        cache.reset(nothing);
    }
}

async fn endless(task: impl Future<Output = ()>) -> Result<(), StoreError> {
    task.await;
    Ok(())
}
