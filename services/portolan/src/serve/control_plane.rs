//! One cluster's machinery over a store.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use portolan_allocator::{Allocator, Committer, EventRecorder, EventSink, sweep};
use portolan_api::{Api, ClusterAccess};
use portolan_distributor::{Distributor, run_runtime};
use portolan_model::Name;
use portolan_store::{Cache, Store, StoreError, follow};
use prometheus_client::registry::Registry;
use tokio::task::JoinSet;

use super::args::Settings;
use super::bootstrap::bootstrap;
use super::compaction::compact;
use crate::failure::Failure;

/// Changes of the log that are read at the start, so that nodes and watchers go on where they were.
const TAIL: usize = 20_000;
/// How long the first read may take: a database may still be starting.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running control plane.
pub(super) struct ControlPlane {
    pub(super) api: Api,
    pub(super) cluster: Name,
    pub(super) cache: Arc<Cache>,
    pub(super) allocator: Allocator,
    pub(super) events: EventSink,
    pub(super) distributor: Arc<Distributor>,
    pub(super) registry: Registry,
    /// Ends only when it must not go on.
    pub(super) tasks: JoinSet<Result<(), StoreError>>,
}

impl ControlPlane {
    /// Loads the cluster, starts everything that works on it, and makes sure that it exists.
    pub(super) async fn start<S: Store>(
        store: S,
        settings: &Settings,
        remedy: &str,
    ) -> Result<Self, Failure> {
        let cluster = settings.cluster.clone();
        let loaded = tokio::time::timeout(PATIENCE, store.load(&cluster, TAIL)).await;
        let loaded = loaded
            .map_err(|_| Failure::Start("the store does not answer".to_owned()))?
            .map_err(|error| unusable(&error))?;
        let cache = Cache::new(cluster.clone(), store.store_id(), loaded);

        let mut registry = Registry::with_prefix("portolan");
        let metrics = portolan_allocator::Metrics::default();
        metrics.register(&mut registry);
        let (events, recorder) = EventRecorder::new(store.clone(), cluster.clone());
        let (allocator, committer) =
            Committer::new(store.clone(), cache.clone(), events.clone(), metrics);

        let mut tasks = JoinSet::new();
        tasks.spawn(committer.run());
        tasks.spawn(endless(recorder.run()));
        let followed = follow(store.clone(), vec![cache.clone()], |error| {
            tracing::debug!(error = %error, "the heads could not be read");
        });
        tasks.spawn(async { Err(followed.await) });
        bootstrap(&allocator, settings, remedy).await?;

        let metrics = portolan_distributor::Metrics::default();
        metrics.register(&mut registry);
        let (distributor, projecting) = Distributor::start(cache.clone(), metrics).await;
        tasks.spawn(endless(projecting.run()));
        tasks.spawn(endless(run_runtime(store.clone(), distributor.clone())));
        let sessions = distributor.sessions().clone();
        tasks.spawn(endless(sweep(allocator.clone(), move || {
            sessions.acknowledged()
        })));
        tasks.spawn(endless(compact(store.clone(), cluster.clone())));

        let access = access(store, &allocator, &distributor);
        let api = Api::new(BTreeMap::from([(cluster.clone(), access)]));
        Ok(Self {
            api,
            cluster,
            cache,
            allocator,
            events,
            distributor,
            registry,
            tasks,
        })
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
        runtime: Arc::new(move || sessions.runtime()),
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

fn unusable(error: &StoreError) -> Failure {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    Failure::Start(text)
}
