//! Putting claims right that don't fit the Services, and freeing those that waited. Nothing that a Service has is ever taken
//! from it.

use std::collections::BTreeSet;

use portolan_model::{Claimed, EventType, Object, Refusal, Uid};

use super::audit::{Discrepancy, Remedy, audit};
use super::claims::{assign, free, release};
use super::draft::Draft;
use crate::{ClaimsAction, Outcome, Verb};

#[expect(clippy::unnecessary_wraps, reason = "other nouns refuse")]
pub(super) fn act(draft: &mut Draft, action: &ClaimsAction) -> Result<Outcome, Refusal> {
    Ok(match action {
        ClaimsAction::Repair { orphans } => repair(draft, orphans),
        ClaimsAction::Release { claims } => free(draft, claims),
    })
}

/// Does what can be done; `orphans` are those claims without a Service that may go.
fn repair(draft: &mut Draft, orphans: &BTreeSet<(Claimed, Uid)>) -> Outcome {
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
    Outcome {
        discrepancies,
        ..draft.brief(Verb::Configured)
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
