//! Services: merging what is asked with what is there, and making it whole.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use portolan_model::{
    Change, ClaimOwner, ClusterIps, EventType, Family, Labels, Meta, Object, Precondition, Refusal,
    Scoped, Service, ServiceSpec, ServiceType, State, Violation, Violations, validate,
};

use super::draft::Draft;
use super::preconditions::{Present, check_delete, check_namespace, check_put, cluster_spec};
use super::{addresses, endpoints, ports, quarantine};
use crate::{DeleteMode, Outcome, PutMode, ServiceField, ServiceParams, Verb};

const SPEC: &str = "service.spec";

/// A Service as it shall be, before it is made whole.
struct Wanted {
    labels: Labels,
    annotations: Labels,
    spec: ServiceSpec,
}

pub(super) fn put(
    draft: &mut Draft,
    key: &Scoped,
    params: &ServiceParams,
    mode: &PutMode,
) -> Result<Outcome, Refusal> {
    check_namespace(draft.state(), &key.namespace)?;
    let before = draft.state().service(key).cloned();
    let present = before
        .as_ref()
        .map(|b| Present::new(b.meta.uid, b.meta.etag(&b.spec)));
    check_put(&resource(key), present.as_ref(), mode)?;

    let mut wanted = merge(before.as_deref(), params);
    settle(draft.state(), &mut wanted.spec, before.as_deref())?;
    check(&wanted)?;
    if let Some(before) = &before {
        check_immutable(&before.spec, &wanted.spec)?;
    }
    check_families(draft, &wanted.spec)?;

    let meta = match &before {
        Some(before) => before.meta.clone(),
        None => draft.new_meta(&key.name, Labels::new(), Labels::new()),
    };
    let owner = ClaimOwner {
        uid: meta.uid,
        namespace: key.namespace.clone(),
        name: key.name.clone(),
    };
    let picked = allocate(draft, &mut wanted.spec, before.as_deref(), &owner)?;
    let warnings = warnings(&wanted.spec);

    if let Some(before) = &before
        && before.spec == wanted.spec
        && before.meta.labels == wanted.labels
        && before.meta.annotations == wanted.annotations
    {
        let outcome = draft.outcome(Verb::Unchanged, vec![before.clone().into()]);
        return Ok(Outcome {
            warnings,
            ..outcome
        });
    }
    let verb = if before.is_some() {
        Verb::Configured
    } else {
        Verb::Created
    };
    let service = Arc::new(write(draft, &meta, key, before, wanted));
    announce(draft, &service, &picked);
    let shown = if draft.is_rehearsal() {
        Arc::new(without(&service, &picked))
    } else {
        service
    };
    let outcome = draft.outcome(verb, vec![shown.into()]);
    Ok(Outcome {
        warnings,
        ..outcome
    })
}

/// Writes a Service that is whole, and its endpoints.
fn write(
    draft: &mut Draft,
    meta: &Meta,
    key: &Scoped,
    before: Option<Arc<Service>>,
    wanted: Wanted,
) -> Service {
    let changed = before
        .as_ref()
        .is_some_and(|before| before.spec != wanted.spec);
    let service = Service {
        meta: draft.next_meta(meta, changed, wanted.labels, wanted.annotations),
        namespace: key.namespace.clone(),
        spec: wanted.spec,
    };
    draft.apply(Change {
        before: before.map(Into::into),
        after: Some(service.clone().into()),
    });
    endpoints::sync_service(draft, &service);
    service
}

/// What a rehearsal shows: what would be picked by chance is left out (AIP-163).
fn without(service: &Service, picked: &Picked) -> Service {
    let mut service = service.clone();
    if picked.address.is_some() {
        service.spec.cluster_ips = ClusterIps::default();
    }
    for port in &mut service.spec.ports {
        port.node_port = port
            .node_port
            .filter(|number| !picked.ports.contains(number));
    }
    service
}

pub(super) fn delete(
    draft: &mut Draft,
    key: &Scoped,
    mode: &DeleteMode,
) -> Result<Outcome, Refusal> {
    let before = draft.state().service(key).cloned();
    let present = before
        .as_ref()
        .map(|b| Present::new(b.meta.uid, b.meta.etag(&b.spec)));
    let exists = check_delete(&resource(key), present.as_ref(), mode)?;
    let Some(before) = before.filter(|_| exists) else {
        return Ok(draft.outcome(Verb::Unchanged, Vec::new()));
    };
    endpoints::remove_of_service(draft, &before);
    release_unused(draft, &before, &[], &BTreeSet::new());
    draft.apply(Change::delete(before.clone()));
    Ok(draft.outcome(Verb::Deleted, vec![before.into()]))
}

fn resource(key: &Scoped) -> String {
    format!("namespaces/{}/services/{}", key.namespace, key.name)
}

/// What is there, with the fields that the request names replaced.
fn merge(before: Option<&Service>, params: &ServiceParams) -> Wanted {
    let mut wanted = Wanted {
        labels: before.map(|b| b.meta.labels.clone()).unwrap_or_default(),
        annotations: before
            .map(|b| b.meta.annotations.clone())
            .unwrap_or_default(),
        spec: before.map(|b| b.spec.clone()).unwrap_or_default(),
    };
    let (to, from) = (&mut wanted.spec, &params.spec);
    // What is created is taken as a whole, whatever the mask says (AIP-134).
    let all = ServiceField::ALL.into_iter().filter(|_| before.is_none());
    for field in params.fields.iter().copied().chain(all) {
        match field {
            ServiceField::Labels => wanted.labels.clone_from(&params.labels),
            ServiceField::Annotations => wanted.annotations.clone_from(&params.annotations),
            ServiceField::Type => to.kind = from.kind,
            ServiceField::Selector => to.selector.clone_from(&from.selector),
            ServiceField::Ports => to.ports.clone_from(&from.ports),
            ServiceField::ClusterIps => to.cluster_ips.clone_from(&from.cluster_ips),
            ServiceField::IpFamilies => to.families.clone_from(&from.families),
            ServiceField::ExternalTrafficPolicy => {
                to.external_traffic_policy = from.external_traffic_policy;
            }
            ServiceField::InternalTrafficPolicy => {
                to.internal_traffic_policy = from.internal_traffic_policy;
            }
            ServiceField::ExternalName => to.external_name.clone_from(&from.external_name),
            ServiceField::PublishNotReadyAddresses => {
                to.publish_not_ready_addresses = from.publish_not_ready_addresses;
            }
        }
    }
    wanted
}

/// Completes a specification by what was allocated before and by defaults, and wipes what the system filled in and
/// what no longer applies.
fn settle(state: &State, spec: &mut ServiceSpec, before: Option<&Service>) -> Result<(), Refusal> {
    let old = before.map(|before| &before.spec);
    wipe(spec, old);
    if spec.kind == ServiceType::ExternalName {
        spec.internal_traffic_policy = None;
        return Ok(());
    }
    // Left out means: as it is. An address is only given up together with its Service, or for an ExternalName.
    if let Some(old) = old.filter(|old| old.kind != ServiceType::ExternalName) {
        if spec.cluster_ips == ClusterIps::default() {
            spec.cluster_ips.clone_from(&old.cluster_ips);
        }
        if spec.families.is_empty() {
            spec.families.clone_from(&old.families);
        }
    }
    if spec.families.is_empty() {
        let given: Vec<Family> = spec
            .cluster_ips
            .addresses()
            .iter()
            .copied()
            .map(Family::of)
            .collect();
        spec.families = if given.is_empty() {
            cluster_spec(state)?
                .families
                .iter()
                .take(1)
                .copied()
                .collect()
        } else {
            given
        };
    }
    spec.internal_traffic_policy = Some(spec.internal_traffic_policy.unwrap_or_default());
    if spec.kind == ServiceType::NodePort {
        spec.external_traffic_policy = Some(spec.external_traffic_policy.unwrap_or_default());
        ports::carry_over(spec, before);
    }
    Ok(())
}

/// Takes away what a former type needed, unless the request gives it a new value: then validation speaks.
fn wipe(spec: &mut ServiceSpec, old: Option<&ServiceSpec>) {
    let Some(old) = old.filter(|old| old.kind != spec.kind) else {
        return;
    };
    if spec.kind != ServiceType::NodePort {
        let known: BTreeSet<_> = old.ports.iter().filter_map(|port| port.node_port).collect();
        for port in &mut spec.ports {
            port.node_port = port.node_port.filter(|number| !known.contains(number));
        }
        if spec.external_traffic_policy == old.external_traffic_policy {
            spec.external_traffic_policy = None;
        }
    }
    if spec.kind == ServiceType::ExternalName {
        if spec.cluster_ips == old.cluster_ips {
            spec.cluster_ips = ClusterIps::default();
        }
        if spec.families == old.families {
            spec.families.clear();
        }
    }
}

fn check(wanted: &Wanted) -> Result<(), Refusal> {
    let mut violations = Violations::new();
    validate::labels("service.labels", &wanted.labels, &mut violations);
    validate::annotations("service.annotations", &wanted.annotations, &mut violations);
    validate::service(SPEC, &wanted.spec, &mut violations);
    violations.into_result()
}

fn check_immutable(old: &ServiceSpec, new: &ServiceSpec) -> Result<(), Refusal> {
    if old.kind == ServiceType::ExternalName || new.kind == ServiceType::ExternalName {
        return Ok(());
    }
    let mut violations = Vec::new();
    let mut fixed = |field: &str, description: String| {
        violations.push(Violation {
            field: format!("{SPEC}.{field}"),
            description,
        });
    };
    if old.cluster_ips.is_headless() != new.cluster_ips.is_headless() {
        let is = if old.cluster_ips.is_headless() {
            "headless"
        } else {
            "not headless"
        };
        fixed(
            "cluster_ips",
            format!("can't be changed: the Service is {is}; delete it and create it again"),
        );
    } else if old.cluster_ips != new.cluster_ips {
        let is: Vec<_> = old
            .cluster_ips
            .addresses()
            .iter()
            .map(IpAddr::to_string)
            .collect();
        fixed(
            "cluster_ips[0]",
            format!(
                "can't be changed: the Service has {}; leave it out, or delete the Service and create it again",
                is.join(", ")
            ),
        );
    } else if !old.cluster_ips.is_headless() && old.families != new.families {
        fixed(
            "ip_families[0]",
            "can't be changed; delete the Service and create it again".to_owned(),
        );
    }
    if violations.is_empty() {
        Ok(())
    } else {
        Err(Refusal::Immutable { violations })
    }
}

fn check_families(draft: &Draft, spec: &ServiceSpec) -> Result<(), Refusal> {
    let configured = &cluster_spec(draft.state())?.families;
    let Some((i, family)) = spec
        .families
        .iter()
        .enumerate()
        .find(|(_, family)| !configured.contains(family))
    else {
        return Ok(());
    };
    let description = format!("the cluster is not configured for {family}; leave ip_families out");
    Err(Refusal::precondition(
        "FAMILY_NOT_CONFIGURED",
        format!("{SPEC}.ip_families[{i}]"),
        description,
    ))
}

/// What was picked, rather than asked for.
#[derive(Default)]
struct Picked {
    address: Option<IpAddr>,
    ports: Vec<u16>,
}

/// Claims what is asked for, picks what is missing, releases what is no longer used: all or nothing, since a refusal
/// throws the draft away.
fn allocate(
    draft: &mut Draft,
    spec: &mut ServiceSpec,
    before: Option<&Service>,
    owner: &ClaimOwner,
) -> Result<Picked, Refusal> {
    let range = cluster_spec(draft.state())?.node_ports;
    let blockers = blockers(draft, spec, owner, range);
    if let Some(first) = blockers.first() {
        return Err(Refusal::Precondition {
            reason: first.kind,
            preconditions: blockers,
        });
    }
    for address in spec.cluster_ips.addresses() {
        addresses::claim(draft, *address, owner);
    }
    for port in spec.ports.iter().filter_map(|port| port.node_port) {
        ports::claim(draft, port, owner);
    }
    let fixed = used_ports(spec);
    let mut picked = Picked::default();
    if spec.kind != ServiceType::ExternalName && spec.cluster_ips == ClusterIps::default() {
        let family = spec.families.first().copied().unwrap_or(Family::V4);
        let address = addresses::pick(draft, family)?;
        addresses::claim(draft, address, owner);
        spec.cluster_ips = ClusterIps::Addresses(vec![address]);
        picked.address = Some(address);
    }
    if spec.kind == ServiceType::NodePort {
        ports::pick_missing(draft, range, spec, owner)?;
        picked.ports = used_ports(spec).difference(&fixed).copied().collect();
    }
    if let Some(before) = before {
        release_unused(
            draft,
            before,
            spec.cluster_ips.addresses(),
            &used_ports(spec),
        );
    }
    Ok(picked)
}

fn used_ports(spec: &ServiceSpec) -> BTreeSet<u16> {
    spec.ports
        .iter()
        .filter_map(|port| port.node_port)
        .collect()
}

fn blockers(
    draft: &Draft,
    spec: &ServiceSpec,
    owner: &ClaimOwner,
    range: portolan_model::PortRange,
) -> Vec<Precondition> {
    let addresses = spec
        .cluster_ips
        .addresses()
        .iter()
        .enumerate()
        .filter_map(|(i, address)| {
            addresses::blocker(draft, &format!("{SPEC}.cluster_ips[{i}]"), *address, owner)
        });
    let ports = spec.ports.iter().enumerate().filter_map(|(i, port)| {
        ports::blocker(
            draft,
            range,
            &format!("{SPEC}.ports[{i}].node_port"),
            port.node_port?,
            owner,
        )
    });
    addresses.chain(ports).collect()
}

/// Gives up what a Service held and does not hold any more. Only its own: claims are checked by owner.
fn release_unused(
    draft: &mut Draft,
    before: &Service,
    addresses: &[IpAddr],
    ports: &BTreeSet<u16>,
) {
    for address in before
        .spec
        .cluster_ips
        .addresses()
        .iter()
        .filter(|address| !addresses.contains(address))
    {
        let claim = draft
            .state()
            .ip_claim(*address)
            .filter(|claim| claim.owner.uid == before.meta.uid)
            .cloned();
        if let Some(claim) = claim {
            quarantine::release_address(draft, &claim);
        }
    }
    for port in used_ports(&before.spec).difference(ports) {
        let claim = draft
            .state()
            .port_claim(*port)
            .filter(|claim| claim.owner.uid == before.meta.uid)
            .cloned();
        if let Some(claim) = claim {
            quarantine::release_port(draft, &claim);
        }
    }
}

/// Accepted, but without effect.
fn warnings(spec: &ServiceSpec) -> Vec<String> {
    let mut warnings = Vec::new();
    if spec.kind != ServiceType::ExternalName && spec.external_name.is_some() {
        warnings
            .push("spec.external_name has no effect unless the type is ExternalName".to_owned());
    }
    if spec.kind == ServiceType::ExternalName && !spec.selector.is_empty() {
        warnings.push("spec.selector has no effect for type ExternalName".to_owned());
    }
    warnings
}

fn announce(draft: &mut Draft, service: &Arc<Service>, picked: &Picked) {
    let about = Object::from(service.clone());
    if let Some(address) = picked.address {
        draft.event(
            &about,
            EventType::Normal,
            "ClusterIPAllocated",
            format!("allocated {address}"),
        );
    }
    for port in &picked.ports {
        draft.event(
            &about,
            EventType::Normal,
            "NodePortAllocated",
            format!("allocated node port {port}"),
        );
    }
}
