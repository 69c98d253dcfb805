//! Namespaces.

use portolan_model::{
    Change, Labels, Name, Namespace, NamespaceSpec, Object, Reason, Refusal, Violations, validate,
};

use super::draft::Draft;
use super::preconditions::{Present, check_delete, check_put};
use super::ratchet::{self, is_key_kept};
use super::{endpoints, service, workload};
use crate::{DeleteMode, NamespaceField, NamespaceParams, Outcome, PutMode, Verb};

/// Ranges of a grant; each is compared with every endpoint that is written.
const MAX_RANGES: usize = 64;

/// A namespace as it shall be.
#[derive(Clone, Default)]
struct Wanted {
    labels: Labels,
    annotations: Labels,
    spec: NamespaceSpec,
}

pub(super) fn put(
    draft: &mut Draft,
    name: &Name,
    params: &NamespaceParams,
    mode: &PutMode,
) -> Result<Outcome, Refusal> {
    let before = draft.state().namespace(name).cloned();
    check_put(
        &format!("namespaces/{name}"),
        before.as_deref().map(present).as_ref(),
        mode,
    )?;
    let Some(before) = before else {
        // What is created is taken as a whole, whatever the mask says (AIP-134).
        let wanted = merge(Wanted::default(), params, NamespaceField::ALL);
        check(&wanted, None)?;
        let meta = draft.new_meta(name, wanted.labels, wanted.annotations);
        let namespace = Object::from(Namespace {
            meta,
            spec: wanted.spec,
        });
        draft.apply(Change {
            before: None,
            after: Some(namespace.clone()),
        });
        return Ok(draft.outcome(Verb::Created, vec![namespace]));
    };
    let held = Wanted {
        labels: before.meta.labels.clone(),
        annotations: before.meta.annotations.clone(),
        spec: before.spec.clone(),
    };
    let wanted = merge(held.clone(), params, params.fields.iter().copied());
    check(&wanted, Some(&held))?;
    let changed = before.spec != wanted.spec;
    if !changed
        && before.meta.labels == wanted.labels
        && before.meta.annotations == wanted.annotations
    {
        return Ok(draft.outcome(Verb::Unchanged, vec![before.into()]));
    }
    let meta = draft.next_meta(&before.meta, changed, wanted.labels, wanted.annotations);
    let namespace = Object::from(Namespace {
        meta,
        spec: wanted.spec,
    });
    draft.apply(Change {
        before: Some(before.into()),
        after: Some(namespace.clone()),
    });
    Ok(draft.outcome(Verb::Configured, vec![namespace]))
}

fn present(namespace: &Namespace) -> Present {
    let meta = &namespace.meta;
    Present::new(meta.uid, meta.etag(&namespace.spec))
}

fn merge(
    mut wanted: Wanted,
    params: &NamespaceParams,
    fields: impl IntoIterator<Item = NamespaceField>,
) -> Wanted {
    let (quota, asked) = (&mut wanted.spec.quota, &params.spec.quota);
    for field in fields {
        match field {
            NamespaceField::Labels => wanted.labels.clone_from(&params.labels),
            NamespaceField::Annotations => wanted.annotations.clone_from(&params.annotations),
            NamespaceField::Services => quota.services = asked.services,
            NamespaceField::NodePorts => quota.node_ports = asked.node_ports,
            NamespaceField::LoadBalancers => quota.load_balancers = asked.load_balancers,
            NamespaceField::Endpoints => quota.endpoints = asked.endpoints,
            NamespaceField::EndpointRanges => {
                let ranges = &params.spec.endpoint_ranges;
                wanted.spec.endpoint_ranges.clone_from(ranges);
            }
        }
    }
    wanted
}

fn check(wanted: &Wanted, before: Option<&Wanted>) -> Result<(), Refusal> {
    ratchet::check(wanted, before, rules, |field, old, new| {
        if field.starts_with("namespace.labels") {
            return is_key_kept(field, &old.labels, &new.labels);
        }
        if field.starts_with("namespace.annotations") {
            return is_key_kept(field, &old.annotations, &new.annotations);
        }
        old.spec == new.spec
    })
}

fn rules(wanted: &Wanted, violations: &mut Violations) {
    validate::labels("namespace.labels", &wanted.labels, violations);
    validate::annotations("namespace.annotations", &wanted.annotations, violations);
    let ranges = wanted.spec.endpoint_ranges.len();
    if ranges > MAX_RANGES {
        violations.add(
            "namespace.spec.endpoint_ranges",
            format!("{ranges} ranges; at most {MAX_RANGES} are allowed"),
        );
    }
}

pub(super) fn delete(
    draft: &mut Draft,
    name: &Name,
    force: bool,
    mode: &DeleteMode,
) -> Result<Outcome, Refusal> {
    let before = draft.state().namespace(name).cloned();
    let resource = format!("namespaces/{name}");
    let present = before.as_deref().map(present);
    if !check_delete(&resource, present.as_ref(), mode)? {
        return Ok(draft.outcome(Verb::Unchanged, Vec::new()));
    }
    if name.as_str() == "default" {
        let description = "the namespace default always exists; delete what is in it instead";
        return Err(Refusal::precondition(Reason::Policy, resource, description));
    }
    if force {
        empty(draft, name)?;
    } else if let Some(child) = first_child(draft, name) {
        let description = format!(
            "{resource} is not empty: it holds {child}; delete its contents first, or use force"
        );
        return Err(Refusal::precondition(
            Reason::NamespaceNotEmpty,
            resource,
            description,
        ));
    }
    let objects = before.clone().map(Object::from).into_iter().collect();
    if let Some(before) = before {
        draft.apply(Change::delete(before));
    }
    Ok(draft.outcome(Verb::Deleted, objects))
}

fn first_child(draft: &Draft, name: &Name) -> Option<String> {
    let state = draft.state();
    let service = state
        .services_after(Some(name), None)
        .next()
        .map(|s| Object::from(s.clone()).resource());
    service.or_else(|| {
        state
            .workloads_after(Some(name), None)
            .next()
            .map(|w| Object::from(w.clone()).resource())
    })
}

fn empty(draft: &mut Draft, name: &Name) -> Result<(), Refusal> {
    let services: Vec<_> = draft
        .state()
        .services_after(Some(name), None)
        .map(|s| s.key())
        .collect();
    for key in services {
        service::delete(draft, &key, &DeleteMode::default())?;
    }
    let workloads: Vec<_> = draft
        .state()
        .workloads_after(Some(name), None)
        .map(|w| w.key())
        .collect();
    for key in workloads {
        workload::delete(draft, &key, &DeleteMode::default())?;
    }
    endpoints::remove_all(draft, name);
    Ok(())
}
