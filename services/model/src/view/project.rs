//! From the state to views: all of them, or those that some changes may concern.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ipnet::IpNet;

use super::cluster::cluster_view;
use super::node::node_view;
use super::service::project_service;
use super::workload::project_workload;
use super::{View, ViewKey, ViewKind};
use crate::{Change, Object, Service, State, Uid};

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

/// The views of one Service and its endpoints.
pub fn project_one(state: &State, service: &Service) -> BTreeMap<ViewKey, View> {
    let mut views = BTreeMap::new();
    project_service(state, service, &mut views);
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
    for change in changes {
        for service in regranted(after, change) {
            let endpoints = after.endpoints_of(service);
            keys.extend(endpoints.map(|e| ViewKey::new(ViewKind::Endpoint, e.uid)));
            services.insert(service.meta.uid);
        }
        for object in change.before.iter().chain(&change.after) {
            keys.extend(object.view());
            services.extend(object.service_uid());
            if matches!(object, Object::Cluster(_) | Object::ServiceCidr(_)) {
                project_cluster(after, &mut views);
            }
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

/// Services whose endpoints may point elsewhere after a change. Rare, and then all there are.
fn regranted<'a>(after: &'a State, change: &Change) -> impl Iterator<Item = &'a Arc<Service>> {
    let changed = ranges(change.before.as_ref()) != ranges(change.after.as_ref());
    let namespace = match change.object() {
        Object::Namespace(namespace) => Some(&namespace.meta.name),
        _ => None,
    };
    let services = changed.then(|| after.services_after(namespace, None));
    services.into_iter().flatten()
}

/// What an object says on where endpoints may point.
fn ranges(object: Option<&Object>) -> &[IpNet] {
    match object {
        Some(Object::Cluster(cluster)) => &cluster.spec.endpoint_ranges,
        Some(Object::ServiceCidr(service_cidr)) => &service_cidr.cidrs,
        Some(Object::Namespace(namespace)) => &namespace.spec.endpoint_ranges,
        _ => &[],
    }
}

/// Nodes and workloads stand alone; Services and endpoints are projected together before.
fn project_keys(state: &State, keys: &BTreeSet<ViewKey>, views: &mut BTreeMap<ViewKey, View>) {
    for key in keys {
        match key.kind {
            ViewKind::Node => {
                if let Some(node) = state.node_by_uid(key.uid) {
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
    if let Some(cluster) = state.cluster() {
        let key = ViewKey::new(ViewKind::Cluster, cluster.meta.uid);
        views.insert(key, View::Cluster(cluster_view(state, cluster)));
    }
}
