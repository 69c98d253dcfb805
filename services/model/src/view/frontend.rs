//! Where traffic arrives.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::usable::Usable;
use crate::{Family, Protocol, Service, ServicePort, TrafficPolicy};

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

/// Where traffic for the Service arrives.
pub(super) fn frontends(service: &Service, usable: &Usable<'_>) -> Vec<FrontendView> {
    let spec = &service.spec;
    let internal = spec.internal_traffic_policy.unwrap_or_default();
    let external = spec.external_traffic_policy.unwrap_or_default();
    let addresses = || spec.cluster_ips.addresses().iter().copied();
    let families: BTreeSet<_> = addresses().map(Family::of).collect();
    let mut frontends = Vec::new();
    for port in &spec.ports {
        let mut add = |entry: Entry| frontends.push(frontend(service, port, &entry, usable));
        for address in addresses() {
            add(Entry {
                at: FrontendAt::Address(address),
                port: port.port,
                reach: Reach::Internal,
                policy: internal,
            });
        }
        let Some(number) = port.node_port else {
            continue;
        };
        for family in &families {
            add(Entry {
                at: FrontendAt::NodePort(*family),
                port: number,
                reach: Reach::External,
                policy: external,
            });
        }
    }
    frontends
}

/// One way in to a port of a Service.
struct Entry {
    at: FrontendAt,
    port: u16,
    reach: Reach,
    policy: TrafficPolicy,
}

fn frontend(
    service: &Service,
    port: &ServicePort,
    entry: &Entry,
    usable: &Usable<'_>,
) -> FrontendView {
    let scope = (port.name.as_str(), entry.at.family());
    let elsewhere = entry.policy == TrafficPolicy::Local && usable.any.contains(&scope);
    let (node_hints_valid, zone_hints_valid) =
        usable.hints(service.spec.traffic_distribution, scope);
    FrontendView {
        at: entry.at,
        reach: entry.reach,
        policy: entry.policy,
        port: entry.port,
        protocol: port.protocol,
        service_port: port.name.clone(),
        affinity_seconds: service.spec.affinity_timeout.unwrap_or(0),
        // Ranges concern load-balancer addresses: a node port is reached around them, as in Kubernetes.
        source_ranges: Vec::new(),
        when_empty: if elsewhere {
            WhenEmpty::Drop
        } else {
            WhenEmpty::Reject
        },
        node_hints_valid,
        zone_hints_valid,
    }
}
