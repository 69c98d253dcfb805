//! Endpoints.

use portolan_model::{Endpoint, EndpointPort, Name, Origin, Violations, parse_address};

use super::fields::{optional, port, protocol, protocol_out};
use super::meta::timestamp;
use super::workload::node_name;
use crate::v1;

/// A hand-written endpoint from its wire form; conditions that are unset have their defaults.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// Where traffic goes.
    pub address: std::net::IpAddr,
    /// Which ports it serves.
    pub ports: Vec<EndpointPort>,
    /// The node it runs on.
    pub node: Option<Name>,
    /// Its zone.
    pub zone: String,
    /// Its own name in DNS.
    pub hostname: Option<String>,
    /// May be chosen.
    pub ready: bool,
    /// Answers.
    pub serving: bool,
    /// About to end.
    pub terminating: bool,
    /// Share of traffic.
    pub weight: u32,
}

/// From the wire. `field` is the path of the specification in the request.
pub fn spec(field: &str, m: &v1::EndpointSpec, violations: &mut Violations) -> Option<Written> {
    let ports = m.ports.iter().enumerate().map(|(i, p)| EndpointPort {
        service_port: p.service_port.clone(),
        port: port(&format!("{field}.ports[{i}].port"), p.port, violations),
        protocol: protocol(
            &format!("{field}.ports[{i}].protocol"),
            p.protocol,
            violations,
        ),
    });
    let ports = ports.collect();
    let node = node_name(&format!("{field}.node"), &m.node, violations);
    let weight = m.weight.unwrap_or(1);
    // Rules about the range are the domain's; what does not fit becomes what they refuse.
    let weight = u32::try_from(weight).unwrap_or(0);
    let ready = m.ready.unwrap_or(true);
    let address = violations.check(&format!("{field}.address"), parse_address(&m.address))?;
    Some(Written {
        address,
        ports,
        node,
        zone: m.zone.clone(),
        hostname: optional(&m.hostname),
        ready,
        serving: m.serving.unwrap_or(ready),
        terminating: m.terminating.unwrap_or(false),
        weight,
    })
}

/// An endpoint on the wire.
pub fn to_wire(cluster: &str, endpoint: &Endpoint) -> v1::Endpoint {
    let origin = match &endpoint.origin {
        Origin::Workload { name, .. } => v1::endpoint_origin::Origin::Workload(name.to_string()),
        Origin::Source(source) => v1::endpoint_origin::Origin::Source(source.clone()),
    };
    let ports = endpoint.ports.iter().map(|p| v1::EndpointPort {
        service_port: p.service_port.clone(),
        port: p.port.into(),
        protocol: protocol_out(p.protocol),
    });
    v1::Endpoint {
        name: format!(
            "clusters/{cluster}/namespaces/{}/endpoints/{}",
            endpoint.namespace, endpoint.name
        ),
        uid: endpoint.uid.to_string(),
        revision: endpoint.revision.0,
        create_time: Some(timestamp(endpoint.created_at)),
        update_time: Some(timestamp(endpoint.updated_at)),
        delete_time: None,
        spec: Some(v1::EndpointSpec {
            service: endpoint.service.to_string(),
            address: endpoint.address.to_string(),
            ports: ports.collect(),
            node: endpoint
                .node
                .as_ref()
                .map(ToString::to_string)
                .unwrap_or_default(),
            zone: endpoint.zone.clone(),
            hostname: endpoint.hostname.clone().unwrap_or_default(),
            ready: Some(endpoint.ready),
            serving: Some(endpoint.serving),
            terminating: Some(endpoint.terminating),
            weight: Some(i32::try_from(endpoint.weight).unwrap_or(i32::MAX)),
        }),
        origin: Some(v1::EndpointOrigin {
            origin: Some(origin),
        }),
    }
}
