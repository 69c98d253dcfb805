//! Clusters, their ranges and their namespaces.

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::{Family, Meta, PortRange};

/// A set of nodes that share Services, ranges and one ordered history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cluster {
    /// Identity and history.
    pub meta: Meta,
    /// Its settings.
    pub spec: ClusterSpec,
}

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
}

/// A tenant's part of a cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Namespace {
    /// Identity and history.
    pub meta: Meta,
}
