//! Putting claims right that don't fit the Services. Nothing that a Service has is ever taken from it.

use std::collections::BTreeSet;

use portolan_model::{Claimed, EventType, Object, Uid};

use super::audit::{Finding, Remedy, audit};
use super::claims::{assign, release};
use super::draft::Draft;
use crate::{Outcome, Verb};

/// Does what can be done; `orphans` are those claims without a Service that may go.
pub(super) fn repair(draft: &mut Draft, orphans: &BTreeSet<(Claimed, Uid)>) -> Outcome {
    let mut findings = audit(draft.state());
    for finding in &mut findings {
        match &finding.remedy {
            Remedy::Claim(owner) => assign(draft, finding.claimed, owner),
            Remedy::Release(owner) if orphans.contains(&(finding.claimed, *owner)) => {
                release(draft, finding.claimed);
            }
            Remedy::Release(_) | Remedy::People => continue,
        }
        finding.repaired = true;
        announce(draft, finding);
    }
    let verb = if draft.is_empty() {
        Verb::Unchanged
    } else {
        Verb::Configured
    };
    let outcome = draft.outcome(verb, Vec::new());
    Outcome {
        findings,
        ..outcome
    }
}

fn announce(draft: &mut Draft, finding: &Finding) {
    if let Some(service) = draft.state().service(&finding.service).cloned() {
        let message = format!("{}; repaired", finding.message);
        draft.event(
            &Object::from(service),
            EventType::Warning,
            finding.reason.as_str(),
            message,
        );
    }
}
