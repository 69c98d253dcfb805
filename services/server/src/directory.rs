//! Which clusters this process serves: those whose logs have objects. They are found where every replica looks anyway,
//! in the heads of the logs, so that no list of them has to be kept.

use std::collections::BTreeMap;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use portolan_allocator::{Operation, Outcome, SubmitError};
use portolan_api::{Clusters, CreateCluster};
use portolan_model::{Digest, Name, Reason, Refusal};
use portolan_store::{Cache, Head, Store, StoreError, follow};
use tokio::sync::{Mutex, mpsc, watch};
use tokio::time::Instant;

use crate::plane::{Common, End, Plane, Seed};
use crate::pulse::Pulse;

/// Clusters of one process: each costs some tasks, and a statement a second.
const MAX_CLUSTERS: usize = 256;
/// Pause after a cluster could not be loaded.
const PAUSE: Duration = Duration::from_secs(1);

/// The clusters of a store. Cheap to clone.
#[derive(Clone)]
pub(super) struct Directory(Arc<Inner>);

struct Inner {
    common: Common,
    pulse: Pulse,
    clusters: Clusters,
    /// Held while clusters begin or end, so that none does so twice.
    planes: Mutex<BTreeMap<Name, Plane>>,
    ended: mpsc::Sender<End>,
}

/// What keeps a directory up to date.
pub(super) struct Watch {
    directory: Directory,
    ended: mpsc::Receiver<End>,
}

impl Directory {
    /// Loads and starts every cluster there is.
    pub(super) async fn open(common: Common) -> Result<(Self, Watch), StoreError> {
        let (ended, told) = mpsc::channel(1);
        let directory = Self(Arc::new(Inner {
            common,
            pulse: Pulse::new(),
            clusters: Clusters::default(),
            planes: Mutex::default(),
            ended,
        }));
        let heads = directory.0.common.store.heads().await?;
        directory.reconcile(&heads).await?;
        let watch = Watch {
            directory: directory.clone(),
            ended: told,
        };
        Ok((directory, watch))
    }

    /// The clusters, for handlers and node streams.
    pub(super) fn clusters(&self) -> &Clusters {
        &self.0.clusters
    }

    /// When the store last answered.
    pub(super) fn pulse(&self) -> &Pulse {
        &self.0.pulse
    }

    /// Has an operation decided that may create a cluster, and serves the cluster if it is there then.
    pub(super) async fn create(
        &self,
        cluster: &Name,
        operation: Operation,
    ) -> Result<Outcome, SubmitError> {
        let mut planes = self.0.planes.lock().await;
        if let Some(plane) = planes.get(cluster) {
            if !plane.exists() {
                self.forget_reports(cluster, &operation).await?;
            }
            return plane.cluster.allocator.submit(operation).await;
        }
        if planes.len() >= MAX_CLUSTERS {
            return Err(SubmitError::Refused(too_many()));
        }
        let seed = Seed::load(&self.0.common, cluster).await;
        let seed = seed.map_err(|error| unavailable(&error))?;
        if !seed.exists() {
            self.forget_reports(cluster, &operation).await?;
        }
        let outcome = seed.allocator.submit(operation).await;
        if seed.exists() {
            self.begin(&mut planes, seed).await;
        }
        outcome
    }

    /// A deleted cluster of the name may have left some.
    async fn forget_reports(
        &self,
        cluster: &Name,
        operation: &Operation,
    ) -> Result<(), SubmitError> {
        if operation.context.validate_only {
            return Ok(());
        }
        let forgotten = self.0.common.store.forget_reports(cluster).await;
        forgotten.map_err(|error| unavailable(&error))
    }

    async fn begin(&self, planes: &mut BTreeMap<Name, Plane>, seed: Seed) {
        let cluster = seed.cache.cluster().clone();
        let plane = seed.start(self.0.ended.clone()).await;
        let served = plane.cluster.clone();
        self.0.clusters.insert(cluster.clone(), served);
        planes.insert(cluster, plane);
    }

    /// Begins what is there and not served, ends what is served and not there.
    async fn reconcile(&self, heads: &[Head]) -> Result<(), StoreError> {
        let mut planes = self.0.planes.lock().await;
        let gone: Vec<_> = planes
            .iter()
            .filter(|(_, plane)| !plane.exists())
            .map(|(cluster, _)| cluster.clone())
            .collect();
        for cluster in gone {
            self.0.clusters.remove(&cluster);
            self.0.common.metrics.allocator.forget(&cluster);
            if let Some(plane) = planes.remove(&cluster) {
                plane.stop().await;
            }
        }
        // The log of a deleted cluster has no objects left.
        let living = heads.iter().filter(|head| head.digest != Digest::EMPTY);
        for head in living {
            if planes.contains_key(&head.cluster) {
                continue;
            }
            let seed = Seed::load(&self.0.common, &head.cluster).await?;
            if seed.exists() {
                self.begin(&mut planes, seed).await;
            }
        }
        Ok(())
    }

    fn caches(&self) -> Vec<Arc<Cache>> {
        let all = self.0.clusters.all().into_iter();
        all.map(|(_, cluster)| cluster.allocator.cache().clone())
            .collect()
    }
}

impl CreateCluster for Directory {
    fn create_cluster(
        &self,
        name: Name,
        operation: Operation,
    ) -> BoxFuture<'static, Result<Outcome, SubmitError>> {
        let directory = self.clone();
        // On its own, so that a caller who goes away leaves no half-served cluster.
        let creating = tokio::spawn(async move { directory.create(&name, operation).await });
        Box::pin(async move { creating.await.unwrap_or(Err(SubmitError::ShuttingDown)) })
    }
}

impl Watch {
    /// Follows the store for ever; ends only when this process must not go on.
    pub(super) async fn run(mut self) -> Result<(), StoreError> {
        let directory = &self.directory;
        let (heads, mut looked) = watch::channel(Vec::new());
        let following = follow(
            directory.0.common.store.clone(),
            || directory.caches(),
            |heard| match heard {
                Ok(found) => {
                    directory.0.pulse.beat();
                    heads.send_replace(found);
                }
                Err(error) => tracing::debug!(error = %error, "the heads could not be read"),
            },
        );
        let keeping = async {
            let mut not_before = Instant::now();
            while looked.changed().await.is_ok() {
                tokio::time::sleep_until(not_before).await;
                let heads = looked.borrow_and_update().clone();
                match directory.reconcile(&heads).await {
                    Ok(()) => {}
                    Err(error @ StoreError::NewerFormat { .. }) => return Err(error),
                    Err(error) => {
                        tracing::warn!(error = %error, "a cluster could not be loaded");
                        not_before = Instant::now() + PAUSE;
                    }
                }
            }
            Ok(())
        };
        tokio::select! {
            error = following => Err(error),
            ended = keeping => ended,
            Some(end) = self.ended.recv() => match end {
                Ok(ended) => ended,
                Err(error) if error.is_panic() => resume_unwind(error.into_panic()),
                Err(_) => Ok(()),
            },
        }
    }
}

fn too_many() -> Refusal {
    Refusal::Exhausted {
        reason: Reason::ClustersExhausted,
        subject: "clusters".to_owned(),
        description: format!(
            "a control plane serves at most {MAX_CLUSTERS} clusters; delete one, or start another control plane with a store of its own"
        ),
        used: MAX_CLUSTERS as u64,
        quarantined: 0,
        capacity: MAX_CLUSTERS as u64,
    }
}

fn unavailable(error: &StoreError) -> SubmitError {
    tracing::warn!(error = %error, "a cluster could not be created");
    SubmitError::Unavailable
}

#[cfg(test)]
mod tests;
