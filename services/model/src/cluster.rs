//! Clusters, their ranges and their namespaces.

use std::borrow::Cow;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::query::columns::{Column, Kept, Listed, Value, column, ordering, text, texts, unscoped};
use crate::state::index::Indexed;
use crate::{Family, Meta, PortRange, Scoped, Timestamp};

use Value::{Flag, Map, Text, Texts, Time};

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

/// A range for virtual addresses, or one of each family. Immutable.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceCidr {
    /// Identity and history.
    pub meta: Meta,
    /// One range, or one of each family.
    pub cidrs: Vec<IpNet>,
    /// Since when it is on its way out: nothing is allocated from it any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub draining_since: Option<Timestamp>,
}

impl Indexed for ServiceCidr {}

impl ServiceCidr {
    /// Whether addresses are allocated from it.
    pub fn is_ready(&self) -> bool {
        self.draining_since.is_none()
    }
}

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

impl Listed for ServiceCidr {
    const NOUN: &'static str = "a ServiceCIDR";

    fn columns() -> &'static [Column<Self>] {
        const {
            &[
                ordering("name", Text(|s| text(s.meta.name.as_str()))),
                column("uid", Text(|s| Cow::Owned(s.meta.uid.to_string()))),
                column("cidr", Texts(|s| texts(&s.cidrs))),
                column("ready", Flag(Self::is_ready)),
                ordering("create_time", Time(|s| s.meta.created_at)),
            ]
        }
    }

    fn sort_key(&self) -> Scoped {
        unscoped(&self.meta.name)
    }
}

impl Kept for ServiceCidr {}

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
