//! What nodes are told: the state with every policy already applied, the same for every node of a cluster.
//!
//! What is left for a node is three lines: a Local policy → endpoints with `local` on the own node; else own-node hints
//! if valid and any match, else own-zone hints likewise, else every endpoint with `cluster`.

mod choice;
mod cluster;
mod endpoint;
pub(crate) mod frontend;
pub(crate) mod key;
mod node;
mod packed;
mod project;
mod service;
mod usable;
mod version;
mod workload;

use serde::Serialize;

pub use crate::service::ServiceView;
pub use choice::{Candidate, Choice, Here, List};
pub use cluster::ClusterView;
pub(crate) use cluster::cluster_view;
pub use endpoint::{EndpointPortView, EndpointView};
pub use frontend::{FrontendAt, FrontendView, Reach, WhenEmpty};
pub use key::{ViewKey, ViewKind};
pub use node::NodeView;
pub use packed::{Packed, PackedView};
pub use project::{project, project_one, touched};
pub use service::leaves_alone;
pub(crate) use service::whole_views;
pub use version::{OLDEST_PROJECTION_VERSION, PROJECTION_VERSION, agreed_projection};
pub use workload::WorkloadView;

/// An object as nodes see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum View {
    /// What holds for the whole cluster.
    Cluster(ClusterView),
    /// A node.
    Node(NodeView),
    /// A Service.
    Service(ServiceView),
    /// An address behind a Service.
    Endpoint(EndpointView),
    /// A workload with a probe.
    Workload(WorkloadView),
}

impl View {
    /// What it is.
    pub fn kind(&self) -> ViewKind {
        match self {
            Self::Cluster(_) => ViewKind::Cluster,
            Self::Node(_) => ViewKind::Node,
            Self::Service(_) => ViewKind::Service,
            Self::Endpoint(_) => ViewKind::Endpoint,
            Self::Workload(_) => ViewKind::Workload,
        }
    }
}
