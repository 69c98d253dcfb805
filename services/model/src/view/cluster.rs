//! What nodes are told of their cluster.

use std::net::IpAddr;

use ipnet::IpNet;
use serde::Serialize;

use crate::validate::endpoint_address;
use crate::{Cluster, State};

/// What holds for the whole cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ClusterView {
    /// Ranges of virtual addresses.
    pub service_cidrs: Vec<IpNet>,
    /// Ranges that endpoints lie in; empty: the default rule.
    pub endpoint_ranges: Vec<IpNet>,
    /// Ranges whose traffic is internal.
    pub workload_ranges: Vec<IpNet>,
    /// The DNS zone.
    pub dns_domain: String,
}

impl ClusterView {
    /// The version of the projection that last added a field.
    pub(super) const SINCE: u32 = 2;

    /// Why no endpoint may have this address: the rule of [`crate::validate::endpoint_address`].
    pub fn admit(&self, address: IpAddr) -> Result<(), String> {
        endpoint_address(address, &self.endpoint_ranges, &self.service_cidrs)
    }
}

/// What holds for the whole cluster.
pub(crate) fn cluster_view(state: &State, cluster: &Cluster) -> ClusterView {
    ClusterView {
        service_cidrs: state.service_nets().collect(),
        endpoint_ranges: cluster.spec.endpoint_ranges.clone(),
        workload_ranges: cluster.spec.workload_ranges.clone(),
        dns_domain: cluster.spec.dns_domain.clone(),
    }
}
