//! Namespaces.

use portolan_model::{
    Change, Labels, Name, Namespace, NamespaceSpec, Object, Refusal, Violations, validate,
};

use super::draft::Draft;
use super::preconditions::{Present, check_delete, check_put};
use super::{endpoints, service, workload};
use crate::{DeleteMode, Outcome, PutMode, Verb};

pub(super) fn put(
    draft: &mut Draft,
    name: &Name,
    labels: &Labels,
    annotations: &Labels,
    mode: &PutMode,
) -> Result<Outcome, Refusal> {
    let before = draft.state().namespace(name).cloned();
    let present = before
        .as_ref()
        .map(|b| Present::new(b.meta.uid, b.meta.etag(&())));
    check_put(&format!("namespaces/{name}"), present.as_ref(), mode)?;
    let mut violations = Violations::new();
    validate::labels("namespace.labels", labels, &mut violations);
    validate::annotations("namespace.annotations", annotations, &mut violations);
    violations.into_result()?;
    let Some(before) = before else {
        let meta = draft.new_meta(name, labels.clone(), annotations.clone());
        let namespace = Object::from(Namespace {
            meta,
            spec: NamespaceSpec::default(),
        });
        draft.apply(Change {
            before: None,
            after: Some(namespace.clone()),
        });
        return Ok(draft.outcome(Verb::Created, vec![namespace]));
    };
    if before.meta.labels == *labels && before.meta.annotations == *annotations {
        return Ok(draft.outcome(Verb::Unchanged, vec![before.into()]));
    }
    let meta = draft.next_meta(&before.meta, false, labels.clone(), annotations.clone());
    let namespace = Object::from(Namespace {
        meta,
        spec: before.spec.clone(),
    });
    draft.apply(Change {
        before: Some(before.into()),
        after: Some(namespace.clone()),
    });
    Ok(draft.outcome(Verb::Configured, vec![namespace]))
}

pub(super) fn delete(
    draft: &mut Draft,
    name: &Name,
    force: bool,
    mode: &DeleteMode,
) -> Result<Outcome, Refusal> {
    let before = draft.state().namespace(name).cloned();
    let present = before
        .as_ref()
        .map(|b| Present::new(b.meta.uid, b.meta.etag(&())));
    let resource = format!("namespaces/{name}");
    if !check_delete(&resource, present.as_ref(), mode)? {
        return Ok(draft.outcome(Verb::Unchanged, Vec::new()));
    }
    if name.as_str() == "default" {
        let description = "the namespace default always exists; delete what is in it instead";
        return Err(Refusal::precondition("POLICY", resource, description));
    }
    if force {
        empty(draft, name)?;
    } else if let Some(child) = first_child(draft, name) {
        let description = format!(
            "{resource} is not empty: it holds {child}; delete its contents first, or use force"
        );
        return Err(Refusal::precondition(
            "NAMESPACE_NOT_EMPTY",
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
