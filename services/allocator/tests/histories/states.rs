//! What holds of every state, and of every change.

use std::collections::{BTreeMap, BTreeSet};

use portolan_model::{
    Change, Endpoint, Family, Kind, Object, Origin, Revision, Service, ServiceType, State, Usage,
};

/// A change starts from what is there.
pub(crate) fn check_before(state: &State, change: &Change) {
    let object = change.object();
    let held = state.object(object.kind(), &object.path());
    assert_eq!(held, change.before, "{change} starts from what is there");
    if let (Some(before), Some(after)) = (&change.before, &change.after) {
        assert_eq!(before.kind(), after.kind());
        assert_eq!(before.path(), after.path());
        assert_ne!(before, after, "{change} changes something");
    }
}

/// Digests are compared, and what they stand for.
pub(crate) fn assert_same(left: &State, right: &State, what: &str) {
    let objects = |state: &State| state.objects().collect::<Vec<_>>();
    assert_eq!(objects(left), objects(right), "{what}");
    assert_eq!(left.digest(), right.digest(), "{what}");
}

/// Indexes, counters and sets answer alike, whatever way led there (I14 among them).
pub(crate) fn assert_same_answers(left: &State, right: &State) {
    let answers = |state: &State| {
        let usage: Vec<_> = state
            .namespaces()
            .map(|n| state.usage(&n.meta.name))
            .collect();
        let counts: Vec<_> = state
            .service_ranges()
            .iter()
            .map(|range| range.count(state.occupied_addresses()))
            .collect();
        let waiting = (
            state.quarantined_addresses().cloned().collect::<Vec<_>>(),
            state.quarantined_ports().cloned().collect::<Vec<_>>(),
        );
        let endpoints: Vec<_> = state
            .services_after(None, None)
            .map(|s| state.endpoints_of(s).cloned().collect::<Vec<_>>())
            .collect();
        (usage, counts, waiting, endpoints)
    };
    assert_eq!(answers(left), answers(right));
}

/// What holds after every operation.
pub(crate) fn check(before: &State, after: &State, revision: Revision) {
    check_usage(before, after);
    for service in after.services_after(None, None) {
        check_whole(service);
        check_endpoints(after, service);
        assert!(after.namespace(&service.namespace).is_some());
        assert!(service.meta.revision <= revision);
    }
    for endpoint in after.endpoints_after(None, None) {
        let owner = after.service_by_uid(endpoint.service_uid);
        let owner = owner.unwrap_or_else(|| panic!("{} has no Service", endpoint.key()));
        assert_eq!(owner.meta.name, endpoint.service);
        if let Origin::Workload { uid, .. } = &endpoint.origin {
            let workload = after.workload_by_uid(*uid);
            assert!(workload.is_some(), "{} has no workload", endpoint.key());
        }
    }
    if after.cluster().is_none() {
        // But the answer to who deletes it again.
        let left = after.objects().filter(|o| o.kind() != Kind::Request);
        assert_eq!(left.count(), 0, "nothing outlives its cluster");
    }
}

/// I15: everything that a Service of its kind needs, or it would not be there.
fn check_whole(service: &Service) {
    let (key, spec) = (service.key(), &service.spec);
    let addresses = spec.cluster_ips.addresses();
    let families: Vec<_> = addresses.iter().map(|a| Family::of(*a)).collect();
    if spec.kind == ServiceType::ExternalName {
        assert!(addresses.is_empty() && spec.families.is_empty(), "{key}");
    } else if !spec.cluster_ips.is_headless() {
        assert_eq!(families, spec.families, "{key}");
        assert!(!families.is_empty(), "{key}");
    }
    let distinct: BTreeSet<_> = spec.families.iter().map(ToString::to_string).collect();
    assert_eq!(distinct.len(), spec.families.len(), "{key}");
    let numbered = spec.ports.iter().filter(|p| p.node_port.is_some()).count();
    match (spec.kind, spec.allocate_node_ports) {
        (ServiceType::NodePort, _) | (ServiceType::LoadBalancer, Some(true)) => {
            assert_eq!(numbered, spec.ports.len(), "{key}");
        }
        (ServiceType::LoadBalancer, _) => {}
        _ => assert_eq!(numbered, 0, "{key}"),
    }
}

/// With a selector: one endpoint for every workload that it matches and family that both have, and no other.
fn check_endpoints(state: &State, service: &Service) {
    let held: BTreeMap<_, _> = state
        .endpoints_of(service)
        .map(|e| (e.name.to_string(), e.clone()))
        .collect();
    if service.spec.kind == ServiceType::ExternalName {
        assert!(held.is_empty(), "{}", service.key());
    }
    if !service.spec.has_selector() {
        return;
    }
    let mut names = BTreeSet::new();
    for workload in state.workloads_after(Some(&service.namespace), None) {
        let labels = &workload.meta.labels;
        let selected = service
            .spec
            .selector
            .iter()
            .all(|(k, v)| labels.get(k) == Some(v));
        for family in service.spec.families.iter().filter(|_| selected) {
            let Some(address) = workload.spec.address(*family) else {
                continue;
            };
            let suffix = if *family == Family::V6 { ".v6" } else { "" };
            let name = format!("{}.w.{}{suffix}", service.meta.name, workload.meta.name);
            let endpoint: &Endpoint = held.get(&name).unwrap_or_else(|| panic!("no {name}"));
            assert_eq!(endpoint.address, address, "{name}");
            let ready = state.is_serving(workload) && !workload.spec.draining;
            let ready = ready || service.spec.publish_not_ready_addresses;
            assert_eq!(endpoint.ready, ready, "{name}");
            names.insert(name);
        }
    }
    assert_eq!(held.into_keys().collect::<BTreeSet<_>>(), names);
}

/// Counters are right, and nothing grew beyond its limit.
fn check_usage(before: &State, after: &State) {
    for namespace in after.namespaces() {
        let name = &namespace.meta.name;
        let count = |matches: &dyn Fn(&Object) -> bool| {
            let all = after.objects().filter(|object| matches(object));
            u32::try_from(all.count()).expect("few")
        };
        let counted = Usage {
            services: count(&|o| matches!(o, Object::Service(s) if s.namespace == *name)),
            node_ports: count(
                &|o| matches!(o, Object::PortClaim(c) if c.owner.namespace == *name && c.state.is_held()),
            ),
            load_balancers: count(
                &|o| matches!(o, Object::Service(s) if s.namespace == *name && s.spec.kind == ServiceType::LoadBalancer),
            ),
            endpoints: count(&|o| matches!(o, Object::Endpoint(e) if e.namespace == *name)),
        };
        let (usage, was, quota) = (after.usage(name), before.usage(name), namespace.spec.quota);
        assert_eq!(usage, counted, "{name}");
        for (has, had, allowed) in [
            (usage.services, was.services, quota.services),
            (usage.node_ports, was.node_ports, quota.node_ports),
            (
                usage.load_balancers,
                was.load_balancers,
                quota.load_balancers,
            ),
            (usage.endpoints, was.endpoints, quota.endpoints),
        ] {
            assert!(
                has <= had || allowed.is_none_or(|most| has <= most),
                "{name}: {usage:?}"
            );
        }
    }
}
