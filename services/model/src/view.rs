//! What nodes are told: the state with every policy already applied, the same for every node of a cluster.
//!
//! What is left for a node is three lines: a Local policy → endpoints with `local` on the own node; else own-node hints
//! if valid and any match, else own-zone hints likewise, else every endpoint with `cluster`.

mod choice;
pub(crate) mod key;
mod packed;
mod project;
mod service;
mod version;

use std::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

pub use choice::{Candidate, Choice, Here, List};
pub use key::{ViewKey, ViewKind};
pub use packed::{Packed, PackedView};
pub(crate) use project::cluster_view;
pub use project::{project, project_one, touched};
pub use service::leaves_alone;
pub(crate) use service::whole_views;
pub use version::{OLDEST_PROJECTION_VERSION, PROJECTION_VERSION, agreed_projection};

use crate::validate::endpoint_address;
use crate::{Family, Name, Probe, Protocol, TrafficPolicy, Uid};

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

/// What holds for the whole cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ClusterView {
    /// Ranges of virtual addresses.
    pub service_cidrs: Vec<IpNet>,
    /// Ranges that endpoints lie in; empty: the default rule.
    pub endpoint_ranges: Vec<IpNet>,
    /// Ranges whose traffic is internal.
    pub workload_ranges: Vec<IpNet>,
    /// The DNS zone.
    pub dns_domain: String,
}

impl ClusterView {
    /// Why no endpoint may have this address: the rule of [`crate::validate::endpoint_address`].
    pub fn admit(&self, address: IpAddr) -> Result<(), String> {
        endpoint_address(address, &self.endpoint_ranges, &self.service_cidrs)
    }
}

/// A node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NodeView {
    /// Its name.
    pub name: Name,
    /// Its zone.
    pub zone: String,
    /// Its addresses, the primary one first.
    pub addresses: Vec<IpAddr>,
    /// Where node ports answer.
    pub node_port_addresses: Vec<IpAddr>,
}

/// A Service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceView {
    /// Its namespace.
    pub namespace: Name,
    /// Its name.
    pub name: Name,
    /// Where traffic arrives; none for headless and ExternalName.
    pub frontends: Vec<FrontendView>,
    /// The name an ExternalName stands for; else empty.
    pub external_name: String,
    /// No address by intent.
    pub headless: bool,
}

/// Where traffic for a Service arrives.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FrontendView {
    /// Address or node port.
    pub at: FrontendAt,
    /// Whom the policy concerns.
    pub reach: Reach,
    /// Which endpoints may be used.
    pub policy: TrafficPolicy,
    /// The port.
    pub port: u16,
    /// Transport.
    pub protocol: Protocol,
    /// Name of the Service's port.
    pub service_port: String,
    /// Idle seconds for which a client keeps its endpoint; 0: none.
    pub affinity_seconds: u32,
    /// Clients that may use it; empty: all.
    pub source_ranges: Vec<IpNet>,
    /// When this node has no endpoint to use.
    pub when_empty: WhenEmpty,
    /// Every usable endpoint has node hints.
    pub node_hints_valid: bool,
    /// Every usable endpoint has zone hints.
    pub zone_hints_valid: bool,
}

/// Where a frontend listens.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum FrontendAt {
    /// At a virtual address.
    Address(IpAddr),
    /// At the node's own node-port addresses of a family.
    NodePort(Family),
}

impl FrontendAt {
    /// The family of the addresses that it listens at.
    pub fn family(self) -> Family {
        match self {
            Self::Address(address) => Family::of(address),
            Self::NodePort(family) => family,
        }
    }
}

/// Whom a policy concerns.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reach {
    /// Every source: a ClusterIP.
    Internal,
    /// Sources outside; the node itself and workload ranges use the cluster's list.
    External,
}

/// What happens to traffic without an endpoint.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum WhenEmpty {
    /// RST, or ICMP port unreachable.
    Reject,
    /// Silence.
    Drop,
}

/// An address behind a Service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndpointView {
    /// The Service.
    pub service: Uid,
    /// Where traffic goes.
    pub address: IpAddr,
    /// Which ports it serves.
    pub ports: Vec<EndpointPortView>,
    /// The node it runs on.
    pub node: Option<Name>,
    /// Its zone.
    pub zone: String,
    /// Its own name in DNS.
    pub hostname: String,
    /// May be chosen.
    pub ready: bool,
    /// Answers.
    pub serving: bool,
    /// About to end.
    pub terminating: bool,
    /// Share of traffic beside its equals.
    pub weight: u32,
    /// Nodes that should prefer it.
    pub node_hints: Vec<Name>,
    /// Zones that should prefer it.
    pub zone_hints: Vec<String>,
}

/// One port of an endpoint, with the verdict on its use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndpointPortView {
    /// Name of the Service's port.
    pub service_port: String,
    /// Where it listens.
    pub port: u16,
    /// Transport; `None` from servers of projection version 2.
    pub protocol: Option<Protocol>,
    /// For cluster-wide traffic.
    pub cluster: bool,
    /// For node-local traffic on its own node.
    pub local: bool,
}

/// A workload with a probe.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct WorkloadView {
    /// Its namespace.
    pub namespace: Name,
    /// Its name.
    pub name: Name,
    /// Whose agent probes it.
    pub node: Name,
    /// Its addresses; the first is probed.
    pub addresses: Vec<IpAddr>,
    /// What to do; every port is a number.
    pub probe: Probe,
    /// To be repeated in reports.
    pub probe_generation: u64,
}
