//! What can be asked of the allocator, noun by noun, and under which circumstances.

mod claims;
mod cluster;
mod endpoint;
mod namespace;
mod node;
mod service;
mod service_cidr;
mod write;

use uuid::Uuid;

pub use claims::ClaimsAction;
pub use cluster::{ClusterAction, NewCluster};
pub use endpoint::{EndpointAction, EndpointParams};
pub use namespace::NamespaceAction;
pub use node::{NodeAction, ReadinessItem, ReadinessReport};
pub use service::{NewService, ServiceAction};
pub use service_cidr::ServiceCidrAction;
pub use write::{Delete, Merge, Params, Preconditions, Put, Update, Write};

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
