//! Questions to the state about nouns and what belongs to them.

use std::sync::Arc;

use super::State;
use crate::{
    Cluster, Endpoint, Labels, Name, Namespace, Node, Scoped, Selector, Service, ServiceCidr, Uid,
    Usage, Workload,
};

impl State {
    /// The cluster itself; `None` only before the very first commit.
    pub fn cluster(&self) -> Option<&Arc<Cluster>> {
        self.rows.clusters.values().next()
    }

    /// A range by name.
    pub fn service_cidr(&self, name: &Name) -> Option<&Arc<ServiceCidr>> {
        self.rows.service_cidrs.get(name)
    }

    /// All ranges, in order of name.
    pub fn service_cidrs(&self) -> impl Iterator<Item = &Arc<ServiceCidr>> {
        self.rows.service_cidrs.values()
    }

    /// A namespace by name.
    pub fn namespace(&self, name: &Name) -> Option<&Arc<Namespace>> {
        self.rows.namespaces.get(name)
    }

    /// All namespaces, in order of name.
    pub fn namespaces(&self) -> impl Iterator<Item = &Arc<Namespace>> {
        self.rows.namespaces.values()
    }

    /// How much a namespace holds.
    pub fn usage(&self, namespace: &Name) -> Usage {
        self.index.usage(namespace)
    }

    /// A Service by name.
    pub fn service(&self, key: &Scoped) -> Option<&Arc<Service>> {
        self.rows.services.get(key)
    }

    /// A Service by identity.
    pub fn service_by_uid(&self, uid: Uid) -> Option<&Arc<Service>> {
        self.rows.services.get(self.index.services.get(&uid)?)
    }

    /// Services after `after` (exclusive), of one namespace or of all, in order of namespace and name.
    pub fn services_after<'a>(
        &'a self,
        namespace: Option<&Name>,
        after: Option<&Scoped>,
    ) -> impl Iterator<Item = &'a Arc<Service>> + use<'a> {
        self.after(namespace, after)
    }

    /// A workload by name.
    pub fn workload(&self, key: &Scoped) -> Option<&Arc<Workload>> {
        self.rows.workloads.get(key)
    }

    /// A workload by identity.
    pub fn workload_by_uid(&self, uid: Uid) -> Option<&Arc<Workload>> {
        self.rows.workloads.get(self.index.workloads.get(&uid)?)
    }

    /// Workloads after `after`, as [`Self::services_after`].
    pub fn workloads_after<'a>(
        &'a self,
        namespace: Option<&Name>,
        after: Option<&Scoped>,
    ) -> impl Iterator<Item = &'a Arc<Workload>> + use<'a> {
        self.after(namespace, after)
    }

    /// An endpoint by name.
    pub fn endpoint(&self, key: &Scoped) -> Option<&Arc<Endpoint>> {
        self.rows.endpoints.get(key)
    }

    /// Endpoints after `after`, as [`Self::services_after`].
    pub fn endpoints_after<'a>(
        &'a self,
        namespace: Option<&Name>,
        after: Option<&Scoped>,
    ) -> impl Iterator<Item = &'a Arc<Endpoint>> + use<'a> {
        self.after(namespace, after)
    }

    /// Endpoints of a Service, in order of name.
    pub fn endpoints_of(&self, service: &Service) -> impl Iterator<Item = &Arc<Endpoint>> {
        let namespace = service.namespace.clone();
        self.index
            .endpoints_of_service(service.meta.uid)
            .filter_map(move |name| {
                self.rows
                    .endpoints
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
                self.rows
                    .endpoints
                    .get(&Scoped::new(namespace.clone(), name.clone()))
            })
    }

    /// Services whose selector matches these labels.
    pub fn services_selecting(&self, namespace: &Name, labels: &Labels) -> Vec<Arc<Service>> {
        let candidates = self.index.services_by_labels(namespace, labels).into_iter();
        candidates
            .filter_map(|name| {
                self.rows
                    .services
                    .get(&Scoped::new(namespace.clone(), name))
            })
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
            .filter_map(|name| {
                self.rows
                    .workloads
                    .get(&Scoped::new(namespace.clone(), name))
            })
            .filter(|workload| selector.matches(&workload.meta.labels))
            .cloned()
            .collect()
    }

    /// Workloads that name a node.
    pub fn workloads_on(&self, node: &Name) -> impl Iterator<Item = &Arc<Workload>> {
        self.index
            .workloads_on(node)
            .filter_map(|key| self.rows.workloads.get(key))
    }

    /// A node by name.
    pub fn node(&self, name: &Name) -> Option<&Arc<Node>> {
        self.rows.nodes.get(name)
    }

    /// A node by identity.
    pub fn node_by_uid(&self, uid: Uid) -> Option<&Arc<Node>> {
        self.rows.nodes.get(self.index.nodes.get(&uid)?)
    }

    /// All nodes, in order of name.
    pub fn nodes(&self) -> impl Iterator<Item = &Arc<Node>> {
        self.rows.nodes.values()
    }

    /// Number of nodes.
    pub fn node_count(&self) -> usize {
        self.rows.nodes.size()
    }
}
