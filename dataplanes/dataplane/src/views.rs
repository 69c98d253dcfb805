//! What a node holds of the stream, and what follows from it for the node.

mod keep;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use portolan_model::view::{
    Candidate, Choice, ClusterView, EndpointView, FrontendAt, FrontendView, Here, NodeView, Packed,
    PackedView, ServiceView, ViewKey, WhenEmpty, WorkloadView,
};
use portolan_model::{Family, Name, Uid};

use crate::{Backend, Environment, Frontend, FrontendKey, NodeState, Pool, ServiceRef};

/// The views of a cluster, indexed so that a change costs what it touches.
#[derive(Clone, Debug, Default)]
pub struct Views {
    cluster: Option<(Uid, ClusterView)>,
    nodes: BTreeMap<Uid, NodeView>,
    nodes_by_name: BTreeMap<Name, Uid>,
    services: BTreeMap<Uid, Packed<ServiceView>>,
    endpoints: BTreeMap<Uid, Packed<EndpointView>>,
    /// By Service, then by the endpoint's own uid: a Service's endpoints are a range, in order.
    of_services: BTreeSet<(Uid, Uid)>,
    /// Endpoints at addresses where none may be, and why; they are never used.
    refused: BTreeMap<Uid, String>,
    workloads: BTreeMap<Uid, WorkloadView>,
}

/// What a change concerns.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Touched {
    /// Services whose own view or endpoints changed.
    pub services: BTreeSet<Uid>,
    /// Nodes that changed, by name.
    pub nodes: BTreeSet<Name>,
    /// Workloads that changed.
    pub workloads: BTreeSet<Uid>,
    /// What holds for the whole cluster changed.
    pub cluster: bool,
}

impl Touched {
    /// Whether all that a node carries has to be worked out again.
    pub fn everything(&self, node: &Name) -> bool {
        self.cluster || self.nodes.contains(node)
    }

    /// Adds what another change concerns.
    pub fn merge(&mut self, other: Self) {
        self.services.extend(other.services);
        self.nodes.extend(other.nodes);
        self.workloads.extend(other.workloads);
        self.cluster |= other.cluster;
    }
}

impl Views {
    /// Takes over whole values and forgets what is gone. Values equal to those held touch nothing.
    pub fn apply(
        &mut self,
        upserts: impl IntoIterator<Item = (ViewKey, impl Into<PackedView>)>,
        removed: impl IntoIterator<Item = ViewKey>,
    ) -> Touched {
        let mut touched = Touched::default();
        let is_first = self.services.is_empty();
        for (key, view) in upserts {
            self.put(key.uid, view.into(), &mut touched);
        }
        if is_first {
            self.fill();
        }
        for key in removed {
            self.forget(key, &mut touched);
        }
        touched
    }

    /// What holds for the whole cluster.
    pub fn cluster(&self) -> Option<&ClusterView> {
        self.cluster.as_ref().map(|(_, view)| view)
    }

    /// A node by its name.
    pub fn node(&self, name: &Name) -> Option<&NodeView> {
        self.nodes.get(self.nodes_by_name.get(name)?)
    }

    /// Every Service, in order of uid.
    pub fn services(&self) -> impl Iterator<Item = Uid> {
        self.services.keys().copied()
    }

    /// Whether there is such a Service.
    pub fn has_service(&self, uid: Uid) -> bool {
        self.services.contains_key(&uid)
    }

    /// A Service.
    pub fn service(&self, uid: Uid) -> Option<ServiceView> {
        self.services.get(&uid).map(Packed::view)
    }

    /// The endpoints of a Service, in order of uid.
    pub fn endpoints(&self, service: Uid) -> impl Iterator<Item = (Uid, EndpointView)> {
        let (first, last) = (Uid::from_slice(&[0; 16]), Uid::from_slice(&[0xff; 16]));
        first
            .zip(last)
            .into_iter()
            .flat_map(move |(first, last)| {
                self.of_services.range((service, first)..=(service, last))
            })
            .filter_map(|(_, uid)| Some((*uid, self.endpoints.get(uid)?.view())))
    }

    /// Endpoints that the server should never have told of, and why they are not used (CVE-2021-25737).
    pub fn refused(&self) -> impl Iterator<Item = (Uid, &str)> {
        self.refused.iter().map(|(uid, why)| (*uid, why.as_str()))
    }

    /// A workload with a probe.
    pub fn workload(&self, uid: Uid) -> Option<&WorkloadView> {
        self.workloads.get(&uid)
    }

    /// The workloads that this node's agent probes.
    pub fn probed(&self, node: &Name) -> impl Iterator<Item = (Uid, &WorkloadView)> {
        self.workloads
            .iter()
            .filter(move |(_, view)| view.node == *node)
            .map(|(uid, view)| (*uid, view))
    }

    /// Where a node's dataplane runs.
    pub fn environment(&self, node: &Name) -> Environment {
        let cluster = self.cluster().cloned().unwrap_or_default();
        Environment {
            own: self
                .node(node)
                .map(|n| n.addresses.clone())
                .unwrap_or_default(),
            workload_ranges: cluster.workload_ranges,
            service_cidrs: cluster.service_cidrs,
        }
    }

    /// What a node should carry for one Service, as if it were the only one.
    pub fn desired(&self, node: &Name, service: Uid) -> NodeState {
        let Some(view) = self.service(service) else {
            return NodeState::new();
        };
        let own = self.node(node);
        let on_node = OnNode {
            here: Here {
                node,
                zone: own.map_or("", |own| own.zone.as_str()),
                cluster: self.cluster(),
            },
            uid: service,
            service: &view,
            endpoints: self.endpoints(service).collect(),
        };
        let mut state = NodeState::new();
        for frontend in &view.frontends {
            for address in addresses(frontend.at, own) {
                let key = FrontendKey {
                    address,
                    port: frontend.port,
                    protocol: frontend.protocol,
                };
                let value = on_node.frontend(frontend, Family::of(address));
                state.entry(key).or_insert_with(|| Arc::new(value));
            }
        }
        state
    }
}

/// A Service, seen from a node.
struct OnNode<'a> {
    here: Here<'a>,
    uid: Uid,
    service: &'a ServiceView,
    endpoints: Vec<(Uid, EndpointView)>,
}

impl OnNode<'_> {
    fn frontend(&self, view: &FrontendView, family: Family) -> Frontend {
        let endpoints = self.endpoints.iter().map(|(uid, view)| (*uid, view));
        let choice = Choice::new(self.here, view, family, endpoints);
        let inside = view.has_inside().then(|| {
            Box::new(Pool {
                backends: backends(&choice.cluster().1),
                when_empty: WhenEmpty::Reject,
            })
        });
        Frontend {
            service: ServiceRef {
                uid: self.uid,
                namespace: self.service.namespace.clone(),
                name: self.service.name.clone(),
                port: view.service_port.clone(),
            },
            reach: view.reach,
            pool: Pool {
                backends: backends(&choice.by_policy().1),
                when_empty: view.when_empty,
            },
            inside,
            affinity_seconds: view.affinity_seconds,
            source_ranges: view.source_ranges.clone(),
        }
    }
}

fn backends(chosen: &[Candidate<'_>]) -> Vec<Backend> {
    let backend = |candidate: &Candidate<'_>| Backend {
        endpoint: candidate.uid,
        address: candidate.endpoint.address,
        port: candidate.port.port,
        weight: candidate.endpoint.weight.max(1),
    };
    chosen.iter().map(backend).collect()
}

/// Where a frontend listens on a node.
fn addresses(at: FrontendAt, own: Option<&NodeView>) -> Vec<IpAddr> {
    match at {
        FrontendAt::Address(address) => vec![address],
        FrontendAt::NodePort(family) => own
            .into_iter()
            .flat_map(|node| &node.node_port_addresses)
            .copied()
            .filter(|address| Family::of(*address) == family)
            .collect(),
    }
}

#[cfg(test)]
mod tests;
