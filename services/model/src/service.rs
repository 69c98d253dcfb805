//! Services.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::{Family, Labels, Meta, Name, Protocol, Scoped};

/// A stable address, port and name in front of backends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Service {
    /// Identity and history.
    pub meta: Meta,
    /// Where it lives.
    pub namespace: Name,
    /// What is asked for, completed by what was allocated.
    pub spec: ServiceSpec,
}

impl Service {
    /// Namespace and name.
    pub fn key(&self) -> Scoped {
        Scoped::new(self.namespace.clone(), self.meta.name.clone())
    }
}

/// How a Service is reached.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum ServiceType {
    /// A virtual address inside the cluster.
    #[default]
    ClusterIP,
    /// That, and a port on every node.
    NodePort,
    /// An alias in DNS.
    ExternalName,
}

impl ServiceType {
    /// The word users know.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ClusterIP => "ClusterIP",
            Self::NodePort => "NodePort",
            Self::ExternalName => "ExternalName",
        }
    }
}

/// The virtual addresses of a Service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ClusterIps {
    /// Headless: none, by intent.
    None,
    /// One a family. Empty in a request: to be allocated. Empty in a stored Service: an ExternalName.
    Addresses(Vec<IpAddr>),
}

impl Default for ClusterIps {
    fn default() -> Self {
        Self::Addresses(Vec::new())
    }
}

impl ClusterIps {
    /// The addresses; none for a headless Service.
    pub fn addresses(&self) -> &[IpAddr] {
        match self {
            Self::None => &[],
            Self::Addresses(addresses) => addresses,
        }
    }

    /// Whether the Service has no address by intent.
    pub fn is_headless(&self) -> bool {
        matches!(self, Self::None)
    }
}

/// Which endpoints traffic may go to.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum TrafficPolicy {
    /// All of them.
    #[default]
    Cluster,
    /// Those on the node that received the traffic.
    Local,
}

/// What a Service is asked to be. In a stored Service everything is filled in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceSpec {
    /// How it is reached.
    #[serde(rename = "type")]
    pub kind: ServiceType,
    /// Labels of the workloads behind it. Empty: endpoints are written by hand.
    #[serde(default, skip_serializing_if = "Labels::is_empty")]
    pub selector: Labels,
    /// Its ports.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ports: Vec<ServicePort>,
    /// Its virtual addresses.
    #[serde(default)]
    pub cluster_ips: ClusterIps,
    /// Families, in the order of the addresses.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub families: Vec<Family>,
    /// For traffic from outside; set exactly for NodePort.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_traffic_policy: Option<TrafficPolicy>,
    /// For traffic to the virtual address; unset exactly for ExternalName.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub internal_traffic_policy: Option<TrafficPolicy>,
    /// The name an ExternalName stands for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_name: Option<String>,
    /// Endpoints count as ready whatever their probes say.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub publish_not_ready_addresses: bool,
}

impl ServiceSpec {
    /// Whether endpoints are kept from workloads.
    pub fn has_selector(&self) -> bool {
        !self.selector.is_empty() && self.kind != ServiceType::ExternalName
    }
}

/// One port of a Service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServicePort {
    /// Name; empty only for a single port.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// The port clients use.
    pub port: u16,
    /// Transport.
    #[serde(default)]
    pub protocol: Protocol,
    /// Where backends listen.
    pub target: TargetPort,
    /// What is spoken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app_protocol: Option<String>,
    /// The port on every node. `None` in a request: to be allocated where the type needs one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node_port: Option<u16>,
}

/// Where backends listen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TargetPort {
    /// On this port.
    Number(u16),
    /// On the workload's port of this name and the same protocol.
    Name(String),
}
