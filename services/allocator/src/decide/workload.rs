//! Workloads.

use std::sync::Arc;

use portolan_model::{
    Change, Grants, Name, Object, Precondition, Refusal, Scoped, Violations, Workload,
    WorkloadSpec, validate,
};

use super::draft::Draft;
use super::endpoints;
use super::preconditions::{Present, check_delete, check_namespace, check_put};
use crate::{DeleteMode, Outcome, PutMode, Verb, WorkloadParams};

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
    check(draft, &key.namespace, params)?;
    let (verb, workload) = match &before {
        None => {
            let meta = draft.new_meta(&key.name, params.labels.clone(), params.annotations.clone());
            let namespace = key.namespace.clone();
            let spec = params.spec.clone();
            (
                Verb::Created,
                Workload {
                    meta,
                    namespace,
                    spec,
                    probe_generation: 1,
                    health: None,
                },
            )
        }
        Some(before) if is_same(before, params) => {
            return Ok(draft.outcome(Verb::Unchanged, vec![before.clone().into()]));
        }
        Some(before) => {
            let changed = before.spec != params.spec;
            let meta = draft.next_meta(
                &before.meta,
                changed,
                params.labels.clone(),
                params.annotations.clone(),
            );
            let probed_anew = probed(&before.spec) != probed(&params.spec);
            let probe_generation = before.probe_generation + u64::from(probed_anew);
            let spec = params.spec.clone();
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

fn check(draft: &Draft, namespace: &Name, params: &WorkloadParams) -> Result<(), Refusal> {
    let mut violations = Violations::new();
    validate::labels("workload.labels", &params.labels, &mut violations);
    validate::annotations("workload.annotations", &params.annotations, &mut violations);
    validate::workload("workload.spec", &params.spec, &mut violations);
    violations.into_result()?;
    let grants =
        Grants::of(draft.state(), namespace).ok_or_else(|| Refusal::not_found("the cluster"))?;
    let preconditions: Vec<_> = params
        .spec
        .addresses
        .iter()
        .enumerate()
        .filter_map(|(i, address)| {
            let description = grants.check(*address).err()?;
            Some(Precondition {
                kind: "RANGE",
                subject: format!("workload.spec.addresses[{i}]"),
                description,
            })
        })
        .collect();
    if preconditions.is_empty() {
        Ok(())
    } else {
        Err(Refusal::Precondition {
            reason: "RANGE",
            preconditions,
        })
    }
}
