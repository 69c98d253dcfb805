//! Virtual addresses: what may be asked for, and what is picked.

use std::net::IpAddr;

use portolan_model::alloc::{Pick, ServiceRange, top_level};
use portolan_model::{Change, ClaimOwner, ClaimState, Family, IpClaim, Precondition, Refusal};

use super::draft::Draft;
use super::quarantine::{Caps, time_left};

/// Why an address that was asked for can't be had; `None` if it can.
pub(super) fn blocker(
    draft: &Draft,
    field: &str,
    address: IpAddr,
    owner: &ClaimOwner,
) -> Option<Precondition> {
    let blocked = |kind, description| {
        Some(Precondition {
            kind,
            subject: field.to_owned(),
            description,
            holder: None,
        })
    };
    let claim = draft.state().ip_claim(address);
    // What is held stays held, wherever ranges have gone since.
    if claim.is_some_and(|claim| claim.owner.uid == owner.uid && claim.state.is_held()) {
        return None;
    }
    let ranges = draft.state().ready_ranges();
    if !ranges.iter().any(|range| range.is_usable(address)) {
        let names: Vec<_> = ranges.iter().map(|range| range.net().to_string()).collect();
        return blocked(
            "RANGE",
            format!(
                "{address} is no usable address of the cluster's ready ServiceCIDRs ({}); ask for one of these, leave it out (`portolan apply --reallocate`), or add a ServiceCIDR",
                names.join(", ")
            ),
        );
    }
    let claim = claim?;
    match &claim.state {
        _ if claim.owner.uid == owner.uid => None,
        ClaimState::Held => blocked(
            "CLUSTER_IP_IN_USE",
            format!(
                "{address} is held by Service {}; ask for another address, or leave it out",
                claim.owner.key()
            ),
        )
        .map(|blocked| blocked.held_by(&claim.owner)),
        // A Service that comes back under its old name takes up where it was.
        ClaimState::Quarantined { .. } if claim.owner.key() == owner.key() => None,
        ClaimState::Quarantined { released_at, .. } => blocked(
            "ADDRESS_QUARANTINED",
            format!(
                "{address} was released by Service {}, and nodes may still forward for it; it is free at the latest in {}",
                claim.owner.key(),
                time_left(
                    Caps::of(draft.state()).address(address),
                    *released_at,
                    draft.now()
                )
            ),
        ),
    }
}

/// Claims an address that nothing blocks. A no-op if the owner holds it already.
pub(super) fn claim(draft: &mut Draft, address: IpAddr, owner: &ClaimOwner) {
    let before = draft.state().ip_claim(address).cloned();
    if before
        .as_ref()
        .is_some_and(|claim| claim.owner.uid == owner.uid && claim.state.is_held())
    {
        return;
    }
    let after = IpClaim {
        address,
        owner: owner.clone(),
        state: ClaimState::Held,
    };
    draft.apply(Change {
        before: before.map(Into::into),
        after: Some(after.into()),
    });
}

/// Picks a free address of a family: a range at random, weighted by what is free in it, then a place in it.
pub(super) fn pick(draft: &mut Draft, family: Family) -> Result<IpAddr, Refusal> {
    let seed = draft.random();
    let ranges = draft.state().ready_ranges();
    let ranges: Vec<_> = top_level(&ranges)
        .into_iter()
        .filter(|range| range.family() == family)
        .collect();
    let occupied = draft.state().occupied_addresses();
    #[expect(clippy::cast_possible_truncation, reason = "the low half is the seed")]
    let low = seed as u64;
    // Nearly always: nothing to weigh, and counting what is free takes longer than picking.
    if let [only] = &ranges[..] {
        return match only.pick(occupied, low) {
            Pick::Free(address) => Ok(address),
            Pick::Full => Err(exhausted(draft, family, &ranges)),
        };
    }
    let free: Vec<_> = ranges
        .iter()
        .map(|range| range.capacity() - range.count(occupied))
        .collect();
    let total: u128 = free.iter().copied().map(u128::from).sum();
    if total == 0 {
        return Err(exhausted(draft, family, &ranges));
    }
    let mut ticket = (seed >> 64) % total;
    for (range, free) in ranges.iter().zip(free) {
        if ticket < u128::from(free)
            && let Pick::Free(address) = range.pick(occupied, low)
        {
            return Ok(address);
        }
        ticket = ticket.saturating_sub(free.into());
    }
    Err(exhausted(draft, family, &ranges))
}

fn exhausted(draft: &Draft, family: Family, ranges: &[ServiceRange]) -> Refusal {
    let capacity: u64 = ranges
        .iter()
        .map(ServiceRange::capacity)
        .fold(0, u64::saturating_add);
    let in_ranges = |claim: &&std::sync::Arc<IpClaim>| {
        ranges.iter().any(|range| range.is_usable(claim.address))
    };
    let quarantined = draft
        .state()
        .ip_claims()
        .filter(in_ranges)
        .filter(|claim| !claim.state.is_held())
        .count() as u64;
    let all = draft.state().ip_claims().filter(in_ranges).count() as u64;
    let names: Vec<_> = ranges.iter().map(|range| range.net().to_string()).collect();
    let used = all - quarantined;
    let description = if ranges.is_empty() {
        format!(
            "the cluster has no ready ServiceCIDR of family {family}; add one, or ask for the other family"
        )
    } else {
        format!(
            "no {family} address is free in {}: {used} in use, {quarantined} released but not yet free, of {capacity}; add a ServiceCIDR, or delete Services",
            names.join(", ")
        )
    };
    Refusal::Exhausted {
        reason: "CLUSTER_IP_EXHAUSTED",
        subject: names.join(","),
        description,
        used,
        quarantined,
        capacity,
    }
}
