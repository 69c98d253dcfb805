//! What nodes are told of each other.

use std::net::IpAddr;

use serde::Serialize;

use crate::{Name, Node};

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

impl NodeView {
    /// The version of the projection that last added a field.
    pub(super) const SINCE: u32 = 2;
}

pub(super) fn node_view(node: &Node) -> NodeView {
    NodeView {
        name: node.meta.name.clone(),
        zone: node.spec.zone.clone(),
        addresses: node.spec.addresses.clone(),
        node_port_addresses: node.spec.node_port_addresses(),
    }
}
