//! Virtual addresses: what may be asked for, and what is picked.

use std::net::IpAddr;

use portolan_model::alloc::{Pick, ServiceRange, top_level};
use portolan_model::{
    Change, ClaimOwner, ClaimState, Family, IpClaim, Precondition, Reason, Refusal,
};

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
            Reason::Range,
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
            Reason::ClusterIpInUse,
            format!(
                "{address} is held by Service {}; ask for another address, or leave it out",
                claim.owner.key()
            ),
        )
        .map(|blocked| blocked.held_by(&claim.owner)),
        // A Service that comes back under its old name takes up where it was.
        ClaimState::Quarantined { .. } if claim.owner.key() == owner.key() => None,
        ClaimState::Quarantined { released_at, .. } => blocked(
            Reason::AddressQuarantined,
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

/// Picks a free address of a family: a range at random, weighted by what is free in it above the static bands, then a
/// place in it. What is below is for explicit requests as long as there is room above, in whatever range.
pub(super) fn pick(draft: &mut Draft, family: Family) -> Result<IpAddr, Refusal> {
    let seed = draft.random();
    let ranges = draft.state().ready_ranges();
    let ranges: Vec<_> = top_level(&ranges)
        .into_iter()
        .filter(|range| range.family() == family)
        .collect();
    let occupied = draft.occupied_addresses();
    #[expect(clippy::cast_possible_truncation, reason = "the low half is the seed")]
    let low = seed as u64;
    // Nearly always: nothing to weigh, and counting what is free takes longer than picking.
    if let [only] = &ranges[..] {
        return match only.pick(&occupied, low) {
            Pick::Free(address) => Ok(address),
            Pick::Full => Err(exhausted(draft, family, &ranges)),
        };
    }
    let dynamic = |range: &ServiceRange| range.dynamic_free(&occupied);
    let any = |range: &ServiceRange| range.capacity() - range.count(&occupied);
    let chosen = weighted(&ranges, seed >> 64, dynamic)
        .or_else(|| weighted(&ranges, seed >> 64, any))
        .map(|range| range.pick(&occupied, low));
    match chosen {
        Some(Pick::Free(address)) => Ok(address),
        Some(Pick::Full) | None => Err(exhausted(draft, family, &ranges)),
    }
}

/// The range on which a ticket falls; `None` if all weigh nothing.
fn weighted(
    ranges: &[ServiceRange],
    ticket: u128,
    weight: impl Fn(&ServiceRange) -> u64,
) -> Option<&ServiceRange> {
    let weights: Vec<_> = ranges
        .iter()
        .map(|range| u128::from(weight(range)))
        .collect();
    let total: u128 = weights.iter().sum();
    let mut ticket = ticket.checked_rem(total)?;
    let mut all = ranges.iter().zip(weights);
    let falls = all.find(|(_, weight)| {
        let here = ticket < *weight;
        ticket = ticket.saturating_sub(*weight);
        here
    });
    falls.map(|(range, _)| range)
}

fn exhausted(draft: &Draft, family: Family, ranges: &[ServiceRange]) -> Refusal {
    let sum = |part: &dyn Fn(&ServiceRange) -> u64| {
        let parts = ranges.iter().map(part);
        parts.fold(0, u64::saturating_add)
    };
    let capacity = sum(&ServiceRange::capacity);
    let occupied = draft.occupied_addresses();
    let waiting = draft
        .state()
        .quarantined_addresses()
        .filter(|claim| ranges.iter().any(|range| range.is_usable(claim.address)));
    let quarantined = waiting.count() as u64;
    let used = sum(&|range| range.count(&occupied)) - quarantined;
    let names: Vec<_> = ranges.iter().map(|range| range.net().to_string()).collect();
    let (subject, description) = if ranges.is_empty() {
        let description = format!(
            "the cluster has no ready ServiceCIDR of family {family}; add one, or ask for the other family"
        );
        (family.to_string(), description)
    } else {
        let description = format!(
            "no {family} address is free in {}: {used} in use, {quarantined} released but not yet free, of {capacity}; add a ServiceCIDR, or delete Services",
            names.join(", ")
        );
        (names.join(","), description)
    };
    Refusal::Exhausted {
        reason: Reason::ClusterIpExhausted,
        subject,
        description,
        used,
        quarantined,
        capacity,
    }
}
