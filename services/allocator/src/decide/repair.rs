//! Putting claims right that don't fit the Services. Nothing that a Service has is ever taken from it.

use std::collections::BTreeSet;

use portolan_model::{Claimed, EventType, Object, Uid};

use super::audit::{Discrepancy, Remedy, audit};
use super::claims::{assign, release};
use super::draft::Draft;
use crate::{Outcome, Verb};

/// Does what can be done; `orphans` are those claims without a Service that may go.
pub(super) fn repair(draft: &mut Draft, orphans: &BTreeSet<(Claimed, Uid)>) -> Outcome {
    let mut discrepancies = audit(draft.state());
    for discrepancy in &mut discrepancies {
        match &discrepancy.remedy {
            Remedy::Claim(owner) => assign(draft, discrepancy.claimed, owner),
            Remedy::Release(owner) if orphans.contains(&(discrepancy.claimed, *owner)) => {
                release(draft, discrepancy.claimed);
            }
            Remedy::Release(_) | Remedy::People => continue,
        }
        discrepancy.repaired = true;
        announce(draft, discrepancy);
    }
    let verb = if draft.is_empty() {
        Verb::Unchanged
    } else {
        Verb::Configured
    };
    let outcome = draft.outcome(verb, Vec::new());
    Outcome {
        discrepancies,
        ..outcome
    }
}

fn announce(draft: &mut Draft, discrepancy: &Discrepancy) {
    if let Some(service) = draft.state().service(&discrepancy.service).cloned() {
        let message = format!("{}; repaired", discrepancy.message);
        draft.event(
            &Object::from(service),
            EventType::Warning,
            discrepancy.reason.as_str(),
            message,
        );
    }
}
