//! Which endpoints may be used: readiness, the terminating fallback and hints, decided once for every node (KEP-1669;
//! kube-proxy decides the same on each node).

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use crate::{Endpoint, EndpointPort, Family, Name, Service, TrafficDistribution, Uid};

/// A port of the Service, in one family: traffic of a family never crosses to the other.
pub(super) type Scope<'a> = (&'a str, Family);

/// A port of the Service at a port of an address: however many endpoints say so, it takes one share of the traffic.
type Place<'a> = (&'a str, IpAddr, u16);

/// Per port and family: whether ready endpoints exist, so that terminating ones are left alone.
#[derive(Default)]
pub(super) struct Usable<'a> {
    /// Those that have a ready endpoint anywhere.
    ready: BTreeSet<Scope<'a>>,
    /// Those that have a ready endpoint on a node, with that node.
    ready_on: BTreeSet<(Scope<'a>, &'a Name)>,
    /// Those that have any endpoint that may be used.
    pub(super) any: BTreeSet<Scope<'a>>,
    /// Those with a ready endpoint that has no node: one that lacks a hint makes all others void.
    without_node: BTreeSet<Scope<'a>>,
    /// Those with a ready endpoint that has no zone.
    without_zone: BTreeSet<Scope<'a>>,
    /// Which endpoint stands for a place: the first of the most useful ones.
    standing: BTreeMap<Place<'a>, (Use, Uid)>,
}

/// What an endpoint is good for, the best last.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Use {
    Nothing,
    Fallback,
    Ready,
}

/// The ports of an endpoint that its Service has, or may have: one of another protocol serves nothing.
pub(super) fn served<'a>(
    service: &Service,
    endpoint: &'a Endpoint,
) -> impl Iterator<Item = &'a EndpointPort> {
    endpoint.ports.iter().filter(|port| {
        let mut named = service.spec.ports.iter();
        let named = named.find(|named| named.name == port.service_port);
        named.is_none_or(|named| named.protocol == port.protocol)
    })
}

impl<'a> Usable<'a> {
    pub(super) fn of(service: &Service, endpoints: &[&'a Endpoint]) -> Self {
        let mut usable = Self::default();
        for endpoint in endpoints {
            for port in served(service, endpoint) {
                usable.add(endpoint, scope(&port.service_port, endpoint));
                usable.stand(endpoint, port);
            }
        }
        usable
    }

    fn stand(&mut self, endpoint: &Endpoint, port: &'a EndpointPort) {
        let use_of = match () {
            () if endpoint.ready => Use::Ready,
            () if is_fallback(endpoint) => Use::Fallback,
            () => Use::Nothing,
        };
        match self.standing.entry(place(endpoint, port)) {
            Entry::Vacant(place) => drop(place.insert((use_of, endpoint.uid))),
            Entry::Occupied(mut place) if place.get().0 < use_of => {
                place.insert((use_of, endpoint.uid));
            }
            Entry::Occupied(_) => {}
        }
    }

    fn stands(&self, endpoint: &Endpoint, port: &EndpointPort) -> bool {
        let standing = self.standing.get(&place(endpoint, port));
        standing.is_some_and(|(_, uid)| *uid == endpoint.uid)
    }

    fn add(&mut self, endpoint: &'a Endpoint, scope: Scope<'a>) {
        if endpoint.ready || is_fallback(endpoint) {
            self.any.insert(scope);
        }
        if !endpoint.ready {
            return;
        }
        self.ready.insert(scope);
        match &endpoint.node {
            Some(node) => drop(self.ready_on.insert((scope, node))),
            None => drop(self.without_node.insert(scope)),
        }
        if endpoint.zone.is_empty() {
            self.without_zone.insert(scope);
        }
    }

    pub(super) fn for_cluster(&self, endpoint: &Endpoint, port: &EndpointPort) -> bool {
        let scope = scope(&port.service_port, endpoint);
        self.stands(endpoint, port)
            && (endpoint.ready || (is_fallback(endpoint) && !self.ready.contains(&scope)))
    }

    pub(super) fn for_local(&self, endpoint: &Endpoint, port: &EndpointPort) -> bool {
        let Some(node) = &endpoint.node else {
            return false;
        };
        let on_node = (scope(&port.service_port, endpoint), node);
        self.stands(endpoint, port)
            && (endpoint.ready || (is_fallback(endpoint) && !self.ready_on.contains(&on_node)))
    }

    /// Whether hints of nodes and of zones hold; without a ready endpoint there are none.
    pub(super) fn hints(
        &self,
        wish: Option<TrafficDistribution>,
        scope: Scope<'_>,
    ) -> (bool, bool) {
        let is_there = wish.is_some() && self.ready.contains(&scope);
        let nodes = wish == Some(TrafficDistribution::PreferSameNode);
        (
            is_there && nodes && !self.without_node.contains(&scope),
            is_there && !self.without_zone.contains(&scope),
        )
    }
}

fn scope<'a>(port: &'a str, endpoint: &Endpoint) -> Scope<'a> {
    (port, Family::of(endpoint.address))
}

fn place<'a>(endpoint: &Endpoint, port: &'a EndpointPort) -> Place<'a> {
    (&port.service_port, endpoint.address, port.port)
}

/// Still answers although it is about to end: better than nothing.
fn is_fallback(endpoint: &Endpoint) -> bool {
    endpoint.serving && endpoint.terminating
}
