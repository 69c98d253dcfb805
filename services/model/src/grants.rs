//! Where endpoints may point: the cluster's rule, and a namespace's narrower one for what is written by hand.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::validate::endpoint_address;
use crate::{Endpoint, Name, Origin, State};

/// What the endpoints of one namespace may point at. Checked when they are written, and again when they are projected:
/// ranges may have become narrower since (CVE-2021-25740).
pub struct Grants<'a> {
    cluster: &'a [IpNet],
    service_cidrs: Vec<IpNet>,
    namespace: &'a [IpNet],
}

impl<'a> Grants<'a> {
    /// Of a namespace; `None` before the cluster exists.
    pub fn of(state: &'a State, namespace: &Name) -> Option<Self> {
        let own = state.namespace(namespace);
        Some(Self {
            cluster: &state.cluster()?.spec.endpoint_ranges,
            service_cidrs: state.service_nets().collect(),
            namespace: own.map_or(&[], |own| own.spec.endpoint_ranges.as_slice()),
        })
    }

    /// Why no endpoint may have this address.
    pub fn check(&self, address: IpAddr) -> Result<(), String> {
        endpoint_address(address, self.cluster, &self.service_cidrs)
    }

    /// Why no endpoint that is written by hand may have this address.
    pub fn check_by_hand(&self, address: IpAddr) -> Result<(), String> {
        self.check(address)?;
        if self.namespace.is_empty() || self.namespace.iter().any(|r| r.contains(&address)) {
            return Ok(());
        }
        let ranges: Vec<_> = self.namespace.iter().map(ToString::to_string).collect();
        Err(format!(
            "{address} lies outside the namespace's endpoint_ranges ({})",
            ranges.join(", ")
        ))
    }

    /// Why nodes are not told of an endpoint; `Ok` if they are.
    pub fn admit(&self, endpoint: &Endpoint) -> Result<(), String> {
        match endpoint.origin {
            Origin::Workload { .. } => self.check(endpoint.address),
            Origin::Source(_) => self.check_by_hand(endpoint.address),
        }
    }
}
