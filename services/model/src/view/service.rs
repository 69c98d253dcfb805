//! Projection of one Service and its endpoints: readiness, the terminating fallback and the policies, decided once for
//! every node (KEP-1669; kube-proxy decides the same on each node).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{
    EndpointPortView, EndpointView, FrontendAt, FrontendView, Reach, ServiceView, View, ViewKey,
    ViewKind, WhenEmpty,
};
use crate::{Endpoint, Family, Name, Service, ServicePort, ServiceType, State, TrafficPolicy};

/// A Service and its endpoints as nodes see them.
pub(super) fn project_service(
    state: &State,
    service: &Service,
    views: &mut BTreeMap<ViewKey, View>,
) {
    let endpoints: Vec<_> = state.endpoints_of(service).collect();
    let usable = Usable::of(&endpoints);
    for endpoint in &endpoints {
        let key = ViewKey::new(ViewKind::Endpoint, endpoint.uid);
        views.insert(key, View::Endpoint(endpoint_view(endpoint, &usable)));
    }
    let view = ServiceView {
        namespace: service.namespace.clone(),
        name: service.meta.name.clone(),
        frontends: frontends(service, &usable),
        external_name: service
            .spec
            .external_name
            .clone()
            .filter(|_| is_alias(service))
            .unwrap_or_default(),
        headless: service.spec.cluster_ips.is_headless(),
    };
    views.insert(
        ViewKey::new(ViewKind::Service, service.meta.uid),
        View::Service(view),
    );
}

fn is_alias(service: &Service) -> bool {
    service.spec.kind == ServiceType::ExternalName
}

/// Per port of the Service: whether ready endpoints exist in a scope, so that terminating ones are left alone.
struct Usable<'a> {
    /// Ports with a ready endpoint anywhere.
    ready: BTreeSet<&'a str>,
    /// (port, node) with a ready endpoint there.
    ready_on: BTreeSet<(&'a str, &'a Name)>,
    /// Ports with any endpoint that may be used.
    any: BTreeSet<&'a str>,
}

impl<'a> Usable<'a> {
    fn of(endpoints: &[&'a Arc<Endpoint>]) -> Self {
        let mut usable = Self {
            ready: BTreeSet::new(),
            ready_on: BTreeSet::new(),
            any: BTreeSet::new(),
        };
        for endpoint in endpoints {
            for port in &endpoint.ports {
                let name = port.service_port.as_str();
                if endpoint.ready {
                    usable.ready.insert(name);
                    usable
                        .ready_on
                        .extend(endpoint.node.as_ref().map(|node| (name, node)));
                }
                if endpoint.ready || is_fallback(endpoint) {
                    usable.any.insert(name);
                }
            }
        }
        usable
    }

    fn for_cluster(&self, endpoint: &Endpoint, port: &str) -> bool {
        endpoint.ready || (is_fallback(endpoint) && !self.ready.contains(port))
    }

    fn for_local(&self, endpoint: &Endpoint, port: &str) -> bool {
        let Some(node) = &endpoint.node else {
            return false;
        };
        endpoint.ready || (is_fallback(endpoint) && !self.ready_on.contains(&(port, node)))
    }
}

/// Still answers although it is about to end: better than nothing.
fn is_fallback(endpoint: &Endpoint) -> bool {
    endpoint.serving && endpoint.terminating
}

fn endpoint_view(endpoint: &Endpoint, usable: &Usable<'_>) -> EndpointView {
    let ports = endpoint.ports.iter().map(|port| EndpointPortView {
        service_port: port.service_port.clone(),
        port: port.port,
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
        node_hints: Vec::new(),
        zone_hints: Vec::new(),
    }
}

fn frontends(service: &Service, usable: &Usable<'_>) -> Vec<FrontendView> {
    let spec = &service.spec;
    let internal = spec.internal_traffic_policy.unwrap_or_default();
    let external = spec.external_traffic_policy.unwrap_or_default();
    let mut frontends = Vec::new();
    for port in &spec.ports {
        for address in spec.cluster_ips.addresses() {
            let at = FrontendAt::Address(*address);
            frontends.push(frontend(
                at,
                port.port,
                Reach::Internal,
                internal,
                port,
                usable,
            ));
        }
        let families: BTreeSet<_> = spec
            .cluster_ips
            .addresses()
            .iter()
            .copied()
            .map(Family::of)
            .collect();
        for (family, number) in families
            .into_iter()
            .filter_map(|family| Some((family, port.node_port?)))
        {
            frontends.push(frontend(
                FrontendAt::NodePort(family),
                number,
                Reach::External,
                external,
                port,
                usable,
            ));
        }
    }
    frontends
}

fn frontend(
    at: FrontendAt,
    number: u16,
    reach: Reach,
    policy: TrafficPolicy,
    port: &ServicePort,
    usable: &Usable<'_>,
) -> FrontendView {
    let elsewhere = policy == TrafficPolicy::Local && usable.any.contains(port.name.as_str());
    FrontendView {
        at,
        reach,
        policy,
        port: number,
        protocol: port.protocol,
        service_port: port.name.clone(),
        affinity_seconds: 0,
        source_ranges: Vec::new(),
        when_empty: if elsewhere {
            WhenEmpty::Drop
        } else {
            WhenEmpty::Reject
        },
        node_hints_valid: false,
        zone_hints_valid: false,
    }
}
