//! Releasing addresses and ports, and what happens until they are free.

use std::net::IpAddr;
use std::time::Duration;

use portolan_model::alloc::top_level;
use portolan_model::{Change, ClaimState, Family, IpClaim, PortClaim, Revision, State, Timestamp};

use super::draft::Draft;
use crate::{Outcome, Verb};

/// The longest that a released address or port waits for a node that does not answer. Counted when it strikes.
pub const QUARANTINE_CAP: Duration = Duration::from_mins(10);
/// The same where there is hardly anything else to pick.
pub const QUARANTINE_CAP_FULL: Duration = Duration::from_mins(1);
/// Per cent that are not free, above which that is so.
const FULL: u128 = 95;

/// How long what is released may wait at most, by how full what it belongs to is.
pub(crate) struct Caps {
    v4: Duration,
    v6: Duration,
    ports: Duration,
}

impl Caps {
    pub(crate) fn of(state: &State) -> Self {
        Self {
            v4: addresses_cap(state, Family::V4),
            v6: addresses_cap(state, Family::V6),
            ports: ports_cap(state),
        }
    }

    pub(crate) fn address(&self, address: IpAddr) -> Duration {
        match Family::of(address) {
            Family::V4 => self.v4,
            Family::V6 => self.v6,
        }
    }

    pub(crate) fn port(&self) -> Duration {
        self.ports
    }
}

fn addresses_cap(state: &State, family: Family) -> Duration {
    let ranges = top_level(&state.ready_ranges());
    let ranges = ranges.iter().filter(|range| range.family() == family);
    let (taken, capacity) = ranges.fold((0, 0), |(taken, capacity), range| {
        let count = range.count(state.occupied_addresses());
        (
            taken + u128::from(count),
            capacity + u128::from(range.capacity()),
        )
    });
    cap(taken, capacity)
}

fn ports_cap(state: &State) -> Duration {
    let Some(range) = state.cluster().map(|cluster| cluster.spec.node_ports) else {
        return QUARANTINE_CAP;
    };
    let (first, last) = (range.first.into(), range.last.into());
    let taken = state.occupied_ports().count(false, first, last);
    cap(taken.into(), range.size().into())
}

fn cap(taken: u128, capacity: u128) -> Duration {
    if taken * 100 > capacity * FULL {
        QUARANTINE_CAP_FULL
    } else {
        QUARANTINE_CAP
    }
}

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
pub(super) fn time_left(cap: Duration, released_at: Timestamp, now: Timestamp) -> String {
    let waited = Duration::from_micros(now.micros_since(released_at));
    format!("{} s", cap.saturating_sub(waited).as_secs())
}
