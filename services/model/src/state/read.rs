//! Questions to the state.

use std::net::IpAddr;
use std::ops::Bound;
use std::sync::Arc;

use ipnet::IpNet;
use uuid::Uuid;

use super::State;
use crate::alloc::{Occupancy, ServiceRange};
use crate::{
    Cluster, Endpoint, IpClaim, Kind, Labels, Name, Namespace, Node, Object, PortClaim, Request,
    Scoped, Selector, Service, ServiceCidr, Timestamp, Uid, Usage, Workload,
};

impl State {
    /// The cluster itself; `None` only before the very first commit.
    pub fn cluster(&self) -> Option<&Arc<Cluster>> {
        self.cluster.as_ref()
    }

    /// A range by name.
    pub fn service_cidr(&self, name: &Name) -> Option<&Arc<ServiceCidr>> {
        self.service_cidrs.get(name)
    }

    /// All ranges, in order of name.
    pub fn service_cidrs(&self) -> impl Iterator<Item = &Arc<ServiceCidr>> {
        self.service_cidrs.values()
    }

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

    /// A namespace by name.
    pub fn namespace(&self, name: &Name) -> Option<&Arc<Namespace>> {
        self.namespaces.get(name)
    }

    /// All namespaces, in order of name.
    pub fn namespaces(&self) -> impl Iterator<Item = &Arc<Namespace>> {
        self.namespaces.values()
    }

    /// How much a namespace holds.
    pub fn usage(&self, namespace: &Name) -> Usage {
        self.index.usage(namespace)
    }

    /// A Service by name.
    pub fn service(&self, key: &Scoped) -> Option<&Arc<Service>> {
        self.services.get(key)
    }

    /// A Service by identity.
    pub fn service_by_uid(&self, uid: Uid) -> Option<&Arc<Service>> {
        self.services.get(self.index.service(uid)?)
    }

    /// Number of Services.
    pub fn service_count(&self) -> usize {
        self.services.size()
    }

    /// Services after `after` (exclusive), of one namespace or of all, in order of namespace and name.
    pub fn services_after<'a>(
        &'a self,
        namespace: Option<&Name>,
        after: Option<&Scoped>,
    ) -> impl Iterator<Item = &'a Arc<Service>> + use<'a> {
        page(&self.services, namespace, after)
    }

    /// A workload by name.
    pub fn workload(&self, key: &Scoped) -> Option<&Arc<Workload>> {
        self.workloads.get(key)
    }

    /// A workload by identity.
    pub fn workload_by_uid(&self, uid: Uid) -> Option<&Arc<Workload>> {
        self.workloads.get(self.index.workload(uid)?)
    }

    /// Workloads after `after`, as [`Self::services_after`].
    pub fn workloads_after<'a>(
        &'a self,
        namespace: Option<&Name>,
        after: Option<&Scoped>,
    ) -> impl Iterator<Item = &'a Arc<Workload>> + use<'a> {
        page(&self.workloads, namespace, after)
    }

    /// An endpoint by name.
    pub fn endpoint(&self, key: &Scoped) -> Option<&Arc<Endpoint>> {
        self.endpoints.get(key)
    }

    /// Endpoints after `after`, as [`Self::services_after`].
    pub fn endpoints_after<'a>(
        &'a self,
        namespace: Option<&Name>,
        after: Option<&Scoped>,
    ) -> impl Iterator<Item = &'a Arc<Endpoint>> + use<'a> {
        page(&self.endpoints, namespace, after)
    }

    /// Endpoints of a Service, in order of name.
    pub fn endpoints_of(&self, service: &Service) -> impl Iterator<Item = &Arc<Endpoint>> {
        let namespace = service.namespace.clone();
        self.index
            .endpoints_of_service(service.meta.uid)
            .filter_map(move |name| {
                self.endpoints
                    .get(&Scoped::new(namespace.clone(), name.clone()))
            })
    }

    /// Endpoints that a workload has in all Services.
    pub fn endpoints_of_workload(
        &self,
        workload: &Workload,
    ) -> impl Iterator<Item = &Arc<Endpoint>> {
        let namespace = workload.namespace.clone();
        self.index
            .endpoints_of_workload(workload.meta.uid)
            .filter_map(move |name| {
                self.endpoints
                    .get(&Scoped::new(namespace.clone(), name.clone()))
            })
    }

    /// Services whose selector matches these labels.
    pub fn services_selecting(&self, namespace: &Name, labels: &Labels) -> Vec<Arc<Service>> {
        let candidates = self.index.services_by_labels(namespace, labels).into_iter();
        candidates
            .filter_map(|name| self.services.get(&Scoped::new(namespace.clone(), name)))
            .filter(|service| service.spec.selector.matches(labels))
            .cloned()
            .collect()
    }

    /// Workloads that a selector matches. An empty selector matches nothing.
    pub fn workloads_matching(&self, namespace: &Name, selector: &Selector) -> Vec<Arc<Workload>> {
        let candidates = self
            .index
            .workloads_by_selector(namespace, selector)
            .into_iter();
        candidates
            .filter_map(|name| self.workloads.get(&Scoped::new(namespace.clone(), name)))
            .filter(|workload| selector.matches(&workload.meta.labels))
            .cloned()
            .collect()
    }

    /// Workloads that name a node.
    pub fn workloads_on(&self, node: &Name) -> impl Iterator<Item = &Arc<Workload>> {
        self.index
            .workloads_on(node)
            .filter_map(|key| self.workloads.get(key))
    }

    /// A node by name.
    pub fn node(&self, name: &Name) -> Option<&Arc<Node>> {
        self.nodes.get(name)
    }

    /// All nodes, in order of name.
    pub fn nodes(&self) -> impl Iterator<Item = &Arc<Node>> {
        self.nodes.values()
    }

    /// Number of nodes.
    pub fn node_count(&self) -> usize {
        self.nodes.size()
    }

    /// Who holds an address.
    pub fn ip_claim(&self, address: IpAddr) -> Option<&Arc<IpClaim>> {
        self.ip_claims.get(&address)
    }

    /// All addresses that are not free.
    pub fn ip_claims(&self) -> impl Iterator<Item = &Arc<IpClaim>> {
        self.ip_claims.values()
    }

    /// Addresses of a range that are not free, in order.
    pub fn ip_claims_in(&self, net: IpNet) -> impl Iterator<Item = &Arc<IpClaim>> {
        self.ip_claims
            .range(net.network()..=net.broadcast())
            .map(|(_, claim)| claim)
    }

    /// Who holds a node port.
    pub fn port_claim(&self, port: u16) -> Option<&Arc<PortClaim>> {
        self.port_claims.get(&port)
    }

    /// All node ports that are not free.
    pub fn port_claims(&self) -> impl Iterator<Item = &Arc<PortClaim>> {
        self.port_claims.values()
    }

    /// Addresses that were released, but are not free.
    pub fn quarantined_addresses(&self) -> impl Iterator<Item = &Arc<IpClaim>> {
        self.index
            .quarantined_addresses()
            .filter_map(|address| self.ip_claims.get(address))
    }

    /// Node ports that were released, but are not free.
    pub fn quarantined_ports(&self) -> impl Iterator<Item = &Arc<PortClaim>> {
        self.index
            .quarantined_ports()
            .filter_map(|port| self.port_claims.get(port))
    }

    /// Addresses that are not free, for picking.
    pub fn occupied_addresses(&self) -> &Occupancy {
        &self.occupied_addresses
    }

    /// Ports that are not free, for picking.
    pub fn occupied_ports(&self) -> &Occupancy {
        &self.occupied_ports
    }

    /// What a request id stands for.
    pub fn request(&self, id: Uuid) -> Option<&Arc<Request>> {
        self.requests.get(&id)
    }

    /// Requests that may be forgotten.
    pub fn expired_requests(&self, now: Timestamp) -> impl Iterator<Item = &Arc<Request>> {
        self.index
            .expired(now.0)
            .filter_map(|id| self.requests.get(&id))
    }

    /// An object by kind and [`Object::path`].
    pub fn object(&self, kind: Kind, path: &str) -> Option<Object> {
        let scoped = || {
            let (namespace, name) = path.split_once('/')?;
            Some(Scoped::new(Name::trusted(namespace), Name::trusted(name)))
        };
        Some(match kind {
            Kind::Cluster => self.cluster()?.clone().into(),
            Kind::ServiceCidr => self.service_cidrs.get(path)?.clone().into(),
            Kind::Namespace => self.namespaces.get(path)?.clone().into(),
            Kind::Service => self.service(&scoped()?)?.clone().into(),
            Kind::Workload => self.workload(&scoped()?)?.clone().into(),
            Kind::Endpoint => self.endpoint(&scoped()?)?.clone().into(),
            Kind::Node => self.nodes.get(path)?.clone().into(),
            Kind::IpClaim => self.ip_claim(path.parse().ok()?)?.clone().into(),
            Kind::PortClaim => self.port_claim(path.parse().ok()?)?.clone().into(),
            Kind::Request => self.request(path.parse().ok()?)?.clone().into(),
        })
    }

    /// Every object, in order of kind and key.
    pub fn objects(&self) -> impl Iterator<Item = Object> {
        let cluster = self.cluster.iter().cloned().map(Object::from);
        cluster
            .chain(self.service_cidrs.values().cloned().map(Object::from))
            .chain(self.namespaces.values().cloned().map(Object::from))
            .chain(self.services.values().cloned().map(Object::from))
            .chain(self.workloads.values().cloned().map(Object::from))
            .chain(self.endpoints.values().cloned().map(Object::from))
            .chain(self.nodes.values().cloned().map(Object::from))
            .chain(self.ip_claims.values().cloned().map(Object::from))
            .chain(self.port_claims.values().cloned().map(Object::from))
            .chain(self.requests.values().cloned().map(Object::from))
    }
}

fn page<'a, T>(
    map: &'a rpds::RedBlackTreeMapSync<Scoped, Arc<T>>,
    namespace: Option<&Name>,
    after: Option<&Scoped>,
) -> impl Iterator<Item = &'a Arc<T>> + use<'a, T> {
    let namespace = namespace.cloned();
    let start = match (after, &namespace) {
        (Some(after), _) => Bound::Excluded(after.clone()),
        (None, Some(namespace)) => {
            Bound::Included(Scoped::new(namespace.clone(), Name::trusted("")))
        }
        (None, None) => Bound::Unbounded,
    };
    map.range((start, Bound::Unbounded))
        .take_while(move |(key, _)| namespace.as_ref().is_none_or(|n| key.namespace == *n))
        .map(|(_, value)| value)
}
