//! Putting claims right that don't fit the Services. Nothing that a Service has is ever taken from it.

use std::collections::BTreeSet;

use portolan_model::{
    Change, ClaimOwner, ClaimState, Claimed, EventType, IpClaim, Object, PortClaim, Uid,
};

use super::audit::{Finding, Remedy, audit};
use super::draft::Draft;
use super::quarantine::{release_address, release_port};
use crate::{Outcome, Verb};

/// Does what can be done; `orphans` are those claims without a Service that may go.
pub(super) fn repair(draft: &mut Draft, orphans: &BTreeSet<(Claimed, Uid)>) -> Outcome {
    let mut findings = audit(draft.state());
    for finding in &mut findings {
        match &finding.remedy {
            Remedy::Claim(owner) => claim(draft, finding.claimed, owner),
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

fn claim(draft: &mut Draft, claimed: Claimed, owner: &ClaimOwner) {
    let (owner, state) = (owner.clone(), ClaimState::Held);
    let (before, after): (Option<Object>, Object) = match claimed {
        Claimed::Address(address) => {
            let before = draft.state().ip_claim(address).cloned();
            let after = IpClaim {
                address,
                owner,
                state,
            };
            (before.map(Into::into), after.into())
        }
        Claimed::Port(port) => {
            let before = draft.state().port_claim(port).cloned();
            let after = PortClaim { port, owner, state };
            (before.map(Into::into), after.into())
        }
    };
    draft.apply(Change {
        before,
        after: Some(after),
    });
}

fn release(draft: &mut Draft, claimed: Claimed) {
    match claimed {
        Claimed::Address(address) => {
            if let Some(claim) = draft.state().ip_claim(address).cloned() {
                release_address(draft, &claim);
            }
        }
        Claimed::Port(port) => {
            if let Some(claim) = draft.state().port_claim(port).cloned() {
                release_port(draft, &claim);
            }
        }
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
