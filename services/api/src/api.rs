//! What all API services share.

use std::sync::Arc;

use portolan_allocator::{Operation, Outcome};
use portolan_model::{Clock, Name, Refusal, Timestamp};
use tokio::sync::watch;
use tonic::Status;

use crate::cluster::{Cluster, Clusters, CreateCluster};
use crate::status;

/// Becomes true when the server is about to end.
pub(crate) type Stopping = watch::Receiver<bool>;

/// All API services, over all clusters. Cheap to clone.
#[derive(Clone)]
pub struct Api {
    clusters: Clusters,
    creator: Arc<dyn CreateCluster>,
    clock: Arc<dyn Clock>,
    stopping: watch::Sender<bool>,
}

impl Api {
    /// Over these clusters, and with whoever creates more.
    pub fn new(clusters: Clusters, creator: Arc<dyn CreateCluster>, clock: Arc<dyn Clock>) -> Self {
        Self {
            clusters,
            creator,
            clock,
            stopping: watch::Sender::new(false),
        }
    }

    /// Ends every watch, for all clones: each tells how far it came, and that the server is shutting down.
    pub fn drain(&self) {
        self.stopping.send_replace(true);
    }

    /// The time.
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Tells when watches have to end.
    pub(crate) fn stopping(&self) -> Stopping {
        self.stopping.subscribe()
    }

    /// One cluster, or NOT_FOUND; also in the moment between its deletion and the end of its service here.
    pub(crate) fn cluster(&self, name: &Name) -> Result<Cluster, Status> {
        self.clusters
            .get(name)
            .filter(|cluster| cluster.state().cluster().is_some())
            .ok_or_else(|| status::from_refusal(&Refusal::not_found(format!("clusters/{name}"))))
    }

    /// All clusters, in order of name.
    pub(crate) fn clusters(&self) -> Vec<Cluster> {
        let all = self.clusters.all().into_iter();
        all.map(|(_, cluster)| cluster).collect()
    }

    /// Has a cluster created.
    pub(crate) async fn create_cluster(
        &self,
        name: Name,
        operation: Operation,
    ) -> Result<Outcome, Status> {
        let created = self.creator.create_cluster(name.clone(), operation).await;
        created.map_err(|error| status::from_submit(name.as_str(), error))
    }
}
