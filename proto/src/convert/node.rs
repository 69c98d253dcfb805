//! Nodes and what they report.

use std::net::IpAddr;

use portolan_model::{Node, NodeReport, NodeSpec, Violations};

use super::fields::addresses;
use super::meta::{generation, timestamp};
use crate::v1;

/// A specification from its wire form. `field` is its path in the request.
pub fn spec(field: &str, m: &v1::NodeSpec, violations: &mut Violations) -> NodeSpec {
    NodeSpec {
        addresses: addresses(&format!("{field}.addresses"), &m.addresses, violations),
        zone: m.zone.clone(),
        node_port_addresses: addresses(
            &format!("{field}.node_port_addresses"),
            &m.node_port_addresses,
            violations,
        ),
        dataplane: m.dataplane.clone(),
    }
}

/// A node on the wire, without its status.
pub fn to_wire(cluster: &str, node: &Node) -> v1::Node {
    let meta = &node.meta;
    v1::Node {
        name: format!("clusters/{cluster}/nodes/{}", meta.name),
        uid: meta.uid.to_string(),
        labels: meta.labels.clone(),
        annotations: meta.annotations.clone(),
        generation: generation(meta.generation),
        etag: meta.etag(&node.spec),
        revision: meta.revision.0,
        create_time: Some(timestamp(meta.created_at)),
        update_time: Some(timestamp(meta.updated_at)),
        delete_time: None,
        spec: Some(spec_to_wire(&node.spec)),
        status: None,
    }
}

/// A specification on the wire.
pub fn spec_to_wire(spec: &NodeSpec) -> v1::NodeSpec {
    let texts = |addresses: &[IpAddr]| addresses.iter().map(ToString::to_string).collect();
    v1::NodeSpec {
        addresses: texts(&spec.addresses),
        zone: spec.zone.clone(),
        node_port_addresses: texts(&spec.node_port_addresses),
        dataplane: spec.dataplane.clone(),
    }
}

/// What a node reported last, without conditions.
pub fn status(runtime: &NodeReport) -> v1::NodeStatus {
    let rejected = runtime.rejected.iter().map(|r| v1::Rejection {
        object: format!("{}/{}", r.object.kind, r.object.uid),
        since_revision: r.since.0,
        code: r.code.to_string(),
        message: r.message.clone(),
    });
    v1::NodeStatus {
        conditions: Vec::new(),
        connected: runtime.connected,
        session: runtime.session,
        attempted_revision: runtime.attempted.0,
        durable_revision: runtime.durable.0,
        rejected: rejected.collect(),
        last_contact_time: Some(timestamp(runtime.last_contact)),
    }
}
