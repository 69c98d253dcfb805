//! Giving claims up, and what happens until they are free.

use std::time::Duration;

use portolan_model::{Change, Claim, ClaimState, Claimed, Object, Revision, Timestamp};

use super::super::draft::Draft;
use crate::{Outcome, Verb};

/// The longest that a released address or port waits for a node that does not answer. Counted when it strikes.
pub const QUARANTINE_CAP: Duration = Duration::from_mins(10);
/// The same where there is hardly anything else to pick.
pub const QUARANTINE_CAP_FULL: Duration = Duration::from_mins(1);
/// A pool of which more than this share, in per cent, is not free has hardly anything else to pick.
const FULL: u128 = 95;

/// How long what was released may wait at most where so much of so much is not free.
pub(super) fn cap(taken: u64, capacity: u64) -> Duration {
    if u128::from(taken) * 100 > u128::from(capacity) * FULL {
        QUARANTINE_CAP_FULL
    } else {
        QUARANTINE_CAP
    }
}

/// How much longer a claim may wait at most, for people.
pub(super) fn time_left(cap: Duration, released_at: Timestamp, now: Timestamp) -> String {
    let waited = Duration::from_micros(now.micros_since(released_at));
    format!("{} s", cap.saturating_sub(waited).as_secs())
}

/// Gives up what is claimed: it waits while any node may still forward for it, else it is free at once.
pub(in super::super) fn release(draft: &mut Draft, claimed: Claimed) {
    let Some(claim) = draft.state().claim(claimed) else {
        return;
    };
    let waits = ClaimState::Quarantined {
        released_in: draft.inputs().revision,
        released_at: draft.now(),
    };
    let waiting = Claim {
        state: &waits,
        ..claim
    };
    let change = Change {
        before: Some(claim.into()),
        after: (draft.state().node_count() > 0).then(|| waiting.into()),
    };
    draft.apply(change);
}

/// Frees what still waits since the revisions given.
pub(in super::super) fn free(draft: &mut Draft, claims: &[(Claimed, Revision)]) -> Outcome {
    for (claimed, since) in claims {
        let claim = draft.state().claim(*claimed);
        let claim = claim.filter(|claim| waits_since(claim.state, *since));
        if let Some(claim) = claim.map(Object::from) {
            draft.apply(Change::delete(claim));
        }
    }
    draft.brief(Verb::Configured)
}

fn waits_since(state: &ClaimState, since: Revision) -> bool {
    matches!(state, ClaimState::Quarantined { released_in, .. } if *released_in == since)
}
