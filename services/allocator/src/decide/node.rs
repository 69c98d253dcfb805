//! Nodes.

use std::sync::Arc;

use portolan_model::{Change, Name, Node, NodeSpec, Object, Refusal, Violations, validate};

use super::draft::Draft;
use super::endpoints;
use super::preconditions::{Present, check_delete, check_put};
use super::ratchet::{self, is_key_kept, part};
use crate::{DeleteMode, NodeField, NodeParams, Outcome, PutMode, Verb};

const SPEC: &str = "node.spec";
const MAX_ADDRESSES: usize = 64;

pub(super) fn put(
    draft: &mut Draft,
    name: &Name,
    params: &NodeParams,
    mode: &PutMode,
) -> Result<Outcome, Refusal> {
    let before = draft.state().node(name).cloned();
    let present = before
        .as_ref()
        .map(|b| Present::new(b.meta.uid, b.meta.etag(&b.spec)));
    check_put(&format!("nodes/{name}"), present.as_ref(), mode)?;
    let Some(before) = before else {
        // What is created is taken as a whole, whatever the mask says (AIP-134).
        check(params, None)?;
        return Ok(create(draft, name, params));
    };
    let wanted = merge(&before, params);
    check(&wanted, Some(&merge(&before, &NodeParams::default())))?;
    let changed = before.spec != wanted.spec;
    if !changed
        && before.meta.labels == wanted.labels
        && before.meta.annotations == wanted.annotations
    {
        return Ok(draft.outcome(Verb::Unchanged, vec![before.into()]));
    }
    let meta = draft.next_meta(&before.meta, changed, wanted.labels, wanted.annotations);
    let node = Arc::new(Node {
        meta,
        spec: wanted.spec,
        session: before.session,
    });
    draft.apply(Change {
        before: Some(before.into()),
        after: Some(node.clone().into()),
    });
    sync_workloads(draft, name);
    Ok(draft.outcome(Verb::Configured, vec![node.into()]))
}

/// A node says Hello for the first time. One that is known stays as it is: differences are shown as a condition.
pub(super) fn register(
    draft: &mut Draft,
    name: &Name,
    spec: &NodeSpec,
) -> Result<Outcome, Refusal> {
    if let Some(node) = draft.state().node(name).cloned() {
        return Ok(draft.outcome(Verb::Unchanged, vec![node.into()]));
    }
    let params = NodeParams {
        spec: spec.clone(),
        ..NodeParams::default()
    };
    check(&params, None)?;
    Ok(create(draft, name, &params))
}

pub(super) fn delete(
    draft: &mut Draft,
    name: &Name,
    mode: &DeleteMode,
) -> Result<Outcome, Refusal> {
    let before = draft.state().node(name).cloned();
    let present = before
        .as_ref()
        .map(|b| Present::new(b.meta.uid, b.meta.etag(&b.spec)));
    let exists = check_delete(&format!("nodes/{name}"), present.as_ref(), mode)?;
    let Some(before) = before.filter(|_| exists) else {
        return Ok(draft.outcome(Verb::Unchanged, Vec::new()));
    };
    draft.apply(Change::delete(before.clone()));
    sync_workloads(draft, name);
    Ok(draft.outcome(Verb::Deleted, vec![before.into()]))
}

/// What is there, with the fields that the request names replaced.
fn merge(before: &Node, params: &NodeParams) -> NodeParams {
    let mut wanted = NodeParams {
        labels: before.meta.labels.clone(),
        annotations: before.meta.annotations.clone(),
        spec: before.spec.clone(),
        ..NodeParams::default()
    };
    let (to, from) = (&mut wanted.spec, &params.spec);
    for field in &params.fields {
        match field {
            NodeField::Labels => wanted.labels.clone_from(&params.labels),
            NodeField::Annotations => wanted.annotations.clone_from(&params.annotations),
            NodeField::Addresses => to.addresses.clone_from(&from.addresses),
            NodeField::Zone => to.zone.clone_from(&from.zone),
            NodeField::NodePortAddresses => {
                to.node_port_addresses.clone_from(&from.node_port_addresses);
            }
            NodeField::Dataplane => to.dataplane.clone_from(&from.dataplane),
        }
    }
    wanted
}

fn create(draft: &mut Draft, name: &Name, params: &NodeParams) -> Outcome {
    let meta = draft.new_meta(name, params.labels.clone(), params.annotations.clone());
    let node = Object::from(Node {
        meta,
        spec: params.spec.clone(),
        session: 0,
    });
    draft.apply(Change {
        before: None,
        after: Some(node.clone()),
    });
    sync_workloads(draft, name);
    draft.outcome(Verb::Created, vec![node])
}

/// Whether a node is registered decides who speaks for its workloads; its zone is theirs.
fn sync_workloads(draft: &mut Draft, node: &Name) {
    let workloads: Vec<_> = draft.state().workloads_on(node).cloned().collect();
    for workload in workloads {
        endpoints::sync_workload(draft, Some(&workload), &workload);
    }
}

fn check(params: &NodeParams, before: Option<&NodeParams>) -> Result<(), Refusal> {
    ratchet::check(params, before, rules, is_kept)
}

fn is_kept(field: &str, before: &NodeParams, wanted: &NodeParams) -> bool {
    if field.starts_with("node.labels") {
        return is_key_kept(field, &before.labels, &wanted.labels);
    }
    if field.starts_with("node.annotations") {
        return is_key_kept(field, &before.annotations, &wanted.annotations);
    }
    let (old, new) = (&before.spec, &wanted.spec);
    match part(SPEC, field) {
        "addresses" => old.addresses == new.addresses,
        "node_port_addresses" => old.node_port_addresses == new.node_port_addresses,
        "zone" => old.zone == new.zone,
        "dataplane" => old.dataplane == new.dataplane,
        _ => old == new,
    }
}

fn rules(params: &NodeParams, violations: &mut Violations) {
    validate::labels("node.labels", &params.labels, violations);
    validate::annotations("node.annotations", &params.annotations, violations);
    for (field, list) in [
        ("addresses", &params.spec.addresses),
        ("node_port_addresses", &params.spec.node_port_addresses),
    ] {
        if list.len() > MAX_ADDRESSES {
            violations.add(
                format!("{SPEC}.{field}"),
                format!("at most {MAX_ADDRESSES} addresses are allowed"),
            );
        }
        for (i, address) in list.iter().enumerate() {
            if address.is_unspecified() || address.is_multicast() {
                violations.add(
                    format!("{SPEC}.{field}[{i}]"),
                    format!("{address} is no address of a node"),
                );
            }
        }
    }
    for (field, text) in [
        ("zone", &params.spec.zone),
        ("dataplane", &params.spec.dataplane),
    ] {
        validate::text(&format!("{SPEC}.{field}"), text, 63, violations);
    }
}
