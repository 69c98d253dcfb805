//! Projection of one Service and its endpoints: readiness, the terminating fallback and the policies, decided once for
//! every node (KEP-1669; kube-proxy decides the same on each node).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{
    EndpointPortView, EndpointView, FrontendAt, FrontendView, Reach, ServiceView, View, ViewKey,
    ViewKind, WhenEmpty,
};
use crate::{
    Endpoint, Family, Grants, Name, Service, ServicePort, ServiceType, State, TrafficDistribution,
    TrafficPolicy,
};

/// Names the proxy that cares for a Service. Kubernetes' own proxy takes any value for another's.
const PROXY_NAME: &str = "service.kubernetes.io/service-proxy-name";
/// Ours.
const OWN_NAME: &str = "portolan";
/// On a Service, whatever its value: no proxy cares for it.
const HEADLESS: &str = "service.kubernetes.io/headless";

/// The label by which a Service is not for Portolan's nodes: they leave it alone, while it keeps its addresses and
/// endpoints.
pub fn leaves_alone(service: &Service) -> Option<&'static str> {
    let labels = &service.meta.labels;
    if labels.get(PROXY_NAME).is_some_and(|name| name != OWN_NAME) {
        return Some(PROXY_NAME);
    }
    labels.contains_key(HEADLESS).then_some(HEADLESS)
}

/// A Service and its endpoints as nodes see them.
pub(super) fn project_service(
    state: &State,
    service: &Service,
    views: &mut BTreeMap<ViewKey, View>,
) {
    let grants = Grants::of(state, &service.namespace);
    let admitted =
        |endpoint: &&Arc<Endpoint>| grants.as_ref().is_none_or(|g| g.admit(endpoint).is_ok());
    let endpoints = state.endpoints_of(service).filter(admitted);
    let endpoints: Vec<_> = endpoints.map(AsRef::as_ref).collect();
    let usable = Usable::of(&endpoints);
    for endpoint in &endpoints {
        let key = ViewKey::new(ViewKind::Endpoint, endpoint.uid);
        let view = endpoint_view(service, endpoint, &usable);
        views.insert(key, View::Endpoint(view));
    }
    let mut view = service_view(service, &usable);
    if leaves_alone(service).is_some() {
        view.frontends.clear();
    }
    let key = ViewKey::new(ViewKind::Service, service.meta.uid);
    views.insert(key, View::Service(view));
}

/// A Service with all these endpoints, for its names: with what nodes leave alone, and what they are not told of.
pub(crate) fn whole_views(
    service: &Service,
    endpoints: &[&Endpoint],
) -> (ServiceView, Vec<EndpointView>) {
    let usable = Usable::of(endpoints);
    let views = endpoints.iter();
    let views = views.map(|endpoint| endpoint_view(service, endpoint, &usable));
    (service_view(service, &usable), views.collect())
}

fn service_view(service: &Service, usable: &Usable<'_>) -> ServiceView {
    let alias = service.spec.external_name.clone();
    ServiceView {
        namespace: service.namespace.clone(),
        name: service.meta.name.clone(),
        frontends: frontends(service, usable),
        external_name: alias.filter(|_| is_alias(service)).unwrap_or_default(),
        headless: service.spec.cluster_ips.is_headless(),
    }
}

fn is_alias(service: &Service) -> bool {
    service.spec.kind == ServiceType::ExternalName
}

/// A port of the Service, in one family: traffic of a family never crosses to the other.
type Scope<'a> = (&'a str, Family);

/// Per port and family: whether ready endpoints exist, so that terminating ones are left alone.
#[derive(Default)]
struct Usable<'a> {
    /// With a ready endpoint anywhere.
    ready: BTreeSet<Scope<'a>>,
    /// With a ready endpoint on a node.
    ready_on: BTreeSet<(Scope<'a>, &'a Name)>,
    /// With any endpoint that may be used.
    any: BTreeSet<Scope<'a>>,
    /// With a ready endpoint that has no node, or no zone: one that lacks a hint makes all others void.
    without_node: BTreeSet<Scope<'a>>,
    without_zone: BTreeSet<Scope<'a>>,
}

impl<'a> Usable<'a> {
    fn of(endpoints: &[&'a Endpoint]) -> Self {
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

    fn for_cluster(&self, endpoint: &Endpoint, port: &str) -> bool {
        endpoint.ready || (is_fallback(endpoint) && !self.ready.contains(&scope(port, endpoint)))
    }

    fn for_local(&self, endpoint: &Endpoint, port: &str) -> bool {
        let Some(node) = &endpoint.node else {
            return false;
        };
        let scope = scope(port, endpoint);
        endpoint.ready || (is_fallback(endpoint) && !self.ready_on.contains(&(scope, node)))
    }

    /// Whether hints of nodes and of zones hold; without a ready endpoint there are none.
    fn hints(&self, wish: Option<TrafficDistribution>, scope: Scope<'_>) -> (bool, bool) {
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

fn endpoint_view(service: &Service, endpoint: &Endpoint, usable: &Usable<'_>) -> EndpointView {
    // Old plugins know zones only, so a wish for the same node names the zone, too (KEP-3015).
    let wish = service.spec.traffic_distribution.filter(|_| endpoint.ready);
    let own_node = wish == Some(TrafficDistribution::PreferSameNode);
    let zone = Some(&endpoint.zone).filter(|zone| wish.is_some() && !zone.is_empty());
    let ports = endpoint.ports.iter().map(|port| EndpointPortView {
        service_port: port.service_port.clone(),
        port: port.port,
        protocol: Some(port.protocol),
        cluster: usable.for_cluster(endpoint, &port.service_port),
        local: usable.for_local(endpoint, &port.service_port),
    });
    EndpointView {
        service: endpoint.service_uid,
        address: endpoint.address,
        ports: ports.collect(),
        node: endpoint.node.clone(),
        zone: endpoint.zone.clone(),
        hostname: endpoint.hostname.clone().unwrap_or_default(),
        ready: endpoint.ready,
        serving: endpoint.serving,
        terminating: endpoint.terminating,
        weight: endpoint.weight,
        node_hints: endpoint.node.iter().filter(|_| own_node).cloned().collect(),
        zone_hints: zone.into_iter().cloned().collect(),
    }
}

/// Where traffic for the Service arrives.
fn frontends(service: &Service, usable: &Usable<'_>) -> Vec<FrontendView> {
    let spec = &service.spec;
    let internal = spec.internal_traffic_policy.unwrap_or_default();
    let external = spec.external_traffic_policy.unwrap_or_default();
    let addresses = || spec.cluster_ips.addresses().iter().copied();
    let families: BTreeSet<_> = addresses().map(Family::of).collect();
    let mut frontends = Vec::new();
    for port in &spec.ports {
        let mut add = |entry: Entry| frontends.push(frontend(service, port, &entry, usable));
        for address in addresses() {
            add(Entry {
                at: FrontendAt::Address(address),
                port: port.port,
                reach: Reach::Internal,
                policy: internal,
            });
        }
        let Some(number) = port.node_port else {
            continue;
        };
        for family in &families {
            add(Entry {
                at: FrontendAt::NodePort(*family),
                port: number,
                reach: Reach::External,
                policy: external,
            });
        }
    }
    frontends
}

/// One way in to a port of a Service.
struct Entry {
    at: FrontendAt,
    port: u16,
    reach: Reach,
    policy: TrafficPolicy,
}

fn frontend(
    service: &Service,
    port: &ServicePort,
    entry: &Entry,
    usable: &Usable<'_>,
) -> FrontendView {
    let scope = (port.name.as_str(), entry.at.family());
    let elsewhere = entry.policy == TrafficPolicy::Local && usable.any.contains(&scope);
    let (node_hints_valid, zone_hints_valid) =
        usable.hints(service.spec.traffic_distribution, scope);
    FrontendView {
        at: entry.at,
        reach: entry.reach,
        policy: entry.policy,
        port: entry.port,
        protocol: port.protocol,
        service_port: port.name.clone(),
        affinity_seconds: service.spec.affinity_timeout.unwrap_or(0),
        // Ranges concern load-balancer addresses: a node port is reached around them, as in Kubernetes.
        source_ranges: Vec::new(),
        when_empty: if elsewhere {
            WhenEmpty::Drop
        } else {
            WhenEmpty::Reject
        },
        node_hints_valid,
        zone_hints_valid,
    }
}
