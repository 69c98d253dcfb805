//! What handlers need of a cluster.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use futures_util::future::BoxFuture;
use portolan_allocator::{Allocator, Operation, Outcome, SubmitError};
use portolan_model::{Event, Name, NodeReports, NodeSpec, Refusal, Revision, State, Uid};
use portolan_store::StoreError;
use tokio::sync::watch;
use tonic::Status;

use crate::status;
use crate::watch::Stopping;

/// How long a read waits for a revision that the caller knows of.
const WAIT: Duration = Duration::from_secs(5);

/// Reads the newest events of a cluster: (resource name below the cluster, limit).
pub type EventReader =
    Arc<dyn Fn(String, usize) -> BoxFuture<'static, Result<Vec<Event>, StoreError>> + Send + Sync>;

/// Tells what every node reported last.
pub type RuntimeReader = Arc<dyn Fn() -> Arc<NodeReports> + Send + Sync>;

/// Tells how a node described itself in its last Hello to this process.
pub type DescriptionReader = Arc<dyn Fn(Uid) -> Option<NodeSpec> + Send + Sync>;

/// Everything a handler may do with a cluster.
#[derive(Clone)]
pub struct ClusterAccess {
    /// The door for writes, and the committed state.
    pub allocator: Allocator,
    /// What nodes reported.
    pub runtime: RuntimeReader,
    /// How nodes described themselves.
    pub described: DescriptionReader,
    /// What happened.
    pub events: EventReader,
}

/// What this process has of each cluster that it serves now; they come and go. Cheap to clone.
pub struct Clusters<T>(Arc<RwLock<BTreeMap<Name, T>>>);

impl<T> Clone for Clusters<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T> Default for Clusters<T> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<T: Clone> Clusters<T> {
    /// Of one cluster.
    pub fn get(&self, name: &Name) -> Option<T> {
        self.read().get(name).cloned()
    }

    /// Of all clusters, in order of name.
    pub fn all(&self) -> Vec<(Name, T)> {
        let clusters = self.read();
        let all = clusters.iter();
        all.map(|(name, it)| (name.clone(), it.clone())).collect()
    }

    /// A cluster is served from now on.
    pub fn insert(&self, name: Name, it: T) {
        self.write().insert(name, it);
    }

    /// A cluster is served no longer.
    pub fn remove(&self, name: &Name) {
        self.write().remove(name);
    }

    fn read(&self) -> RwLockReadGuard<'_, BTreeMap<Name, T>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, BTreeMap<Name, T>> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Decides the creation of a cluster, and has it served if it is there then. The name is that of the operation.
pub type Founder =
    Arc<dyn Fn(Name, Operation) -> BoxFuture<'static, Result<Outcome, SubmitError>> + Send + Sync>;

/// All API services, over all clusters. Cheap to clone.
#[derive(Clone)]
pub struct Api {
    clusters: Clusters<ClusterAccess>,
    founder: Founder,
    stopping: watch::Sender<bool>,
}

impl Api {
    /// Over these clusters.
    pub fn new(clusters: Clusters<ClusterAccess>, founder: Founder) -> Self {
        Self {
            clusters,
            founder,
            stopping: watch::Sender::new(false),
        }
    }

    /// Ends every watch, for all clones: each tells how far it came, and that the server is shutting down.
    pub fn drain(&self) {
        self.stopping.send_replace(true);
    }

    /// Tells when watches have to end.
    pub(crate) fn stopping(&self) -> Stopping {
        self.stopping.subscribe()
    }

    /// One cluster, or NOT_FOUND; also in the moment between its deletion and the end of its service here.
    pub(crate) fn cluster(&self, name: &Name) -> Result<ClusterAccess, Status> {
        let exists = |access: &ClusterAccess| access.allocator.cache().state().cluster().is_some();
        self.clusters
            .get(name)
            .filter(exists)
            .ok_or_else(|| status::from_refusal(&Refusal::not_found(format!("clusters/{name}"))))
    }

    /// All clusters, in order of name.
    pub(crate) fn clusters(&self) -> Vec<(Name, ClusterAccess)> {
        self.clusters.all()
    }

    /// Has a cluster created.
    pub(crate) async fn found(&self, name: Name, operation: Operation) -> Result<Outcome, Status> {
        let founded = (self.founder)(name, operation).await;
        founded.map_err(status::from_submit)
    }
}

impl ClusterAccess {
    /// The cluster's name.
    pub(crate) fn cluster(&self) -> &str {
        self.allocator.cache().cluster().as_str()
    }

    /// The newest state, as soon as it shows a revision that the caller has seen elsewhere.
    pub(crate) async fn state_at(&self, min_revision: u64) -> Result<Arc<State>, Status> {
        let cache = self.allocator.cache();
        let waited = tokio::time::timeout(WAIT, cache.wait_for(Revision(min_revision))).await;
        let state = cache.state();
        waited.map_err(|_| status::behind(min_revision, state.revision().0))?;
        Ok(state)
    }

    /// Has an operation done.
    pub(crate) async fn submit(&self, operation: Operation) -> Result<Outcome, Status> {
        self.allocator
            .submit(operation)
            .await
            .map_err(status::from_submit)
    }
}
