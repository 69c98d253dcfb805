//! Nodes.

use std::borrow::Cow;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::query::columns::{Column, Kept, Listed, Value, column, ordering, text, texts, unscoped};
use crate::state::index::{Edit, Index, Indexed};
use crate::{Family, Meta, Name, Rejection, Revision, Scoped, Timestamp, Uid};

use Value::{Map, Text, Texts, Time};

/// A machine that carries Services.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Node {
    /// Identity and history.
    pub meta: Meta,
    /// What it is.
    pub spec: NodeSpec,
    /// The highest session whose first full report was committed; older ones are fenced.
    #[serde(default)]
    pub session: u64,
}

impl Indexed for Node {
    fn index(&self, index: &mut Index, edit: Edit) {
        edit.identity(&mut index.nodes, self.meta.uid, self.meta.name.clone());
    }
}

/// What a node is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeSpec {
    /// Its addresses, the primary one first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<IpAddr>,
    /// Its zone.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub zone: String,
    /// Where node ports answer; empty means the primary address of each family.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub node_port_addresses: Vec<IpAddr>,
    /// Kind of its dataplane.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub dataplane: String,
}

impl NodeSpec {
    /// The addresses on which node ports answer.
    pub fn node_port_addresses(&self) -> Vec<IpAddr> {
        if !self.node_port_addresses.is_empty() {
            return self.node_port_addresses.clone();
        }
        [Family::V4, Family::V6]
            .into_iter()
            .filter_map(|family| {
                self.addresses
                    .iter()
                    .copied()
                    .find(|a| Family::of(*a) == family)
            })
            .collect()
    }
}

impl Listed for Node {
    const NOUN: &'static str = "a node";

    fn columns() -> &'static [Column<Self>] {
        const {
            &[
                ordering("name", Text(|n| text(n.meta.name.as_str()))),
                column("uid", Text(|n| Cow::Owned(n.meta.uid.to_string()))),
                column("labels", Map(|n| &n.meta.labels)),
                ordering("zone", Text(|n| text(&n.spec.zone))),
                column("dataplane", Text(|n| text(&n.spec.dataplane))),
                column("address", Texts(|n| texts(&n.spec.addresses))),
                ordering("create_time", Time(|n| n.meta.created_at)),
                ordering("update_time", Time(|n| n.meta.updated_at)),
            ]
        }
    }

    fn sort_key(&self) -> Scoped {
        unscoped(&self.meta.name)
    }
}

impl Kept for Node {}

/// What a node's plugin last reported. Outside log and revision: written in bulk, read on demand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeReport {
    /// The node.
    pub node: Name,
    /// Its identity.
    pub uid: Uid,
    /// The session the plugin chose.
    pub session: u64,
    /// A stream is open.
    pub connected: bool,
    /// Tried up to here.
    pub attempted: Revision,
    /// Would remember up to here after a crash.
    pub durable: Revision,
    /// What it could not apply.
    #[serde(default)]
    pub rejected: Vec<Rejection>,
    /// Last sign of life, by the clock of the replica that it reached.
    pub last_contact: Timestamp,
}
