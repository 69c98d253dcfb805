//! Namespaces, their limits, and how lists name them.

use std::borrow::Cow;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::query::columns::{column, ordering, text, unscoped};
use crate::query::{Column, Kept, Listed, Value};
use crate::state::index::Indexed;
use crate::{Meta, Scoped};

use Value::{Map, Text, Time};

/// A tenant's part of a cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Namespace {
    /// Identity and history.
    pub meta: Meta,
    /// Its limits.
    #[serde(default)]
    pub spec: NamespaceSpec,
}

impl Indexed for Namespace {}

/// Limits of a namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamespaceSpec {
    /// How much it may hold.
    #[serde(default)]
    pub quota: Quota,
    /// Ranges that its hand-written endpoints may point into, within the cluster's. Empty: the cluster's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub endpoint_ranges: Vec<IpNet>,
}

/// How much a namespace may hold; unset: as much as there is.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quota {
    /// Services.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub services: Option<u32>,
    /// Node ports, those for health checks included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node_ports: Option<u32>,
    /// Services of type LoadBalancer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub load_balancers: Option<u32>,
    /// Endpoints, hand-written or not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoints: Option<u32>,
}

impl Listed for Namespace {
    const NOUN: &'static str = "a namespace";

    fn columns() -> &'static [Column<Self>] {
        const {
            &[
                ordering("name", Text(|n| text(n.meta.name.as_str()))),
                column("uid", Text(|n| Cow::Owned(n.meta.uid.to_string()))),
                column("labels", Map(|n| &n.meta.labels)),
                ordering("create_time", Time(|n| n.meta.created_at)),
                ordering("update_time", Time(|n| n.meta.updated_at)),
            ]
        }
    }

    fn sort_key(&self) -> Scoped {
        unscoped(&self.meta.name)
    }
}

impl Kept for Namespace {}
