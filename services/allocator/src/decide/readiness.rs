//! Readiness as nodes report it: it re-enters at the top, as a write.

use std::sync::Arc;

use portolan_model::limits::PROBE_REASON;
use portolan_model::{Change, EventType, Node, Object, Readiness, Reason, Refusal, Workload};

use super::draft::Draft;
use super::endpoints;
use crate::{Outcome, ReadinessItem, ReadinessReport, Verb};

/// A report counts if it comes from the node as it is now, in a session that no newer one has fenced off. The first,
/// full report of a session fences older ones, whatever replica they come through. Items about other nodes'
/// workloads, or about probes that are no longer run, are passed over.
pub(super) fn report(draft: &mut Draft, report: &ReadinessReport) -> Result<Outcome, Refusal> {
    let node = draft
        .state()
        .node(&report.node)
        .filter(|node| node.meta.uid == report.node_uid)
        .cloned();
    let node = node.ok_or_else(|| Refusal::not_found(format!("nodes/{}", report.node)))?;
    check_session(draft, &node, report)?;
    for item in &report.items {
        if let Some(workload) = draft.state().workload_by_uid(item.workload).cloned() {
            take(draft, report, item, &workload);
        }
    }
    Ok(draft.brief(Verb::Configured))
}

fn check_session(
    draft: &mut Draft,
    node: &Arc<Node>,
    report: &ReadinessReport,
) -> Result<(), Refusal> {
    let fenced = |description| {
        Err(Refusal::Conflict {
            reason: Reason::SessionFenced,
            description,
        })
    };
    if report.session < node.session {
        return fenced(format!(
            "session {} of node {} was followed by session {}",
            report.session, report.node, node.session
        ));
    }
    if report.session > node.session {
        if !report.full {
            return fenced(format!(
                "the first report of session {} must be full",
                report.session
            ));
        }
        let after = Node {
            session: report.session,
            ..(**node).clone()
        };
        draft.apply(Change::update(node.clone(), after));
    }
    Ok(())
}

fn take(
    draft: &mut Draft,
    report: &ReadinessReport,
    item: &ReadinessItem,
    workload: &Arc<Workload>,
) {
    let is_ours = workload.spec.node.as_ref() == Some(&report.node);
    if !is_ours || item.probe_generation != workload.probe_generation {
        return;
    }
    if let Some(known) = &workload.readiness {
        let is_old = (report.session, report.seq) <= (known.session, known.seq);
        let says_the_same =
            known.serving == item.serving && known.probe_generation == item.probe_generation;
        if is_old || says_the_same {
            return;
        }
    }
    let reason = printable(&item.reason);
    let readiness = Readiness {
        serving: item.serving,
        probe_generation: item.probe_generation,
        session: report.session,
        seq: report.seq,
        reason,
    };
    let after = Arc::new(Workload {
        readiness: Some(readiness),
        ..(**workload).clone()
    });
    draft.apply(Change::update(workload.clone(), after.clone()));
    endpoints::sync_workload(draft, Some(workload), &after);
    announce(draft, report, &after);
}

/// A text from the outside, cut and without control characters.
fn printable(text: &str) -> String {
    text.chars()
        .filter(|c| !c.is_control())
        .take(PROBE_REASON.value)
        .collect()
}

fn announce(draft: &mut Draft, report: &ReadinessReport, workload: &Arc<Workload>) {
    let Some(readiness) = &workload.readiness else {
        return;
    };
    let about = Object::from(workload.clone());
    if readiness.serving {
        draft.event(
            &about,
            EventType::Normal,
            "Ready",
            format!("the probe on node {} passes", report.node),
        );
    } else {
        let message = format!(
            "the probe on node {} fails: {}",
            report.node, readiness.reason
        );
        draft.event(&about, EventType::Warning, "Unready", message);
    }
}
