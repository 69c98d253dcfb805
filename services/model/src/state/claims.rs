//! Questions to the state about ranges, what is taken from them, and what waits for its time.

use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;
use uuid::Uuid;

use super::State;
use crate::alloc::{Occupancy, ServiceRange};
use crate::{Fill, IpClaim, PortClaim, PortRange, Request, ServiceCidr, Timestamp};

impl State {
    /// The ranges that addresses are allocated from.
    pub fn ready_ranges(&self) -> Vec<ServiceRange> {
        self.service_cidrs()
            .filter(|s| s.is_ready())
            .flat_map(|s| s.cidrs.iter().copied().map(ServiceRange::new))
            .collect()
    }

    /// Held addresses of a range that no other ready range would contain: what stands in the way of its end.
    pub fn stranded(&self, service_cidr: &ServiceCidr) -> impl Iterator<Item = &Arc<IpClaim>> {
        let others = self.service_cidrs().filter(|s| s.is_ready());
        let others = others.filter(|s| s.meta.name != service_cidr.meta.name);
        let others: Vec<_> = others
            .flat_map(|s| s.cidrs.iter().copied().map(ServiceRange::new))
            .collect();
        let within = service_cidr.cidrs.clone().into_iter();
        within
            .flat_map(|net| self.ip_claims_in(net))
            .filter(|claim| claim.state.is_held())
            .filter(move |claim| !others.iter().any(|other| other.is_usable(claim.address)))
    }

    /// The CIDRs of all ranges, in the order of the ranges' names.
    pub fn service_nets(&self) -> impl Iterator<Item = IpNet> {
        self.service_cidrs().flat_map(|s| s.cidrs.iter().copied())
    }

    /// All ranges, those on their way out included.
    pub fn service_ranges(&self) -> Vec<ServiceRange> {
        self.service_cidrs()
            .flat_map(|s| s.cidrs.iter().copied().map(ServiceRange::new))
            .collect()
    }

    /// Who holds an address.
    pub fn ip_claim(&self, address: IpAddr) -> Option<&Arc<IpClaim>> {
        self.rows.ip_claims.get(&address)
    }

    /// All addresses that are not free.
    pub fn ip_claims(&self) -> impl Iterator<Item = &Arc<IpClaim>> {
        self.rows.ip_claims.values()
    }

    /// Addresses of a range that are not free, in order.
    pub fn ip_claims_in(&self, net: IpNet) -> impl Iterator<Item = &Arc<IpClaim>> {
        self.rows
            .ip_claims
            .range(net.network()..=net.broadcast())
            .map(|(_, claim)| claim)
    }

    /// Who holds a node port.
    pub fn port_claim(&self, port: u16) -> Option<&Arc<PortClaim>> {
        self.rows.port_claims.get(&port)
    }

    /// All node ports that are not free.
    pub fn port_claims(&self) -> impl Iterator<Item = &Arc<PortClaim>> {
        self.rows.port_claims.values()
    }

    /// Addresses that were released, but are not free.
    pub fn quarantined_addresses(&self) -> impl Iterator<Item = &Arc<IpClaim>> {
        self.index
            .quarantined_addresses
            .iter()
            .filter_map(|address| self.rows.ip_claims.get(address))
    }

    /// Node ports that were released, but are not free.
    pub fn quarantined_ports(&self) -> impl Iterator<Item = &Arc<PortClaim>> {
        self.index
            .quarantined_ports
            .iter()
            .filter_map(|port| self.rows.port_claims.get(port))
    }

    /// Addresses that are not free, for picking.
    pub fn occupied_addresses(&self) -> &Occupancy {
        &self.index.occupied_addresses
    }

    /// Ports that are not free, for picking.
    pub fn occupied_ports(&self) -> &Occupancy {
        &self.index.occupied_ports
    }

    /// How full a range of addresses is.
    pub fn address_fill(&self, range: &ServiceRange) -> Fill {
        let waiting = self.quarantined_addresses();
        let waiting = waiting.filter(|claim| range.is_usable(claim.address));
        Fill::new(
            range.count(self.occupied_addresses()),
            waiting.count() as u64,
            range.capacity(),
        )
    }

    /// How full a range of node ports is.
    pub fn port_fill(&self, ports: PortRange) -> Fill {
        let waiting = self.quarantined_ports();
        let waiting = waiting.filter(|claim| ports.contains(claim.port));
        let (first, last) = (ports.first.into(), ports.last.into());
        Fill::new(
            self.occupied_ports().count(false, first, last),
            waiting.count() as u64,
            ports.size().into(),
        )
    }

    /// What a request id stands for.
    pub fn request(&self, id: Uuid) -> Option<&Arc<Request>> {
        self.rows.requests.get(&id)
    }

    /// Requests that may be forgotten.
    pub fn expired_requests(&self, now: Timestamp) -> impl Iterator<Item = &Arc<Request>> {
        self.index
            .expired(now.0)
            .filter_map(|id| self.rows.requests.get(&id))
    }
}
