//! Virtual addresses as a pool: the ready ranges of a family.

use std::borrow::Cow;
use std::net::IpAddr;

use portolan_model::alloc::{Occupancy, Pick, ServiceRange, top_level};
use portolan_model::{Claimed, Family, Reason, State};

use super::super::draft::Draft;
use super::pool::{Counts, Pool, Words};

/// The virtual addresses of a family.
pub(in super::super) struct AddressPool {
    family: Family,
    ranges: Vec<ServiceRange>,
}

impl AddressPool {
    /// Of the ranges that are ready.
    pub(in super::super) fn of(state: &State, family: Family) -> Self {
        let mut ranges = top_level(&state.ready_ranges());
        ranges.retain(|range| range.family() == family);
        Self { family, ranges }
    }

    fn sum(&self, part: impl Fn(&ServiceRange) -> u64) -> u64 {
        let parts = self.ranges.iter().map(part);
        parts.fold(0, u64::saturating_add)
    }
}

impl Pool for AddressPool {
    type Item = IpAddr;

    const WORDS: Words = Words {
        in_use: Reason::ClusterIpInUse,
        quarantined: Reason::AddressQuarantined,
        exhausted: Reason::ClusterIpExhausted,
        another: "another address",
    };

    fn claimed(address: IpAddr) -> Claimed {
        Claimed::Address(address)
    }

    fn occupied(state: &State) -> &Occupancy {
        state.occupied_addresses()
    }

    fn avoided(draft: &Draft) -> Cow<'_, Occupancy> {
        draft.occupied_addresses()
    }

    fn quarantined(state: &State) -> impl Iterator<Item = IpAddr> {
        state.quarantined_addresses().map(|claim| claim.address)
    }

    fn contains(&self, address: IpAddr) -> bool {
        self.ranges.iter().any(|range| range.is_usable(address))
    }

    fn capacity(&self) -> u64 {
        self.sum(ServiceRange::capacity)
    }

    fn count(&self, occupied: &Occupancy) -> u64 {
        self.sum(|range| range.count(occupied))
    }

    /// A range at random, weighted by what is free in it above the static bands, then a place in it. What is below is
    /// for explicit requests as long as there is room above, in whatever range.
    fn search(&self, occupied: &Occupancy, seed: u128) -> Pick<IpAddr> {
        #[expect(clippy::cast_possible_truncation, reason = "the low half is the seed")]
        let low = seed as u64;
        // Nearly always: nothing to weigh, and counting what is free takes longer than picking.
        if let [only] = &self.ranges[..] {
            return only.pick(occupied, low);
        }
        let dynamic = |range: &ServiceRange| range.dynamic_free(occupied);
        let any = |range: &ServiceRange| range.capacity() - range.count(occupied);
        weighted(&self.ranges, seed >> 64, dynamic)
            .or_else(|| weighted(&self.ranges, seed >> 64, any))
            .map_or(Pick::Full, |range| range.pick(occupied, low))
    }

    fn subject(&self) -> String {
        if self.ranges.is_empty() {
            return self.family.to_string();
        }
        names(&self.ranges, ",")
    }

    fn explain_outside(&self, state: &State, address: IpAddr) -> String {
        format!(
            "{address} is no usable address of the cluster's ready ServiceCIDRs ({}); ask for one of these, leave it out (`portolan apply --reallocate`), or add a ServiceCIDR",
            names(&state.ready_ranges(), ", ")
        )
    }

    fn explain_full(&self, counts: &Counts) -> String {
        let family = self.family;
        if self.ranges.is_empty() {
            return format!(
                "the cluster has no ready ServiceCIDR of family {family}; add one, or ask for the other family"
            );
        }
        format!(
            "no {family} address is free in {}: {counts}; add a ServiceCIDR, or delete Services",
            names(&self.ranges, ", ")
        )
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

fn names(ranges: &[ServiceRange], separator: &str) -> String {
    let names: Vec<_> = ranges.iter().map(|range| range.net().to_string()).collect();
    names.join(separator)
}
