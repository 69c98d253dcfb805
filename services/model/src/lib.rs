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

#[macro_use]
mod objects;

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
