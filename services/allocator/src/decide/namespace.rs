//! Namespaces.

use std::sync::Arc;

use portolan_model::limits::RANGES;
use portolan_model::{
    Key, Meta, Name, Namespace, NamespaceSpec, Noun, Object, Reason, Refusal, Service, Violations,
    Workload,
};

use super::decided::Decided;
use super::draft::Draft;
use super::{endpoints, write};
use crate::{Delete, NamespaceAction, Outcome, Verb};

pub(super) fn act(draft: &mut Draft, action: &NamespaceAction) -> Result<Outcome, Refusal> {
    match action {
        NamespaceAction::Put { name, put } => write::put::<Namespace>(draft, name, put),
        NamespaceAction::Delete {
            name,
            force,
            delete,
        } => self::delete(draft, name, *force, delete),
    }
}

impl Decided for Namespace {
    const FIELD: &'static str = "namespace";

    fn made(_: &Name, meta: Meta, spec: NamespaceSpec, _: Option<&Self>) -> Self {
        Self { meta, spec }
    }

    fn rules(spec: &NamespaceSpec, violations: &mut Violations) {
        let field = "namespace.spec.endpoint_ranges";
        RANGES.check(field, spec.endpoint_ranges.len(), violations);
    }
}

fn delete(
    draft: &mut Draft,
    name: &Name,
    force: bool,
    delete: &Delete,
) -> Result<Outcome, Refusal> {
    let Some(before) = write::found::<Namespace>(draft, name, delete)? else {
        return Ok(draft.outcome(Verb::Unchanged, Vec::new()));
    };
    let resource = name.resource(Namespace::KIND.collection());
    if name.as_str() == "default" {
        let description = "the namespace default always exists; delete what is in it instead";
        return Err(Refusal::precondition(Reason::Policy, resource, description));
    }
    if force {
        empty(draft, name);
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
    Ok(write::remove(draft, name, before))
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

fn empty(draft: &mut Draft, name: &Name) {
    let services = draft.state().services_after(Some(name), None);
    let services: Vec<Arc<Service>> = services.cloned().collect();
    for service in services {
        write::remove(draft, &service.key(), service);
    }
    let workloads = draft.state().workloads_after(Some(name), None);
    let workloads: Vec<Arc<Workload>> = workloads.cloned().collect();
    for workload in workloads {
        write::remove(draft, &workload.key(), workload);
    }
    endpoints::remove_all(draft, name);
}
