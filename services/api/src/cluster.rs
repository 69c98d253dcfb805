//! A cluster that this process serves, and all of them.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use futures_util::future::BoxFuture;
use portolan_allocator::{Allocator, Events, Operation, Outcome, SubmitError};
use portolan_distributor::Distributor;
use portolan_model::{Clock, Name, NodeReports, NodeSpec, Revision, State, Uid};
use tonic::Status;

use crate::status;

/// How long a read waits for a revision that the caller knows of.
const WAIT: Duration = Duration::from_secs(5);

/// Everything that a handler or a node's stream may do with a cluster. Cheap to clone.
#[derive(Clone)]
pub struct Cluster {
    /// The door for writes, and the committed state.
    pub allocator: Allocator,
    /// What nodes are sent, and what they reported.
    pub distributor: Arc<Distributor>,
    /// What happened.
    pub events: Events,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

impl Cluster {
    /// The cluster's name.
    pub(crate) fn name(&self) -> &str {
        self.allocator.cache().cluster().as_str()
    }

    /// The newest committed state.
    pub fn state(&self) -> Arc<State> {
        self.allocator.cache().state()
    }

    /// The newest state, as soon as it shows a revision that the caller has seen elsewhere.
    pub(crate) async fn state_at(&self, min_revision: u64) -> Result<Arc<State>, Status> {
        let cache = self.allocator.cache();
        let waited = tokio::time::timeout(WAIT, cache.wait_for(Revision(min_revision))).await;
        let state = cache.state();
        waited.map_err(|_| status::behind(min_revision, state.revision().0))?;
        Ok(state)
    }

    /// The store that counts the revisions.
    pub(crate) fn store_id(&self) -> String {
        self.allocator.cache().store_id().to_string()
    }

    /// The store that goes with a revision on the wire: none with none.
    pub(crate) fn store_of(&self, revision: u64) -> String {
        if revision == 0 {
            return String::new();
        }
        self.store_id()
    }

    /// Whether a revision that a store counted means anything here; an empty one is not looked at.
    pub(crate) fn check_store(&self, asked: &str) -> Result<(), Status> {
        if asked.is_empty() || asked == self.store_id() {
            return Ok(());
        }
        Err(status::store_replaced())
    }

    /// Has an operation done.
    pub(crate) async fn submit(&self, operation: Operation) -> Result<Outcome, Status> {
        let done = self.allocator.submit(operation).await;
        done.map_err(|error| status::from_submit(self.name(), error))
    }

    /// What every node reported last.
    pub(crate) fn node_reports(&self) -> Arc<NodeReports> {
        self.distributor.sessions().reports()
    }

    /// How a node described itself in its last Hello to this process.
    pub(crate) fn described(&self, node: Uid) -> Option<NodeSpec> {
        self.distributor.sessions().described(node)
    }
}

/// The clusters that this process serves now; they come and go. Cheap to clone: all clones are one.
#[derive(Clone, Default)]
pub struct Clusters(Arc<RwLock<BTreeMap<Name, Cluster>>>);

impl Clusters {
    /// One cluster.
    pub fn get(&self, name: &Name) -> Option<Cluster> {
        self.read().get(name).cloned()
    }

    /// All clusters, in order of name.
    pub fn all(&self) -> Vec<(Name, Cluster)> {
        let clusters = self.read();
        let all = clusters.iter();
        all.map(|(name, cluster)| (name.clone(), cluster.clone()))
            .collect()
    }

    /// A cluster is served from now on.
    pub fn insert(&self, name: Name, cluster: Cluster) {
        self.write().insert(name, cluster);
    }

    /// A cluster is served no longer.
    pub fn remove(&self, name: &Name) {
        self.write().remove(name);
    }

    fn read(&self) -> RwLockReadGuard<'_, BTreeMap<Name, Cluster>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, BTreeMap<Name, Cluster>> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whoever keeps the clusters of this process.
pub trait CreateCluster: Send + Sync {
    /// Decides the creation of a cluster, and has it served if it is there then. The name is that of the operation. A caller
    /// who goes away does not take the creation back.
    fn create_cluster(
        &self,
        name: Name,
        operation: Operation,
    ) -> BoxFuture<'static, Result<Outcome, SubmitError>>;
}
