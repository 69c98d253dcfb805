//! Clusters, and how lists name them.

use std::borrow::Cow;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::query::columns::{column, ordering, text, unscoped};
use crate::query::{Column, Listed, Value};
use crate::state::index::Indexed;
use crate::{Family, Meta, PortRange, Scoped};

use Value::{Text, Time};

/// A set of nodes that share Services, ranges and one ordered history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cluster {
    /// Identity and history.
    pub meta: Meta,
    /// Its settings.
    pub spec: ClusterSpec,
}

impl Indexed for Cluster {}

/// Node ports of a cluster that says nothing else, as in Kubernetes.
pub const NODE_PORTS: PortRange = PortRange {
    first: 30000,
    last: 32767,
};
/// The zone of a cluster that says nothing else, as in Kubernetes.
pub const DNS_DOMAIN: &str = "cluster.local";

/// Settings of a cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterSpec {
    /// Node ports come from here.
    pub node_ports: PortRange,
    /// The zone of Service names.
    pub dns_domain: String,
    /// Configured families; the first is the default.
    pub families: Vec<Family>,
    /// Ranges that endpoints must lie in; empty: see [`crate::validate::endpoint_address`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub endpoint_ranges: Vec<IpNet>,
    /// Ranges whose traffic is internal.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub workload_ranges: Vec<IpNet>,
}

impl Listed for Cluster {
    const NOUN: &'static str = "a cluster";

    fn columns() -> &'static [Column<Self>] {
        const {
            &[
                ordering("name", Text(|c| text(c.meta.name.as_str()))),
                column("uid", Text(|c| Cow::Owned(c.meta.uid.to_string()))),
                column("dns_domain", Text(|c| text(&c.spec.dns_domain))),
                ordering("create_time", Time(|c| c.meta.created_at)),
                ordering("update_time", Time(|c| c.meta.updated_at)),
            ]
        }
    }

    fn sort_key(&self) -> Scoped {
        unscoped(&self.meta.name)
    }
}
