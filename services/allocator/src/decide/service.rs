//! Services: merging what is asked with what is there, and making it whole.

mod batch;
mod claims;
mod families;
mod immutable;
mod merge;
mod node_ports;
mod wipe;

use std::collections::BTreeSet;
use std::sync::Arc;

use portolan_model::{
    Change, ClaimOwner, ClusterIps, EventType, Labels, Meta, Object, Refusal, Scoped, Service,
    ServiceSpec, ServiceType,
};

use super::draft::Draft;
use super::endpoints;
use super::preconditions::{Present, check_delete, check_namespace, check_put};
use crate::{DeleteMode, Outcome, PutMode, ServiceParams, Verb};
pub(super) use batch::create_all;
use claims::{Picked, allocate, release_unused};
use immutable::check_immutable;
use merge::{Wanted, check, merge, settle};

const SPEC: &str = "service.spec";

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
    check(&wanted, before.as_deref())?;
    if let Some(before) = &before {
        check_immutable(&before.spec, &wanted.spec)?;
    }

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
    let service = write(draft, &meta, key, before, wanted);
    announce(draft, &service, &picked);
    let shown = if draft.is_dry_run() {
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
) -> Arc<Service> {
    let changed = before
        .as_ref()
        .is_some_and(|before| before.spec != wanted.spec);
    let service = Arc::new(Service {
        meta: draft.next_meta(meta, changed, wanted.labels, wanted.annotations),
        namespace: key.namespace.clone(),
        spec: wanted.spec,
    });
    draft.apply(Change {
        before: before.map(Into::into),
        after: Some(service.clone().into()),
    });
    endpoints::sync_service(draft, &service);
    service
}

/// What a dry run shows: what would be picked by chance is left out (AIP-163).
fn without(service: &Service, picked: &Picked) -> Service {
    let mut service = service.clone();
    if let ClusterIps::Addresses(addresses) = &mut service.spec.cluster_ips {
        addresses.retain(|address| !picked.addresses.contains(address));
    }
    let is_asked = |number: &u16| !picked.ports.contains(number);
    service.spec.health_check_node_port = service.spec.health_check_node_port.filter(is_asked);
    for port in &mut service.spec.ports {
        port.node_port = port.node_port.filter(is_asked);
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
    release_unused(draft, &before, &BTreeSet::new());
    draft.apply(Change::delete(before.clone()));
    Ok(draft.outcome(Verb::Deleted, vec![before.into()]))
}

fn resource(key: &Scoped) -> String {
    format!("namespaces/{}/services/{}", key.namespace, key.name)
}

/// Accepted, but without effect.
fn warnings(spec: &ServiceSpec) -> Vec<String> {
    let is_alias = spec.kind == ServiceType::ExternalName;
    let is_headless = !is_alias && spec.cluster_ips.is_headless();
    let rows = [
        (
            !is_alias && spec.external_name.is_some(),
            "spec.external_name has no effect unless the type is ExternalName",
        ),
        (
            is_alias && !spec.selector.is_empty(),
            "spec.selector has no effect for type ExternalName",
        ),
        (
            (is_headless || is_alias) && !spec.session_affinity.is_none(),
            "spec.session_affinity has no effect without a virtual address",
        ),
        (
            spec.kind != ServiceType::LoadBalancer && !spec.requested_load_balancer_ips.is_empty(),
            "spec.requested_load_balancer_ips has no effect unless the type is LoadBalancer",
        ),
    ];
    let in_effect = rows.into_iter().filter(|(applies, _)| *applies);
    in_effect.map(|(_, text)| text.to_owned()).collect()
}

fn announce(draft: &mut Draft, service: &Arc<Service>, picked: &Picked) {
    let about = Object::from(service.clone());
    for address in &picked.addresses {
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
