//! What all frontends share: where the node is, and what there is of everything.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use arc_swap::ArcSwap;
use ipnet::IpNet;
use portolan_dataplane::Environment;

use crate::affinity::Affinities;
use crate::counters::Counters;
use crate::descriptors::{most_connections, most_pipes, most_sessions};
use crate::proxy_protocol::ProxyProtocol;
use crate::session_room::SessionRoom;
use crate::shares::Shares;
use crate::tcp::pipe::Pipes;
use crate::workers::Workers;

/// What all frontends are carried by.
pub(crate) struct Engine {
    pub(crate) environment: ArcSwap<Environment>,
    /// Made local by us beside the ranges of virtual addresses.
    pub(crate) addresses: ArcSwap<BTreeSet<IpAddr>>,
    pub(crate) counters: Counters,
    pub(crate) pipes: Arc<Pipes>,
    /// Room for UDP sessions.
    pub(crate) session_room: SessionRoom,
    pub(crate) workers: Workers,
    /// Services whose backends are told of their clients.
    pub(crate) proxy_protocol: Vec<ProxyProtocol>,
    pub(crate) affinities: Affinities,
    /// Room for relayed connections.
    pub(crate) shares: Shares,
    started: Instant,
}

impl Engine {
    pub(crate) fn new(workers: Workers, proxy_protocol: Vec<ProxyProtocol>) -> Self {
        Self::with_room(most_connections(), workers, proxy_protocol)
    }

    /// With this many connections at once.
    pub(crate) fn with_room(
        connections: usize,
        workers: Workers,
        proxy_protocol: Vec<ProxyProtocol>,
    ) -> Self {
        Self {
            environment: ArcSwap::default(),
            addresses: ArcSwap::default(),
            counters: Counters::default(),
            pipes: Arc::new(Pipes::new(most_pipes())),
            session_room: SessionRoom::new(most_sessions()),
            workers,
            proxy_protocol,
            affinities: Affinities::default(),
            shares: Shares::new(connections),
            started: Instant::now(),
        }
    }

    /// Whether an address is local by a route of ours, on no device.
    pub(crate) fn is_virtual(&self, address: IpAddr) -> bool {
        let environment = self.environment.load();
        let mut ranges = environment.service_cidrs.iter();
        ranges.any(|range| range.contains(&address)) || self.addresses.load().contains(&address)
    }

    /// Whether a source is inside. Without an address of the node that is there, Linux gives a packet to a local address that
    /// very address as its source, so one of ours is the node itself.
    pub(crate) fn is_inside(&self, source: IpAddr) -> bool {
        let source = source.to_canonical();
        self.environment.load().is_inside(source) || self.addresses.load().contains(&source)
    }

    /// What has to be local.
    pub(crate) fn local_ranges(&self) -> Vec<IpNet> {
        let mut ranges = self.environment.load().service_cidrs.clone();
        ranges.extend(self.addresses.load().iter().copied().map(IpNet::from));
        ranges
    }

    /// Milliseconds since the start: fits an atomic.
    pub(crate) fn now(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}
