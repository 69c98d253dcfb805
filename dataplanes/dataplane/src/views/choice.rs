//! The choice that is left for a node: which endpoints of a Service it uses.

use std::net::SocketAddr;

use portolan_model::view::{ClusterView, EndpointPortView, EndpointView, FrontendView};
use portolan_model::{Family, Name, Uid};

use super::Views;
use crate::Backend;

/// The endpoints of a frontend's Service that have its port and family, seen from one node.
pub(super) struct Chooser<'a> {
    node: &'a Name,
    zone: &'a str,
    frontend: &'a FrontendView,
    candidates: Vec<Candidate<'a>>,
}

#[derive(Copy, Clone)]
struct Candidate<'a> {
    uid: Uid,
    endpoint: &'a EndpointView,
    port: &'a EndpointPortView,
}

impl Candidate<'_> {
    fn backend(&self) -> Backend {
        Backend {
            endpoint: self.uid,
            address: SocketAddr::new(self.endpoint.address, self.port.port),
            weight: self.endpoint.weight.max(1),
        }
    }
}

impl<'a> Chooser<'a> {
    pub(super) fn new(
        views: &'a Views,
        node: &'a Name,
        service: Uid,
        frontend: &'a FrontendView,
        family: Family,
    ) -> Self {
        let candidates = views
            .endpoints(service)
            .filter(|(_, endpoint)| Family::of(endpoint.address) == family)
            .filter(|(_, endpoint)| allowed(endpoint, views.cluster()))
            .filter_map(|(uid, endpoint)| {
                let mut ports = endpoint.ports.iter();
                let port = ports.find(|p| p.service_port == frontend.service_port)?;
                Some(Candidate {
                    uid,
                    endpoint,
                    port,
                })
            })
            .collect();
        let zone = views.node(node).map_or("", |own| own.zone.as_str());
        Self {
            node,
            zone,
            frontend,
            candidates,
        }
    }

    /// For a Local policy: what runs here.
    pub(super) fn local(&self) -> Vec<Backend> {
        self.pick(|c| c.port.local && c.endpoint.node.as_ref() == Some(self.node))
    }

    /// For a Cluster policy: own-node hints, else own-zone hints, else all.
    pub(super) fn cluster(&self) -> Vec<Backend> {
        let near = |valid: bool, hinted: &dyn Fn(&EndpointView) -> bool| {
            let picked = if valid {
                self.pick(|c| c.port.cluster && hinted(c.endpoint))
            } else {
                Vec::new()
            };
            (!picked.is_empty()).then_some(picked)
        };
        near(self.frontend.node_hints_valid, &|e| {
            e.node_hints.contains(self.node)
        })
        .or_else(|| {
            let valid = self.frontend.zone_hints_valid && !self.zone.is_empty();
            near(valid, &|e| {
                e.zone_hints.iter().any(|zone| zone == self.zone)
            })
        })
        .unwrap_or_else(|| self.pick(|c| c.port.cluster))
    }

    fn pick(&self, wanted: impl Fn(&Candidate<'_>) -> bool) -> Vec<Backend> {
        let picked = self.candidates.iter().filter(|c| wanted(c));
        picked.map(Candidate::backend).collect()
    }
}

/// The server refuses such endpoints already. A virtual address behind a virtual address would let whoever writes
/// endpoints by hand reach Services through a node's own rights (CVE-2021-25740), so no node relies on that alone.
fn allowed(endpoint: &EndpointView, cluster: Option<&ClusterView>) -> bool {
    let Some(cluster) = cluster else { return true };
    let inside = |ranges: &[ipnet::IpNet]| ranges.iter().any(|r| r.contains(&endpoint.address));
    let in_ranges = cluster.endpoint_ranges.is_empty() || inside(&cluster.endpoint_ranges);
    in_ranges && !inside(&cluster.service_cidrs)
}
