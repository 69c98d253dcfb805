//! The nouns of Portolan and the rules about them: what a Service is, what may be asked for, which address is picked,
//! what a node is told.
//!
//! Pure: the same input gives the same output, so that every replica and every test comes to the same result. There is
//! no clock, no random source, no wire and no SQL in here; time, seeds and identities come in as arguments.
//!
//! ```text
//! Params --validate--> Object --State::apply--> State --view::project--> what a node is told
//!                        ^                        |
//!                        '---- alloc::pick <------'
//! ```
//! Start with [`Object`] (everything that is kept) and [`State`] (all of it, at one revision).

/// Hands the rows of the table of everything that is kept to a macro. A new kind takes a row here, and a file that says
/// what it is.
///
/// A row has the number that tables and digests carry (never use one again), the collection in resource names (of claims
/// and requests: the table people read), and where [`State`] keeps its objects, by which key. Then come that key and
/// the identity of one: of a claim that is its owner's, of a request the client's choice. `shows` names the view by which
/// nodes are told of one (what a change of it means to other views is in `view/project.rs`). `has` names the specification
/// of what is a [`Resource`].
macro_rules! objects {
    ($rows:ident) => {
        $rows! {
            /// A cluster; one in its own log.
            Cluster = 1, "clusters", clusters: Name => |o| (o.meta.name.clone(), o.meta.uid) shows Cluster
                has spec: crate::ClusterSpec;
            /// A range for virtual addresses.
            ServiceCidr = 2, "serviceCidrs", service_cidrs: Name => |o| (o.meta.name.clone(), o.meta.uid) shows nothing
                has cidrs: Vec<IpNet>;
            /// A namespace.
            Namespace = 3, "namespaces", namespaces: Name => |o| (o.meta.name.clone(), o.meta.uid) shows nothing
                has spec: crate::NamespaceSpec;
            /// A Service.
            Service = 4, "services", services: Scoped => |o| (o.key(), o.meta.uid) shows Service
                has spec: crate::ServiceSpec;
            /// A workload.
            Workload = 5, "workloads", workloads: Scoped => |o| (o.key(), o.meta.uid) shows Workload
                has spec: crate::WorkloadSpec;
            /// An endpoint.
            Endpoint = 6, "endpoints", endpoints: Scoped => |o| (o.key(), o.uid) shows Endpoint;
            /// A node.
            Node = 7, "nodes", nodes: Name => |o| (o.meta.name.clone(), o.meta.uid) shows Node
                has spec: crate::NodeSpec;
            /// An address that is not free.
            IpClaim = 8, "ipClaims", ip_claims: IpAddr => |o| (o.address, o.owner.uid) shows nothing is claim;
            /// A node port that is not free.
            PortClaim = 9, "portClaims", port_claims: u16 => |o| (o.port, o.owner.uid) shows nothing is claim;
            /// A request that was done.
            Request = 10, "requests", requests: Uuid => |o| (o.id, o.id.into()) shows nothing;
        }
    };
}

pub mod alloc;
mod change;
mod claim;
mod claimed;
mod clock;
mod cluster;
mod digest;
mod endpoint;
mod event;
pub mod explain;
mod grants;
mod ids;
mod key;
pub mod limits;
mod meta;
mod name;
pub mod names;
mod net;
mod node;
mod node_reports;
mod object;
mod octets;
mod probe;
pub mod query;
mod reason;
mod record;
mod refusal;
mod rejection;
mod request;
mod selector;
mod service;
mod state;
mod usage;
pub mod validate;
pub mod view;
mod violation;
mod workload;

pub use change::Change;
pub use claim::{ClaimOwner, ClaimState, IpClaim, PortClaim};
pub use claimed::{Claim, Claimed};
pub use clock::Clock;
pub use cluster::{
    Cluster, ClusterSpec, DNS_DOMAIN, NODE_PORTS, Namespace, NamespaceSpec, Quota, ServiceCidr,
};
pub use digest::Digest;
pub use endpoint::{Endpoint, EndpointPort, Origin};
pub use event::{Event, EventType};
pub use grants::Grants;
pub use ids::{Revision, StoreId, Timestamp, Uid};
pub use key::{Key, NameKey};
pub use meta::{Labels, Meta};
pub use name::{Name, NameError, Scoped};
pub use net::{Family, PortRange, Protocol, canonical_cidr, parse_address};
pub use node::{Node, NodeReport, NodeSpec};
pub use node_reports::NodeReports;
pub use object::{Kind, Object};
pub use octets::{octets, octets_of};
pub use probe::{HttpHeader, Probe, ProbeAction, ProbePort};
pub use reason::{ConditionReason, Reason};
pub use record::Record;
pub use refusal::{Precondition, Refusal};
pub use rejection::{Rejection, RejectionCode};
pub use request::Request;
pub use selector::Selector;
pub use service::{
    ClusterIps, FamilyPolicy, Service, ServicePort, ServiceSpec, ServiceType, SessionAffinity,
    TargetPort, TrafficDistribution, TrafficPolicy,
};
pub use state::{Noun, Prober, Resource, State};
pub use usage::{Fill, Usage};
pub use violation::{FieldPath, Violation, Violations};
pub use workload::{Readiness, Workload, WorkloadPort, WorkloadSpec};
