//! Views of the node stream. Encoding is canonical: equal views have equal bytes on every replica, since every field
//! is a scalar, a list in a fixed order or a message of such.

mod endpoint;
pub(super) mod frontend;
pub(super) mod values;
mod workload;

use bytes::Bytes;
use portolan_model::view::{ClusterView, NodeView, View, ViewKey, ViewKind};
use portolan_model::{Digest, Name, Uid};
use prost::Message;

use super::service::{from_view as from_service, view as service};
use crate::node::v1 as wire;
use endpoint::{endpoint, from_endpoint};
pub use values::{ViewError, address, address_bytes, family, from_family, from_protocol, protocol};
use values::{addresses, from_nets, nets};
use workload::{from_workload, workload};

/// The body of a view.
pub fn encode(view: &View) -> Bytes {
    let body = match view {
        View::Cluster(v) => cluster(v).encode_to_vec(),
        View::Node(v) => node(v).encode_to_vec(),
        View::Service(v) => service(v).encode_to_vec(),
        View::Endpoint(v) => endpoint(v).encode_to_vec(),
        View::Workload(v) => workload(v).encode_to_vec(),
    };
    body.into()
}

/// A view from its body.
pub fn decode(kind: ViewKind, body: &[u8]) -> Result<View, ViewError> {
    fn message<M: Message + Default>(kind: ViewKind, body: &[u8]) -> Result<M, ViewError> {
        M::decode(body).map_err(|source| ViewError::Malformed {
            kind: kind as i32,
            source: Some(source),
        })
    }
    Ok(match kind {
        ViewKind::Cluster => View::Cluster(from_cluster(message(kind, body)?)?),
        ViewKind::Node => View::Node(from_node(message(kind, body)?)?),
        ViewKind::Service => View::Service(from_service(message(kind, body)?)?),
        ViewKind::Endpoint => View::Endpoint(from_endpoint(message(kind, body)?)?),
        ViewKind::Workload => View::Workload(from_workload(message(kind, body)?)?),
    })
}

/// Share of an object in the stream's digest: BLAKE2b-128 over kind, uid and body.
pub fn digest(key: ViewKey, body: &[u8]) -> Digest {
    Digest::of(&[&[key.kind as u8], key.uid.as_bytes(), body])
}

/// The key of a reference on the wire.
pub fn key(kind: i32, uid: &[u8]) -> Result<ViewKey, ViewError> {
    let malformed = || ViewError::Malformed { kind, source: None };
    let kind = match wire::Kind::try_from(kind) {
        Ok(wire::Kind::Cluster) => ViewKind::Cluster,
        Ok(wire::Kind::Node) => ViewKind::Node,
        Ok(wire::Kind::Service) => ViewKind::Service,
        Ok(wire::Kind::Endpoint) => ViewKind::Endpoint,
        Ok(wire::Kind::Workload) => ViewKind::Workload,
        Ok(wire::Kind::Unspecified) | Err(_) => return Err(malformed()),
    };
    Ok(ViewKey::new(
        kind,
        Uid::from_slice(uid).ok_or_else(malformed)?,
    ))
}

/// A reference on the wire.
pub fn object_ref(key: ViewKey) -> wire::ObjectRef {
    wire::ObjectRef {
        kind: key.kind as i32,
        uid: key.uid.as_bytes().to_vec(),
    }
}

fn cluster(v: &ClusterView) -> wire::ClusterConfig {
    wire::ClusterConfig {
        service_cidrs: nets(&v.service_cidrs),
        endpoint_ranges: nets(&v.endpoint_ranges),
        workload_ranges: nets(&v.workload_ranges),
        dns_domain: v.dns_domain.clone(),
    }
}

fn from_cluster(m: wire::ClusterConfig) -> Result<ClusterView, ViewError> {
    Ok(ClusterView {
        service_cidrs: from_nets(&m.service_cidrs)?,
        endpoint_ranges: from_nets(&m.endpoint_ranges)?,
        workload_ranges: from_nets(&m.workload_ranges)?,
        dns_domain: m.dns_domain,
    })
}

fn node(v: &NodeView) -> wire::Node {
    wire::Node {
        name: v.name.to_string(),
        zone: v.zone.clone(),
        addresses: v.addresses.iter().copied().map(address_bytes).collect(),
        node_port_addresses: v
            .node_port_addresses
            .iter()
            .copied()
            .map(address_bytes)
            .collect(),
    }
}

fn from_node(m: wire::Node) -> Result<NodeView, ViewError> {
    Ok(NodeView {
        name: Name::trusted(m.name),
        zone: m.zone,
        addresses: addresses(&m.addresses)?,
        node_port_addresses: addresses(&m.node_port_addresses)?,
    })
}
