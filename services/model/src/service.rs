//! Services.

mod choices;
mod columns;

use std::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::state::index::{Edit, Index, Indexed, pairs};
use crate::view::frontend::FrontendView;
use crate::{Family, Meta, Name, Protocol, Scoped, Selector};

pub use choices::{FamilyPolicy, ServiceType, SessionAffinity, TrafficDistribution, TrafficPolicy};

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

impl Indexed for Service {
    fn index(&self, index: &mut Index, edit: Edit) {
        let (namespace, name) = (&self.namespace, &self.meta.name);
        edit.identity(&mut index.services, self.meta.uid, self.key());
        edit.count(&mut index.usage, namespace, |usage| &mut usage.services);
        if self.spec.kind == ServiceType::LoadBalancer {
            edit.count(&mut index.usage, namespace, |usage| {
                &mut usage.load_balancers
            });
        }
        if self.spec.has_selector()
            && let Some(pair) = pairs(self.spec.selector.iter()).next()
        {
            let entry = (namespace.clone(), pair, name.clone());
            edit.entry(&mut index.selectors, entry);
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

/// What a Service is asked to be. In a stored Service everything is filled in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceSpec {
    /// How it is reached.
    #[serde(rename = "type")]
    pub kind: ServiceType,
    /// Labels of the workloads behind it. Empty: endpoints are written by hand.
    #[serde(default, skip_serializing_if = "Selector::is_empty")]
    pub selector: Selector,
    /// Its ports.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ports: Vec<ServicePort>,
    /// Its virtual addresses.
    #[serde(default)]
    pub cluster_ips: ClusterIps,
    /// Families, in the order of the addresses.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub families: Vec<Family>,
    /// One family or two. Unset for ExternalName, and in rows older than the field: those have one family.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub family_policy: Option<FamilyPolicy>,
    /// Whether a client keeps its backend.
    #[serde(default, skip_serializing_if = "SessionAffinity::is_none")]
    pub session_affinity: SessionAffinity,
    /// Idle seconds after which a client is free again; set exactly with [`SessionAffinity::ClientIP`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub affinity_timeout: Option<u32>,
    /// For traffic from outside; set exactly for NodePort and LoadBalancer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_traffic_policy: Option<TrafficPolicy>,
    /// For traffic to the virtual address; unset exactly for ExternalName.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub internal_traffic_policy: Option<TrafficPolicy>,
    /// A wish for near endpoints.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traffic_distribution: Option<TrafficDistribution>,
    /// Where nodes answer a load balancer's health checks; set exactly for LoadBalancer with the Local policy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health_check_node_port: Option<u16>,
    /// Whether a LoadBalancer has node ports, too; set exactly for LoadBalancer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allocate_node_ports: Option<bool>,
    /// Who implements a LoadBalancer; unset: Portolan itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub load_balancer_class: Option<String>,
    /// Clients that may use a LoadBalancer; empty: all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub source_ranges: Vec<IpNet>,
    /// Load-balancer addresses asked for, at most one a family.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub requested_load_balancer_ips: Vec<IpAddr>,
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

    /// Whether its ports are reachable on every node's own addresses, or from outside at a load balancer's.
    pub fn is_external(&self) -> bool {
        matches!(self.kind, ServiceType::NodePort | ServiceType::LoadBalancer)
    }

    /// Whether a load balancer has to find out which nodes have endpoints (SEMANTICS of Kubernetes' healthCheckNodePort).
    pub fn needs_health_check(&self) -> bool {
        self.kind == ServiceType::LoadBalancer
            && self.external_traffic_policy == Some(TrafficPolicy::Local)
    }

    /// Whether node ports that are left out are picked.
    pub fn picks_node_ports(&self) -> bool {
        match self.kind {
            ServiceType::NodePort => true,
            ServiceType::LoadBalancer => self.allocate_node_ports != Some(false),
            ServiceType::ClusterIP | ServiceType::ExternalName => false,
        }
    }

    /// Whether virtual addresses are picked where they are left out.
    pub fn picks_addresses(&self) -> bool {
        self.kind != ServiceType::ExternalName && self.cluster_ips != ClusterIps::None
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

/// What nodes are told of a Service.
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

impl ServiceView {
    /// The version of the projection that last added a field.
    pub(crate) const SINCE: u32 = 2;

    /// Of a Service whose traffic arrives at these frontends.
    pub(crate) fn of(service: &Service, frontends: Vec<FrontendView>) -> Self {
        let spec = &service.spec;
        let alias = spec.external_name.clone();
        let is_alias = spec.kind == ServiceType::ExternalName;
        Self {
            namespace: service.namespace.clone(),
            name: service.meta.name.clone(),
            frontends,
            external_name: alias.filter(|_| is_alias).unwrap_or_default(),
            headless: spec.cluster_ips.is_headless(),
        }
    }
}
