//! The choice that is left for a node: which endpoints of a Service it uses.

use super::{ClusterView, EndpointPortView, EndpointView, FrontendView, Reach};
use crate::{Family, Name, TrafficPolicy, Uid};

/// Which endpoints of a Service are chosen from.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum List {
    /// Those on the node: the Local policy.
    Local,
    /// Those hinted for the node.
    SameNode,
    /// Those hinted for the node's zone.
    SameZone,
    /// All.
    Cluster,
}

/// Where a choice is made.
#[derive(Copy, Clone, Debug)]
pub struct Here<'a> {
    /// The node.
    pub node: &'a Name,
    /// Its zone; empty if unknown.
    pub zone: &'a str,
    /// What holds for the whole cluster, if it is known.
    pub cluster: Option<&'a ClusterView>,
}

/// An endpoint that has a frontend's port and family.
#[derive(Copy, Clone, Debug)]
pub struct Candidate<'a> {
    /// Its identity.
    pub uid: Uid,
    /// The endpoint.
    pub endpoint: &'a EndpointView,
    /// Its port.
    pub port: &'a EndpointPortView,
}

/// The endpoints of a frontend's Service, seen from one node.
pub struct Choice<'a> {
    here: Here<'a>,
    frontend: &'a FrontendView,
    candidates: Vec<Candidate<'a>>,
}

impl FrontendView {
    /// Whether the node itself and workload ranges use another list than sources outside: the cluster's.
    pub fn has_inside(&self) -> bool {
        self.policy == TrafficPolicy::Local && self.reach == Reach::External
    }
}

impl<'a> Choice<'a> {
    /// Among a Service's endpoints, for a frontend that is reached by an address of this family.
    pub fn new(
        here: Here<'a>,
        frontend: &'a FrontendView,
        family: Family,
        endpoints: impl IntoIterator<Item = (Uid, &'a EndpointView)>,
    ) -> Self {
        let candidates = endpoints
            .into_iter()
            .filter(|(_, endpoint)| Family::of(endpoint.address) == family)
            .filter(|(_, endpoint)| is_allowed(endpoint, here.cluster))
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
        Self {
            here,
            frontend,
            candidates,
        }
    }

    /// For sources that the frontend's policy concerns.
    pub fn by_policy(&self) -> (List, Vec<Candidate<'a>>) {
        match self.frontend.policy {
            TrafficPolicy::Local => (List::Local, self.local()),
            TrafficPolicy::Cluster => self.cluster(),
        }
    }

    /// For a Local policy: what runs here.
    fn local(&self) -> Vec<Candidate<'a>> {
        self.pick(|c| c.port.local && c.endpoint.node.as_ref() == Some(self.here.node))
    }

    /// For a Cluster policy: own-node hints, else own-zone hints, else all.
    pub fn cluster(&self) -> (List, Vec<Candidate<'a>>) {
        let near = |list: List, valid: bool, hinted: &dyn Fn(&EndpointView) -> bool| {
            let picked = if valid {
                self.pick(|c| c.port.cluster && hinted(c.endpoint))
            } else {
                Vec::new()
            };
            (!picked.is_empty()).then_some((list, picked))
        };
        near(List::SameNode, self.frontend.node_hints_valid, &|e| {
            e.node_hints.contains(self.here.node)
        })
        .or_else(|| {
            let valid = self.frontend.zone_hints_valid && !self.here.zone.is_empty();
            near(List::SameZone, valid, &|e| {
                e.zone_hints.iter().any(|zone| zone == self.here.zone)
            })
        })
        .unwrap_or_else(|| (List::Cluster, self.pick(|c| c.port.cluster)))
    }

    fn pick(&self, wanted: impl Fn(&Candidate<'a>) -> bool) -> Vec<Candidate<'a>> {
        let picked = self.candidates.iter().filter(|c| wanted(c));
        picked.copied().collect()
    }
}

/// The server refuses such endpoints already. A virtual address behind a virtual address would let whoever writes
/// endpoints by hand reach Services through a node's own rights (CVE-2021-25740), so no node relies on that alone.
fn is_allowed(endpoint: &EndpointView, cluster: Option<&ClusterView>) -> bool {
    cluster.is_none_or(|cluster| cluster.admit(endpoint.address).is_ok())
}
