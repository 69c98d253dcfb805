//! Endpoints and their ports.

use portolan_model::Name;
use portolan_model::view::{EndpointPortView, EndpointView};

use super::values::{ViewError, address, address_bytes, from_protocol, port, protocol, uid};
use crate::node::v1 as wire;

pub(super) fn endpoint(v: &EndpointView) -> wire::Endpoint {
    let ports = v.ports.iter().map(|p| wire::EndpointPort {
        service_port: p.service_port.clone(),
        port: p.port.into(),
        cluster: p.cluster,
        local: p.local,
        protocol: p
            .protocol
            .map_or(wire::Protocol::Unspecified, protocol)
            .into(),
    });
    wire::Endpoint {
        service_uid: v.service.as_bytes().to_vec(),
        address: address_bytes(v.address),
        ports: ports.collect(),
        node: v.node.as_ref().map(ToString::to_string).unwrap_or_default(),
        zone: v.zone.clone(),
        hostname: v.hostname.clone(),
        ready: v.ready,
        serving: v.serving,
        terminating: v.terminating,
        weight: v.weight,
        node_hints: v.node_hints.iter().map(ToString::to_string).collect(),
        zone_hints: v.zone_hints.clone(),
    }
}

pub(super) fn from_endpoint(m: wire::Endpoint) -> Result<EndpointView, ViewError> {
    let ports = m.ports.into_iter().map(|p| {
        let protocol = match p.protocol() {
            wire::Protocol::Unspecified => None,
            known => Some(from_protocol(known)?),
        };
        Ok(EndpointPortView {
            protocol,
            service_port: p.service_port,
            port: port(p.port)?,
            cluster: p.cluster,
            local: p.local,
        })
    });
    Ok(EndpointView {
        service: uid(&m.service_uid)?,
        address: address(&m.address)?,
        ports: ports.collect::<Result<_, ViewError>>()?,
        node: Some(m.node)
            .filter(|node| !node.is_empty())
            .map(Name::trusted),
        zone: m.zone,
        hostname: m.hostname,
        ready: m.ready,
        serving: m.serving,
        terminating: m.terminating,
        weight: m.weight,
        node_hints: m.node_hints.into_iter().map(Name::trusted).collect(),
        zone_hints: m.zone_hints,
    })
}
