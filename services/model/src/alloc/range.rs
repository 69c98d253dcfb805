//! Picking from ranges.

use std::net::{IpAddr, Ipv6Addr};

use ipnet::IpNet;

use super::occupancy::number;
use super::{Occupancy, address_band, port_band};
use crate::{Family, PortRange};

/// A range of virtual addresses.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct ServiceRange {
    net: IpNet,
    first: u128,
    last: u128,
    /// First address above the static band.
    dynamic: u128,
}

/// Outcome of an automatic pick.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Pick<T> {
    /// Free, and to be claimed.
    Free(T),
    /// Nothing is free.
    Full,
}

impl ServiceRange {
    /// Of a CIDR. IPv4: network and broadcast address are never handed out; IPv6: the all-zero host (subnet-router
    /// anycast, RFC 4291) is not.
    pub fn new(net: IpNet) -> Self {
        let (_, base) = number(net.network());
        let host_bits = u32::from(net.max_prefix_len() - net.prefix_len());
        let size = 1u128.checked_shl(host_bits).unwrap_or(u128::MAX);
        // A single address is the base itself: nothing is usable, and there may be no number after it.
        if size == 1 {
            return Self {
                net,
                first: 1,
                last: 0,
                dynamic: 1,
            };
        }
        let end = base + (size - 1);
        let last = if net.addr().is_ipv4() {
            end.saturating_sub(1)
        } else {
            end
        };
        Self {
            net,
            first: base + 1,
            last,
            dynamic: base + 1 + address_band(size).min(size - 1),
        }
    }

    /// The CIDR.
    pub fn net(&self) -> IpNet {
        self.net
    }

    /// Its family.
    pub fn family(&self) -> Family {
        Family::of_net(&self.net)
    }

    /// Usable addresses, at most `u64::MAX`. A /31 and a /32 have none.
    pub fn capacity(&self) -> u64 {
        if self.first > self.last {
            0
        } else {
            u64::try_from(self.last - self.first).map_or(u64::MAX, |n| n.saturating_add(1))
        }
    }

    /// Whether an address may be handed out from here.
    pub fn is_usable(&self, address: IpAddr) -> bool {
        let (v6, n) = number(address);
        v6 == self.is_v6() && (self.first..=self.last).contains(&n)
    }

    /// Whether an address lies above the static band.
    pub fn is_dynamic(&self, address: IpAddr) -> bool {
        self.is_usable(address) && number(address).1 >= self.dynamic
    }

    /// How many addresses above the static band are not in the set; at most `u64::MAX`.
    pub fn dynamic_free(&self, occupied: &Occupancy) -> u64 {
        if self.dynamic > self.last {
            return 0;
        }
        let size =
            u64::try_from(self.last - self.dynamic).map_or(u64::MAX, |n| n.saturating_add(1));
        size - occupied.count(self.is_v6(), self.dynamic, self.last)
    }

    /// How many of its addresses are in the set.
    pub fn count(&self, occupied: &Occupancy) -> u64 {
        occupied.count(self.is_v6(), self.first, self.last)
    }

    /// A free address: from a random start (made of `seed`) upwards through the dynamic band, then from its beginning,
    /// then the static band. Never simply the lowest: that would hand a just-released address out at once.
    pub fn pick(&self, occupied: &Occupancy, seed: u64) -> Pick<IpAddr> {
        if self.first > self.last {
            return Pick::Full;
        }
        let free = |from, to| occupied.first_free(self.is_v6(), from, to);
        let dynamic = (self.dynamic <= self.last).then(|| {
            let start = self.dynamic + u128::from(seed) % (self.last - self.dynamic + 1);
            free(start, self.last).or_else(|| free(self.dynamic, start))
        });
        match dynamic
            .flatten()
            .or_else(|| free(self.first, self.last.min(self.dynamic.saturating_sub(1))))
        {
            Some(n) => Pick::Free(self.address(n)),
            None => Pick::Full,
        }
    }

    fn is_v6(&self) -> bool {
        self.net.addr().is_ipv6()
    }

    fn address(&self, n: u128) -> IpAddr {
        match u32::try_from(n) {
            Ok(v4) if !self.is_v6() => IpAddr::V4(v4.into()),
            _ => IpAddr::V6(Ipv6Addr::from(n)),
        }
    }
}

/// Those ranges that lie in no other one. What is usable in a range is usable in every range around it, so these alone
/// tell what is free without counting anything twice.
pub fn top_level(ranges: &[ServiceRange]) -> Vec<ServiceRange> {
    let covered = |i: usize, range: &ServiceRange| {
        let mut others = ranges.iter().enumerate().filter(|(j, _)| *j != i);
        others.any(|(j, other)| other.net.contains(&range.net) && (other.net != range.net || j < i))
    };
    let top = ranges.iter().enumerate().filter(|(i, r)| !covered(*i, r));
    top.map(|(_, range)| *range).collect()
}

/// A free node port, by the same rule as [`ServiceRange::pick`].
pub fn pick_port(range: PortRange, occupied: &Occupancy, seed: u64) -> Pick<u16> {
    let (first, last) = (u128::from(range.first), u128::from(range.last));
    let dynamic = first + u128::from(port_band(range.size()));
    let start = dynamic + u128::from(seed) % (last - dynamic + 1);
    let free = |from, to| occupied.first_free(false, from, to);
    let found = free(start, last)
        .or_else(|| free(dynamic, start))
        .or_else(|| free(first, dynamic));
    found
        .and_then(|n| u16::try_from(n).ok())
        .map_or(Pick::Full, Pick::Free)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(text: &str) -> ServiceRange {
        ServiceRange::new(text.parse().unwrap())
    }

    fn fill(range: &ServiceRange, occupied: &mut Occupancy, picks: usize) -> Vec<IpAddr> {
        (0..picks)
            .map(
                |i| match range.pick(occupied, (i as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15)) {
                    Pick::Free(address) => {
                        occupied.insert_address(address);
                        address
                    }
                    Pick::Full => panic!("full after {i} of {picks} picks from {}", range.net()),
                },
            )
            .collect()
    }

    #[test]
    fn capacity_leaves_out_what_must_not_be_used() {
        for (net, capacity) in [
            ("10.0.0.0/32", 0),
            ("10.0.0.0/31", 0),
            ("10.0.0.0/30", 2),
            ("10.0.0.0/24", 254),
            ("10.0.0.0/16", 65534),
            ("0.0.0.0/0", (1 << 32) - 2),
            ("255.255.255.0/24", 254),
            ("fd00::/128", 0),
            ("255.255.255.255/32", 0),
            ("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128", 0),
            ("fd00::/120", 255),
            ("fd00::/64", u64::MAX),
        ] {
            assert_eq!(range(net).capacity(), capacity, "{net}");
        }
    }

    #[test]
    fn every_address_is_handed_out_once_and_then_the_range_is_full() {
        for net in [
            "10.0.0.0/30",
            "10.0.0.0/28",
            "10.1.0.0/22",
            "255.255.255.0/24",
            "fd00::/118",
        ] {
            let range = range(net);
            let mut occupied = Occupancy::default();
            let capacity = usize::try_from(range.capacity()).unwrap();
            let mut addresses = fill(&range, &mut occupied, capacity);
            assert_eq!(range.pick(&occupied, 7), Pick::Full, "{net}");
            assert_eq!(range.count(&occupied), range.capacity(), "{net}");
            addresses.sort();
            addresses.dedup();
            assert_eq!(addresses.len(), capacity, "{net}");
            assert!(addresses.iter().all(|a| range.is_usable(*a)), "{net}");
        }
    }

    #[test]
    fn the_static_band_is_used_last() {
        let range = range("10.0.0.0/25");
        let mut occupied = Occupancy::default();
        let dynamic = fill(&range, &mut occupied, 110);
        let lowest: IpAddr = "10.0.0.17".parse().unwrap();
        assert!(dynamic.iter().all(|a| *a >= lowest));
        let fixed = fill(&range, &mut occupied, 16);
        assert!(fixed.iter().all(|a| *a < lowest));
        assert_eq!(range.pick(&occupied, 0), Pick::Full);
    }

    #[test]
    fn the_one_free_address_is_found_from_every_start() {
        let range = range("10.0.0.0/16");
        let mut occupied = Occupancy::default();
        fill(&range, &mut occupied, 65534);
        for gap in [
            "10.0.0.1",
            "10.0.1.0",
            "10.0.1.1",
            "10.0.128.0",
            "10.0.255.254",
        ] {
            let gap: IpAddr = gap.parse().unwrap();
            occupied.remove_address(gap);
            for seed in [0, 1, 63, 64, 4095, 4096, u64::MAX] {
                assert_eq!(range.pick(&occupied, seed), Pick::Free(gap));
            }
            occupied.insert_address(gap);
        }
    }

    #[test]
    fn a_wide_range_costs_only_what_is_taken() {
        let range = range("fd00::/64");
        let mut occupied = Occupancy::default();
        assert_eq!(fill(&range, &mut occupied, 100).len(), 100);
        assert_eq!(range.count(&occupied), 100);
    }

    #[test]
    fn ports_are_picked_above_the_static_band_first() {
        let ports = PortRange {
            first: 30000,
            last: 32767,
        };
        let mut occupied = Occupancy::default();
        for i in 0..2768u64 {
            let Pick::Free(port) =
                pick_port(ports, &occupied, i.wrapping_mul(0x9E37_79B9_7F4A_7C15))
            else {
                panic!("full after {i}");
            };
            assert_eq!(port >= 30086, i < 2682, "pick {i} is {port}");
            occupied.insert_port(port);
        }
        assert_eq!(pick_port(ports, &occupied, 3), Pick::Full);
    }
}
