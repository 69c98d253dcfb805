//! Elements that follow from where the node is rather than from Services: ranges of addresses.

use std::collections::BTreeMap;

use ipnet::IpNet;
use portolan_dataplane::Environment;
use portolan_netlink::nftables::{Batch, Element, Family, intervals};

use crate::{Entry, FAMILIES, ServiceSets, SetName};

/// The elements of each set of ranges.
pub type Ranges<S> = BTreeMap<(Family, S), Vec<Element>>;

/// What the program should know of the node. Addresses of nobody are dropped only if `guarded`.
pub fn ranges<S: ServiceSets>(
    environment: &Environment,
    masquerade_all: bool,
    guarded: bool,
) -> Ranges<S> {
    let mut ranges = Ranges::new();
    for of in FAMILIES {
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
            (S::SERVICE_CIDRS, guarded),
            (S::WORKLOADS, workloads),
            (S::UNMASKED, unmasked),
        ] {
            ranges.insert((of, set), intervals(&nets));
        }
    }
    ranges
}

/// The ranges among elements that were listed; a set without any is there, too.
pub(crate) fn listed<S: ServiceSets>(entries: Vec<Entry<S>>) -> Ranges<S> {
    let mut listed = Ranges::new();
    for family in FAMILIES {
        for set in S::OF_ENVIRONMENT {
            listed.insert((family, set), Vec::new());
        }
    }
    for entry in entries {
        let at = listed.entry((entry.family, entry.set)).or_default();
        at.push(entry.element);
    }
    listed
}

/// The transaction that replaces the ranges which are others now.
pub fn change_of_ranges<S: SetName>(old: &Ranges<S>, new: &Ranges<S>) -> Batch {
    let mut batch = Batch::new();
    for ((family, set), elements) in new {
        if old.get(&(*family, *set)) != Some(elements) {
            batch.flush_set((*family, S::TABLE), set.as_str());
            batch.add_elements((*family, S::TABLE), set.as_str(), elements);
        }
    }
    batch
}

fn own_family(nets: &[IpNet], of: Family) -> Vec<IpNet> {
    nets.iter()
        .copied()
        .filter(|net| Family::from(net.addr()) == of)
        .collect()
}

fn everything(of: Family) -> IpNet {
    match of {
        Family::V4 => IpNet::V4(ipnet::Ipv4Net::default()),
        Family::V6 => IpNet::V6(ipnet::Ipv6Net::default()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::set_name::testing::Name;

    fn nets(texts: &[&str]) -> Vec<IpNet> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
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
                ranges[&(Family::V4, Name::Unmasked)].len(),
                wanted,
                "{name}"
            );
        }
    }
}
