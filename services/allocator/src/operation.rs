//! What can be asked of the allocator, noun by noun.

mod claims;
mod cluster;
mod endpoint;
mod namespace;
mod node;
mod service;
mod service_cidr;
mod write;

use portolan_model::{Scoped, WorkloadSpec};
use uuid::Uuid;

pub use claims::ClaimsAction;
pub use cluster::{ClusterAction, NewCluster};
pub use endpoint::{EndpointAction, EndpointParams};
pub use namespace::NamespaceAction;
pub use node::{NodeAction, ReadinessItem, ReadinessReport};
pub use service::{NewService, ServiceAction};
pub use service_cidr::ServiceCidrAction;
pub use write::{Delete, Merge, Params, Preconditions, Put, Update, Write};

/// A request, its shape already checked.
#[derive(Clone, Debug)]
pub struct Operation {
    /// What is asked.
    pub action: Action,
    /// By whom and how.
    pub context: Context,
}

/// Circumstances of a request.
#[derive(Clone, Debug, Default)]
pub struct Context {
    /// Who asks; for the audit.
    pub principal: String,
    /// RPC, for example `CreateService`; for the audit.
    pub method: &'static str,
    /// Makes a repetition return the first result.
    pub request_id: Option<Uuid>,
    /// Digest of method and body, for telling a repetition from another request under the same id; empty without one.
    pub body_hash: String,
    /// Decide, but change nothing.
    pub validate_only: bool,
    /// W3C trace context; may be empty.
    pub traceparent: String,
}

/// What is asked, by the noun that it is asked of.
#[derive(Clone, Debug)]
pub enum Action {
    /// The cluster itself.
    Cluster(ClusterAction),
    /// Ranges for virtual addresses.
    ServiceCidr(ServiceCidrAction),
    /// Namespaces.
    Namespace(NamespaceAction),
    /// Services.
    Service(ServiceAction),
    /// Workloads.
    Workload(Write<Scoped, WorkloadSpec>),
    /// Endpoints that are written by hand.
    Endpoint(EndpointAction),
    /// Nodes, and what they find out.
    Node(NodeAction),
    /// Claims of addresses and ports.
    Claims(ClaimsAction),
}
