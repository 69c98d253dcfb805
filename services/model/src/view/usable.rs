//! Which endpoints may be used: readiness, the terminating fallback and hints, decided once for every node (KEP-1669;
//! kube-proxy decides the same on each node).

use std::collections::BTreeSet;

use crate::{Endpoint, Family, Name, TrafficDistribution};

/// A port of the Service, in one family: traffic of a family never crosses to the other.
pub(super) type Scope<'a> = (&'a str, Family);

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
}

impl<'a> Usable<'a> {
    pub(super) fn of(endpoints: &[&'a Endpoint]) -> Self {
        let mut usable = Self::default();
        for endpoint in endpoints {
            for port in &endpoint.ports {
                usable.add(endpoint, scope(&port.service_port, endpoint));
            }
        }
        usable
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

    pub(super) fn for_cluster(&self, endpoint: &Endpoint, port: &str) -> bool {
        endpoint.ready || (is_fallback(endpoint) && !self.ready.contains(&scope(port, endpoint)))
    }

    pub(super) fn for_local(&self, endpoint: &Endpoint, port: &str) -> bool {
        let Some(node) = &endpoint.node else {
            return false;
        };
        let scope = scope(port, endpoint);
        endpoint.ready || (is_fallback(endpoint) && !self.ready_on.contains(&(scope, node)))
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

/// Still answers although it is about to end: better than nothing.
fn is_fallback(endpoint: &Endpoint) -> bool {
    endpoint.serving && endpoint.terminating
}
