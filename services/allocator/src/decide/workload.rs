//! Workloads.

use std::sync::Arc;

use portolan_model::{
    Change, Grants, Name, Object, Precondition, Reason, Refusal, Scoped, Violations, Workload,
    WorkloadSpec, validate,
};

use super::draft::Draft;
use super::endpoints;
use super::preconditions::{Present, check_delete, check_namespace, check_put};
use super::ratchet::{self, is_key_kept, part};
use crate::WorkloadField as F;
use crate::{DeleteMode, Outcome, PutMode, Verb, WorkloadParams};

const SPEC: &str = "workload.spec";

pub(super) fn put(
    draft: &mut Draft,
    key: &Scoped,
    params: &WorkloadParams,
    mode: &PutMode,
) -> Result<Outcome, Refusal> {
    check_namespace(draft.state(), &key.namespace)?;
    let before = draft.state().workload(key).cloned();
    let present = before
        .as_ref()
        .map(|b| Present::new(b.meta.uid, b.meta.etag(&b.spec)));
    check_put(&resource(key), present.as_ref(), mode)?;
    let wanted = merge(before.as_deref(), params);
    check(draft, &key.namespace, &wanted, before.as_deref())?;
    let (verb, workload) = match &before {
        None => {
            let meta = draft.new_meta(&key.name, wanted.labels, wanted.annotations);
            let namespace = key.namespace.clone();
            let spec = wanted.spec;
            (
                Verb::Created,
                Workload {
                    meta,
                    namespace,
                    spec,
                    probe_generation: 1,
                    readiness: None,
                },
            )
        }
        Some(before) if is_same(before, &wanted) => {
            return Ok(draft.outcome(Verb::Unchanged, vec![before.clone().into()]));
        }
        Some(before) => {
            let spec = wanted.spec;
            let changed = before.spec != spec;
            let meta = draft.next_meta(&before.meta, changed, wanted.labels, wanted.annotations);
            let probed_anew = probed(&before.spec) != probed(&spec);
            let probe_generation = before.probe_generation + u64::from(probed_anew);
            (
                Verb::Configured,
                Workload {
                    meta,
                    spec,
                    probe_generation,
                    ..(**before).clone()
                },
            )
        }
    };
    let workload = Arc::new(workload);
    draft.apply(Change {
        before: before.clone().map(Into::into),
        after: Some(workload.clone().into()),
    });
    endpoints::sync_workload(draft, before.as_deref(), &workload);
    Ok(draft.outcome(verb, vec![workload.into()]))
}

pub(super) fn delete(
    draft: &mut Draft,
    key: &Scoped,
    mode: &DeleteMode,
) -> Result<Outcome, Refusal> {
    let before = draft.state().workload(key).cloned();
    let present = before
        .as_ref()
        .map(|b| Present::new(b.meta.uid, b.meta.etag(&b.spec)));
    let exists = check_delete(&resource(key), present.as_ref(), mode)?;
    let Some(before) = before.filter(|_| exists) else {
        return Ok(draft.outcome(Verb::Unchanged, Vec::new()));
    };
    endpoints::remove_of_workload(draft, &before);
    draft.apply(Change::delete(before.clone()));
    Ok(draft.outcome(Verb::Deleted, vec![Object::from(before)]))
}

/// What is there, with the fields that the request names replaced. What is created is taken as a whole, whatever the
/// mask says (AIP-134).
fn merge(before: Option<&Workload>, params: &WorkloadParams) -> WorkloadParams {
    let Some(before) = before else {
        return params.clone();
    };
    let mut wanted = WorkloadParams {
        labels: before.meta.labels.clone(),
        annotations: before.meta.annotations.clone(),
        spec: before.spec.clone(),
        ..WorkloadParams::default()
    };
    let (to, from) = (&mut wanted.spec, &params.spec);
    for field in &params.fields {
        match field {
            F::Labels => wanted.labels.clone_from(&params.labels),
            F::Annotations => wanted.annotations.clone_from(&params.annotations),
            F::Addresses => to.addresses.clone_from(&from.addresses),
            F::Node => to.node.clone_from(&from.node),
            F::Ports => to.ports.clone_from(&from.ports),
            F::ReadinessProbe => to.probe.clone_from(&from.probe),
            F::Hostname => to.hostname.clone_from(&from.hostname),
            F::Subdomain => to.subdomain.clone_from(&from.subdomain),
            F::Draining => to.draining = from.draining,
            F::ReportedReady => to.reported_ready = from.reported_ready,
        }
    }
    wanted
}

fn resource(key: &Scoped) -> String {
    format!("namespaces/{}/workloads/{}", key.namespace, key.name)
}

fn is_same(before: &Workload, params: &WorkloadParams) -> bool {
    before.spec == params.spec
        && before.meta.labels == params.labels
        && before.meta.annotations == params.annotations
}

/// What a probe's result depends on: with another answer here, older results say nothing.
fn probed(spec: &WorkloadSpec) -> impl PartialEq + use<'_> {
    (
        &spec.probe,
        &spec.addresses,
        &spec.node,
        spec.probe.is_some().then_some(&spec.ports),
    )
}

fn is_kept(field: &str, before: &WorkloadParams, wanted: &WorkloadParams) -> bool {
    if field.starts_with("workload.labels") {
        return is_key_kept(field, &before.labels, &wanted.labels);
    }
    if field.starts_with("workload.annotations") {
        return is_key_kept(field, &before.annotations, &wanted.annotations);
    }
    let (old, new) = (&before.spec, &wanted.spec);
    match part(SPEC, field) {
        "addresses" => old.addresses == new.addresses,
        "ports" => old.ports == new.ports,
        "hostname" => old.hostname == new.hostname,
        "subdomain" => old.subdomain == new.subdomain,
        "readiness_probe" => old.probe == new.probe,
        _ => old == new,
    }
}

fn check(
    draft: &Draft,
    namespace: &Name,
    params: &WorkloadParams,
    before: Option<&Workload>,
) -> Result<(), Refusal> {
    let old = before.map(|before| merge(Some(before), &WorkloadParams::default()));
    let rules = |params: &WorkloadParams, violations: &mut Violations| {
        validate::labels("workload.labels", &params.labels, violations);
        validate::annotations("workload.annotations", &params.annotations, violations);
        validate::workload(SPEC, &params.spec, violations);
    };
    ratchet::check(params, old.as_ref(), rules, is_kept)?;
    let grants =
        Grants::of(draft.state(), namespace).ok_or_else(|| Refusal::not_found("the cluster"))?;
    let preconditions: Vec<_> = params
        .spec
        .addresses
        .iter()
        .enumerate()
        .filter(|(_, address)| before.is_none_or(|before| !before.spec.addresses.contains(address)))
        .filter_map(|(i, address)| {
            let description = grants.check(*address).err()?;
            Some(Precondition {
                kind: Reason::Range,
                subject: format!("workload.spec.addresses[{i}]"),
                description,
                holder: None,
            })
        })
        .collect();
    if preconditions.is_empty() {
        Ok(())
    } else {
        Err(Refusal::Precondition {
            reason: Reason::Range,
            preconditions,
        })
    }
}
