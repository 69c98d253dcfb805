//! Nodes.

use std::sync::Arc;

use portolan_model::limits::{NODE_ADDRESSES, ZONE};
use portolan_model::{
    Meta, Name, Node, NodeSpec, Precondition, Reason, Refusal, Violations, validate,
};

use super::decided::Decided;
use super::draft::Draft;
use super::{endpoints, readiness, write};
use crate::{NodeAction, Outcome, Params, Put, Verb};

const SPEC: &str = "node.spec";

pub(super) fn act(draft: &mut Draft, action: &NodeAction) -> Result<Outcome, Refusal> {
    match action {
        NodeAction::Put { name, put } => write::put::<Node>(draft, name, put),
        NodeAction::Register { name, spec } => register(draft, name, spec),
        NodeAction::ReportReadiness(report) => readiness::report(draft, report),
        NodeAction::Delete { name, delete } => write::delete::<Node>(draft, name, delete),
    }
}

/// A node says Hello for the first time. One that is known stays as it is: differences are shown as a condition.
fn register(draft: &mut Draft, name: &Name, spec: &NodeSpec) -> Result<Outcome, Refusal> {
    if let Some(node) = draft.state().node(name).cloned() {
        return Ok(draft.outcome(Verb::Unchanged, vec![node.into()]));
    }
    let params = Params {
        spec: spec.clone(),
        ..Params::default()
    };
    write::put::<Node>(draft, name, &Put::Create(params))
}

impl Decided for Node {
    const FIELD: &'static str = "node";

    fn made(_: &Name, meta: Meta, spec: NodeSpec, before: Option<&Self>) -> Self {
        let session = before.map_or(0, |before| before.session);
        Self {
            meta,
            spec,
            session,
        }
    }

    fn rules(spec: &NodeSpec, violations: &mut Violations) {
        for (field, list) in [
            ("addresses", &spec.addresses),
            ("node_port_addresses", &spec.node_port_addresses),
        ] {
            NODE_ADDRESSES.check(format_args!("{SPEC}.{field}"), list.len(), violations);
            for (i, address) in list.iter().enumerate() {
                let field = format_args!("{SPEC}.{field}[{i}]");
                violations.check(field, validate::usable(*address));
            }
        }
        for (field, text) in [("zone", &spec.zone), ("dataplane", &spec.dataplane)] {
            validate::text(format_args!("{SPEC}.{field}"), text, ZONE, violations);
        }
    }

    /// What is forwarded for a Service can't be a node. Two nodes may have one address: who takes the place of a machine
    /// comes before that is deleted.
    fn check(
        draft: &Draft,
        _: &Name,
        wanted: &NodeSpec,
        before: Option<&Self>,
    ) -> Result<(), Refusal> {
        let cidrs: Vec<_> = draft.state().service_nets().collect();
        let had = before.map_or(&[][..], |before| &before.spec.addresses);
        let new = wanted.addresses.iter().enumerate();
        let new = new.filter(|(_, address)| !had.contains(address));
        let inside = new.filter_map(|(i, address)| {
            let cidr = cidrs.iter().find(|cidr| cidr.contains(address))?;
            Some(Precondition {
                kind: Reason::Range,
                subject: format!("{SPEC}.addresses[{i}]"),
                description: format!(
                    "{address} lies in the ServiceCIDR {cidr}, whose addresses are those of Services; name the node's own"
                ),
                holder: None,
            })
        });
        let preconditions: Vec<_> = inside.collect();
        if preconditions.is_empty() {
            return Ok(());
        }
        Err(Refusal::Precondition {
            reason: Reason::Range,
            preconditions,
        })
    }

    /// Whether a node is registered decides who speaks for its workloads; its zone is theirs.
    fn follow(draft: &mut Draft, key: &Name, _: Option<&Self>, _: Option<&Arc<Self>>) {
        let workloads: Vec<_> = draft.state().workloads_on(key).cloned().collect();
        for workload in workloads {
            endpoints::sync_workload(draft, Some(&workload), &workload);
        }
    }
}
