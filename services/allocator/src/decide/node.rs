//! Nodes.

use std::sync::Arc;

use portolan_model::{Meta, Name, Node, NodeSpec, Refusal, Violations, validate};

use super::decided::Decided;
use super::draft::Draft;
use super::{endpoints, readiness, write};
use crate::{NodeAction, Outcome, Params, Put, Verb};

const SPEC: &str = "node.spec";
const MAX_ADDRESSES: usize = 64;

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
        for (field, text) in [("zone", &spec.zone), ("dataplane", &spec.dataplane)] {
            validate::text(format_args!("{SPEC}.{field}"), text, 63, violations);
        }
    }

    /// Whether a node is registered decides who speaks for its workloads; its zone is theirs.
    fn follow(draft: &mut Draft, key: &Name, _: Option<&Self>, _: Option<&Arc<Self>>) {
        let workloads: Vec<_> = draft.state().workloads_on(key).cloned().collect();
        for workload in workloads {
            endpoints::sync_workload(draft, Some(&workload), &workload);
        }
    }
}
