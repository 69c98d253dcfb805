//! From the state to views: all of them, or those that some changes may concern.

use std::collections::{BTreeMap, BTreeSet};

use super::service::project_service;
use super::{ClusterView, NodeView, View, ViewKey, ViewKind, WorkloadView};
use crate::{Change, Node, Object, Probe, ProbeAction, ProbePort, Protocol, State, Uid, Workload};

/// Every view of a state.
pub fn project(state: &State) -> BTreeMap<ViewKey, View> {
    let mut views = BTreeMap::new();
    project_cluster(state, &mut views);
    for node in state.nodes() {
        views.insert(
            ViewKey::new(ViewKind::Node, node.meta.uid),
            View::Node(node_view(node)),
        );
    }
    for service in state.services_after(None, None) {
        project_service(state, service, &mut views);
    }
    for workload in state.workloads_after(None, None) {
        project_workload(workload, &mut views);
    }
    views
}

/// The views that these changes touched, as of `after`: `None` for what is gone, also for what came and went within
/// the changes. Views whose value is back where it was are in it, too; so are unchanged endpoints of a touched Service,
/// for the caller to compare.
pub fn touched<'a>(
    after: &State,
    changes: impl IntoIterator<Item = &'a Change>,
) -> BTreeMap<ViewKey, Option<View>> {
    let mut keys = BTreeSet::new();
    let mut services: BTreeSet<Uid> = BTreeSet::new();
    let mut views = BTreeMap::new();
    for object in changes
        .into_iter()
        .flat_map(|change| change.before.iter().chain(&change.after))
    {
        let uid = object.uid();
        match object {
            Object::Cluster(_) | Object::ServiceCidr(_) => project_cluster(after, &mut views),
            Object::Node(_) => drop(keys.insert(ViewKey::new(ViewKind::Node, uid))),
            Object::Workload(_) => drop(keys.insert(ViewKey::new(ViewKind::Workload, uid))),
            Object::Service(_) => {
                keys.insert(ViewKey::new(ViewKind::Service, uid));
                services.insert(uid);
            }
            Object::Endpoint(endpoint) => {
                keys.insert(ViewKey::new(ViewKind::Endpoint, uid));
                services.insert(endpoint.service_uid);
            }
            Object::Namespace(_)
            | Object::IpClaim(_)
            | Object::PortClaim(_)
            | Object::Request(_) => {}
        }
    }
    for service in services
        .into_iter()
        .filter_map(|uid| after.service_by_uid(uid))
    {
        project_service(after, service, &mut views);
    }
    project_keys(after, &keys, &mut views);
    let mut result: BTreeMap<_, _> = keys.into_iter().map(|key| (key, None)).collect();
    result.extend(views.into_iter().map(|(key, view)| (key, Some(view))));
    result
}

/// Nodes and workloads stand alone; Services and endpoints are projected together before.
fn project_keys(state: &State, keys: &BTreeSet<ViewKey>, views: &mut BTreeMap<ViewKey, View>) {
    for key in keys {
        match key.kind {
            ViewKind::Node => {
                if let Some(node) = state.nodes().find(|node| node.meta.uid == key.uid) {
                    views.insert(*key, View::Node(node_view(node)));
                }
            }
            ViewKind::Workload => {
                if let Some(workload) = state.workload_by_uid(key.uid) {
                    project_workload(workload, views);
                }
            }
            ViewKind::Cluster | ViewKind::Service | ViewKind::Endpoint => {}
        }
    }
}

fn project_cluster(state: &State, views: &mut BTreeMap<ViewKey, View>) {
    let Some(cluster) = state.cluster() else {
        return;
    };
    let view = ClusterView {
        service_cidrs: state
            .service_cidrs()
            .flat_map(|s| s.cidrs.iter().copied())
            .collect(),
        endpoint_ranges: cluster.spec.endpoint_ranges.clone(),
        workload_ranges: cluster.spec.workload_ranges.clone(),
        dns_domain: cluster.spec.dns_domain.clone(),
    };
    views.insert(
        ViewKey::new(ViewKind::Cluster, cluster.meta.uid),
        View::Cluster(view),
    );
}

fn node_view(node: &Node) -> NodeView {
    NodeView {
        name: node.meta.name.clone(),
        zone: node.spec.zone.clone(),
        addresses: node.spec.addresses.clone(),
        node_port_addresses: node.spec.node_port_addresses(),
    }
}

fn project_workload(workload: &Workload, views: &mut BTreeMap<ViewKey, View>) {
    let (Some(probe), Some(node)) = (&workload.spec.probe, &workload.spec.node) else {
        return;
    };
    let view = WorkloadView {
        namespace: workload.namespace.clone(),
        name: workload.meta.name.clone(),
        node: node.clone(),
        addresses: workload.spec.addresses.clone(),
        probe: with_numbers(probe, workload),
        probe_generation: workload.probe_generation,
    };
    views.insert(
        ViewKey::new(ViewKind::Workload, workload.meta.uid),
        View::Workload(view),
    );
}

/// Named ports resolved. Validation made sure that the name exists; 0 would simply fail.
fn with_numbers(probe: &Probe, workload: &Workload) -> Probe {
    let resolve = |port: &mut ProbePort| {
        if let ProbePort::Name(name) = port {
            *port = ProbePort::Number(workload.spec.named_port(name, Protocol::Tcp).unwrap_or(0));
        }
    };
    let mut probe = probe.clone();
    match &mut probe.action {
        ProbeAction::HttpGet { port, .. } | ProbeAction::TcpConnect { port } => resolve(port),
        ProbeAction::GrpcCheck { .. } => {}
    }
    probe
}
