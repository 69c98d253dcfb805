//! Elements that follow from where the node is rather than from Services: ranges of addresses.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnet::IpNet;
use portolan_dataplane::Environment;
use portolan_netlink::nftables::{Element, Family};

use crate::entry::{family, octets};
use crate::program::SetName;

/// The elements of each set of ranges.
pub(crate) type Ranges = BTreeMap<(Family, SetName), Vec<Element>>;

/// What the program should know of the node. Addresses of nobody are dropped only if `guarded`.
pub(crate) fn ranges(environment: &Environment, masquerade_all: bool, guarded: bool) -> Ranges {
    let mut ranges = Ranges::new();
    for of in [Family::V4, Family::V6] {
        let workloads = own_family(&environment.workload_ranges, of);
        // Without ranges nobody can be told from a workload, so nobody's address is replaced.
        let unmasked = match (masquerade_all, workloads.is_empty()) {
            (true, _) => Vec::new(),
            (false, true) => vec![everything(of)],
            (false, false) => workloads.clone(),
        };
        let guarded = if guarded {
            own_family(&environment.service_cidrs, of)
        } else {
            Vec::new()
        };
        for (set, nets) in [
            (SetName::ServiceCidrs, guarded),
            (SetName::Workloads, workloads),
            (SetName::Unmasked, unmasked),
        ] {
            ranges.insert((of, set), elements(&nets));
        }
    }
    ranges
}

fn own_family(nets: &[IpNet], of: Family) -> Vec<IpNet> {
    nets.iter()
        .copied()
        .filter(|net| family(net.addr()) == of)
        .collect()
}

fn everything(of: Family) -> IpNet {
    match of {
        Family::V4 => IpNet::V4(ipnet::Ipv4Net::default()),
        Family::V6 => IpNet::V6(ipnet::Ipv6Net::default()),
    }
}

/// The first address of each range, and the first behind it; in order.
fn elements(nets: &[IpNet]) -> Vec<Element> {
    let element = |address: IpAddr, interval_end| Element {
        key: octets(address),
        interval_end,
        ..Element::default()
    };
    let mut elements: Vec<_> = IpNet::aggregate(&nets.to_vec())
        .iter()
        .flat_map(|net| {
            let first = element(net.network(), false);
            let end = behind(net.broadcast()).map(|end| element(end, true));
            [Some(first), end].into_iter().flatten()
        })
        .collect();
    elements.sort_unstable();
    // Where one range ends and another begins the kernel takes both; aggregated ones have a gap between them.
    elements
}

fn behind(last: IpAddr) -> Option<IpAddr> {
    match last {
        IpAddr::V4(last) => u32::from(last)
            .checked_add(1)
            .map(|next| IpAddr::V4(next.into())),
        IpAddr::V6(last) => u128::from(last)
            .checked_add(1)
            .map(|next| IpAddr::V6(next.into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nets(texts: &[&str]) -> Vec<IpNet> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn ranges_are_disjoint_and_their_ends_marked() {
        for (name, texts, wanted) in [
            ("one", &["10.0.0.0/8"][..], &["10.0.0.0", "<11.0.0.0"][..]),
            (
                "one within another",
                &["10.0.0.0/8", "10.1.0.0/16"],
                &["10.0.0.0", "<11.0.0.0"],
            ),
            (
                "neighbours",
                &["10.0.0.0/9", "10.128.0.0/9"],
                &["10.0.0.0", "<11.0.0.0"],
            ),
            ("to the end", &["255.0.0.0/8"], &["255.0.0.0"]),
            ("everything", &["0.0.0.0/0"], &["0.0.0.0"]),
        ] {
            let texts = elements(&nets(texts)).into_iter().map(|element| {
                let key: [u8; 4] = element.key.try_into().unwrap();
                let end = if element.interval_end { "<" } else { "" };
                format!("{end}{}", IpAddr::from(key))
            });
            assert_eq!(texts.collect::<Vec<_>>(), wanted, "{name}");
        }
    }

    #[test]
    fn whose_address_is_kept_depends_on_whether_workloads_are_known() {
        let environment = |workloads: &[&str]| Environment {
            workload_ranges: nets(workloads),
            ..Environment::default()
        };
        for (name, workloads, all, wanted) in [
            ("known", &["10.0.0.0/8"][..], false, 2),
            ("unknown: everybody's", &[], false, 1),
            ("all masqueraded: nobody's", &["10.0.0.0/8"], true, 0),
        ] {
            let ranges = ranges(&environment(workloads), all, true);
            assert_eq!(
                ranges[&(Family::V4, SetName::Unmasked)].len(),
                wanted,
                "{name}"
            );
        }
    }
}
