//! What handlers need of a cluster.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use portolan_allocator::{Allocator, Operation, Outcome};
use portolan_model::{Event, Name, NodeRuntime, NodeSpec, Refusal, Revision, State, Uid};
use portolan_store::StoreError;
use tonic::Status;

use crate::status;

/// How long a read waits for a revision that the caller knows of.
const WAIT: Duration = Duration::from_secs(5);

/// Reads the newest events of a cluster: (resource name below the cluster, limit).
pub type EventReader =
    Arc<dyn Fn(String, usize) -> BoxFuture<'static, Result<Vec<Event>, StoreError>> + Send + Sync>;

/// Tells what every node reported last.
pub type RuntimeReader = Arc<dyn Fn() -> Vec<NodeRuntime> + Send + Sync>;

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

/// All API services, over all clusters. Cheap to clone.
#[derive(Clone)]
pub struct Api {
    clusters: Arc<BTreeMap<Name, ClusterAccess>>,
}

impl Api {
    /// Over these clusters.
    pub fn new(clusters: BTreeMap<Name, ClusterAccess>) -> Self {
        Self {
            clusters: Arc::new(clusters),
        }
    }

    /// One cluster, or NOT_FOUND.
    pub(crate) fn cluster(&self, name: &Name) -> Result<&ClusterAccess, Status> {
        self.clusters
            .get(name)
            .ok_or_else(|| status::from_refusal(&Refusal::not_found(format!("clusters/{name}"))))
    }

    /// All clusters, in order of name.
    pub(crate) fn clusters(&self) -> impl Iterator<Item = (&Name, &ClusterAccess)> {
        self.clusters.iter()
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
