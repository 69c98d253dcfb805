//! Releasing addresses and ports, and what happens until they are free.

use std::net::IpAddr;
use std::time::Duration;

use portolan_model::{Change, ClaimState, IpClaim, PortClaim, Revision, Timestamp};

use super::draft::Draft;
use crate::{Outcome, Verb};

/// The longest that a released address waits for a node that does not answer. Counted when it strikes.
pub const QUARANTINE_CAP: Duration = Duration::from_mins(10);

/// The state of a claim that its owner gives up: quarantined while any node may still forward for it, else none.
fn released(draft: &Draft) -> Option<ClaimState> {
    (draft.state().node_count() > 0).then(|| ClaimState::Quarantined {
        released_in: draft.inputs().revision,
        released_at: draft.now(),
    })
}

/// Gives an address up.
pub(super) fn release_address(draft: &mut Draft, claim: &IpClaim) {
    let after = released(draft).map(|state| {
        IpClaim {
            state,
            ..claim.clone()
        }
        .into()
    });
    draft.apply(Change {
        before: Some(claim.clone().into()),
        after,
    });
}

/// Gives a port up.
pub(super) fn release_port(draft: &mut Draft, claim: &PortClaim) {
    let after = released(draft).map(|state| {
        PortClaim {
            state,
            ..claim.clone()
        }
        .into()
    });
    draft.apply(Change {
        before: Some(claim.clone().into()),
        after,
    });
}

/// Frees what still waits since the revisions given.
pub(super) fn release(
    draft: &mut Draft,
    addresses: &[(IpAddr, Revision)],
    ports: &[(u16, Revision)],
) -> Outcome {
    for (address, since) in addresses {
        if let Some(claim) = draft
            .state()
            .ip_claim(*address)
            .filter(|c| waits_since(&c.state, *since))
            .cloned()
        {
            draft.apply(Change::delete(claim));
        }
    }
    for (port, since) in ports {
        if let Some(claim) = draft
            .state()
            .port_claim(*port)
            .filter(|c| waits_since(&c.state, *since))
            .cloned()
        {
            draft.apply(Change::delete(claim));
        }
    }
    let verb = if draft.is_empty() {
        Verb::Unchanged
    } else {
        Verb::Configured
    };
    draft.outcome(verb, Vec::new())
}

fn waits_since(state: &ClaimState, since: Revision) -> bool {
    matches!(state, ClaimState::Quarantined { released_in, .. } if *released_in == since)
}

/// How much longer a claim may wait at most, for people.
pub(super) fn time_left(released_at: Timestamp, now: Timestamp) -> String {
    let waited = Duration::from_micros(now.micros_since(released_at));
    format!("{} s", QUARANTINE_CAP.saturating_sub(waited).as_secs())
}
