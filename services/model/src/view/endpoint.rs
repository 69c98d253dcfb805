//! What nodes are told of endpoints.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::usable::{Usable, served};
use crate::{Endpoint, Name, Protocol, Service, TrafficDistribution, Uid};

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

impl EndpointView {
    /// The version of the projection that last added a field, here or to a port.
    pub(super) const SINCE: u32 = 3;
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

pub(super) fn endpoint_view(
    service: &Service,
    endpoint: &Endpoint,
    usable: &Usable<'_>,
) -> EndpointView {
    // Old plugins know zones only, so a wish for the same node names the zone, too (KEP-3015).
    let wish = service.spec.traffic_distribution.filter(|_| endpoint.ready);
    let own_node = wish == Some(TrafficDistribution::PreferSameNode);
    let zone = Some(&endpoint.zone).filter(|zone| wish.is_some() && !zone.is_empty());
    let ports = served(service, endpoint).map(|port| EndpointPortView {
        service_port: port.service_port.clone(),
        port: port.port,
        protocol: Some(port.protocol),
        cluster: usable.for_cluster(endpoint, port),
        local: usable.for_local(endpoint, port),
    });
    EndpointView {
        service: endpoint.service_uid,
        address: endpoint.address,
        ports: ports.collect(),
        node: endpoint.node.clone(),
        zone: endpoint.zone.clone(),
        hostname: endpoint.hostname.clone().unwrap_or_default(),
        ready: endpoint.ready,
        serving: endpoint.serving,
        terminating: endpoint.terminating,
        weight: endpoint.weight,
        node_hints: endpoint.node.iter().filter(|_| own_node).cloned().collect(),
        zone_hints: zone.into_iter().cloned().collect(),
    }
}
