//! Endpoints: kept from workloads, or written by hand.

mod written;

use std::collections::BTreeSet;
use std::sync::Arc;

use portolan_model::{
    Change, Endpoint, EndpointPort, Family, Name, Object, Origin, Revision, Scoped, Service,
    ServiceType, TargetPort, Timestamp, Uid, Workload,
};

use super::draft::Draft;
pub(super) use written::act;

/// Brings the endpoints of a Service in line with its selector and ports.
pub(super) fn sync_service(draft: &mut Draft, service: &Service) {
    if service.spec.kind == ServiceType::ExternalName {
        remove_of_service(draft, service);
        return;
    }
    let existing: Vec<_> = draft.state().endpoints_of(service).cloned().collect();
    let mut workloads = draft
        .state()
        .workloads_matching(&service.namespace, &service.spec.selector);
    let matching: BTreeSet<Uid> = workloads.iter().map(|workload| workload.meta.uid).collect();
    for endpoint in existing {
        match &endpoint.origin {
            Origin::Workload { uid, .. } if matching.contains(uid) => {}
            // Without a selector, endpoints stay as they are: whose they are now is for people to decide.
            Origin::Workload { uid, .. } if !service.spec.has_selector() => {
                workloads.extend(draft.state().workload_by_uid(*uid).cloned());
            }
            Origin::Source(_) if !service.spec.has_selector() => {}
            Origin::Workload { .. } | Origin::Source(_) => draft.apply(Change::delete(endpoint)),
        }
    }
    for workload in workloads {
        sync(draft, service, &workload, true);
    }
}

/// Brings the endpoints of a workload in line, in every Service that selects it, or did before.
pub(super) fn sync_workload(draft: &mut Draft, before: Option<&Workload>, after: &Arc<Workload>) {
    let state = draft.state();
    let selecting: Vec<_> = state.services_selecting(&after.namespace, &after.meta.labels);
    let wanted: BTreeSet<Uid> = selecting.iter().map(|service| service.meta.uid).collect();
    let holding = before
        .into_iter()
        .flat_map(|before| state.endpoints_of_workload(before));
    let holding: Vec<_> = holding
        .filter_map(|endpoint| state.service_by_uid(endpoint.service_uid).cloned())
        .collect();
    let mut done = BTreeSet::new();
    for service in selecting.into_iter().chain(holding) {
        if done.insert(service.meta.uid) {
            let stays = wanted.contains(&service.meta.uid) || !service.spec.has_selector();
            sync(draft, &service, after, stays);
        }
    }
}

/// Removes every endpoint of a workload.
pub(super) fn remove_of_workload(draft: &mut Draft, workload: &Workload) {
    let endpoints: Vec<_> = draft
        .state()
        .endpoints_of_workload(workload)
        .cloned()
        .collect();
    remove(draft, endpoints);
}

/// Removes every endpoint of a Service.
pub(super) fn remove_of_service(draft: &mut Draft, service: &Service) {
    let endpoints: Vec<_> = draft.state().endpoints_of(service).cloned().collect();
    remove(draft, endpoints);
}

/// Removes every endpoint of a namespace.
pub(super) fn remove_all(draft: &mut Draft, namespace: &Name) {
    let endpoints: Vec<_> = draft
        .state()
        .endpoints_after(Some(namespace), None)
        .cloned()
        .collect();
    remove(draft, endpoints);
}

fn remove(draft: &mut Draft, endpoints: Vec<Arc<Endpoint>>) {
    for endpoint in endpoints {
        draft.apply(Change::delete(endpoint));
    }
}

/// One Service and one workload: at most one endpoint a family.
fn sync(draft: &mut Draft, service: &Service, workload: &Workload, wanted: bool) {
    for family in [Family::V4, Family::V6] {
        let suffix = match family {
            Family::V4 => "",
            Family::V6 => ".v6",
        };
        let name = Name::trusted(format!(
            "{}.w.{}{suffix}",
            service.meta.name, workload.meta.name
        ));
        let before = draft
            .state()
            .endpoint(&Scoped::new(service.namespace.clone(), name.clone()))
            .cloned();
        let derived = if wanted && service.spec.families.contains(&family) {
            derive(draft, service, workload, family, name)
        } else {
            None
        };
        match derived {
            Some(endpoint) => write(draft, before, endpoint),
            None => before
                .into_iter()
                .for_each(|before| draft.apply(Change::delete(before))),
        }
    }
}

/// The endpoint that a workload is for a Service; its history is filled in by [`write`].
fn derive(
    draft: &Draft,
    service: &Service,
    workload: &Workload,
    family: Family,
    name: Name,
) -> Option<Endpoint> {
    let state = draft.state();
    let address = workload.spec.address(family)?;
    let ports = service.spec.ports.iter().filter_map(|port| {
        let number = match &port.target {
            TargetPort::Number(number) => *number,
            TargetPort::Name(name) => workload.spec.named_port(name, port.protocol)?,
        };
        Some(EndpointPort {
            service_port: port.name.clone(),
            port: number,
            protocol: port.protocol,
        })
    });
    let serving = state.is_serving(workload);
    let terminating = workload.spec.draining;
    let node = workload.spec.node.as_ref();
    let published = workload.spec.subdomain.as_deref() == Some(service.meta.name.as_str());
    Some(Endpoint {
        origin: Origin::Workload {
            name: workload.meta.name.clone(),
            uid: workload.meta.uid,
        },
        address,
        ports: ports.collect(),
        zone: node
            .and_then(|node| state.node(node))
            .map(|node| node.spec.zone.clone())
            .unwrap_or_default(),
        node: node.cloned(),
        hostname: workload.spec.hostname.clone().filter(|_| published),
        ready: service.spec.publish_not_ready_addresses || (serving && !terminating),
        serving,
        terminating,
        ..blank(service, name)
    })
}

/// An endpoint of a Service without a history.
fn blank(service: &Service, name: Name) -> Endpoint {
    Endpoint {
        name,
        namespace: service.namespace.clone(),
        uid: service.meta.uid,
        created_at: Timestamp::default(),
        updated_at: Timestamp::default(),
        revision: Revision::ZERO,
        service: service.meta.name.clone(),
        service_uid: service.meta.uid,
        origin: Origin::Source(String::new()),
        address: std::net::Ipv4Addr::UNSPECIFIED.into(),
        ports: Vec::new(),
        node: None,
        zone: String::new(),
        hostname: None,
        ready: false,
        serving: false,
        terminating: false,
        weight: 1,
    }
}

/// Writes an endpoint, keeping its identity if Service, address and origin are the same; nothing if it is as it was.
fn write(draft: &mut Draft, before: Option<Arc<Endpoint>>, mut endpoint: Endpoint) {
    let same = |before: &&Arc<Endpoint>| {
        before.service_uid == endpoint.service_uid
            && before.address == endpoint.address
            && before.origin == endpoint.origin
    };
    if let Some(kept) = before.as_ref().filter(same) {
        endpoint.uid = kept.uid;
        endpoint.created_at = kept.created_at;
        endpoint.updated_at = kept.updated_at;
        endpoint.revision = kept.revision;
        if endpoint == **kept {
            return;
        }
    } else {
        endpoint.uid = draft.uid();
        endpoint.created_at = draft.now();
    }
    endpoint.updated_at = draft.now();
    endpoint.revision = draft.inputs().revision;
    draft.apply(Change {
        before: before.map(Object::from),
        after: Some(endpoint.into()),
    });
}
