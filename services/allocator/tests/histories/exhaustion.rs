//! I12: who is told that everything is taken could not have been served, and gets the exact counts.

use std::net::IpAddr;

use portolan_allocator::{Action, ServiceAction};
use portolan_model::alloc::ServiceRange;
use portolan_model::{Family, Reason, Refusal, State};

/// Counts everything anew, address by address.
pub(crate) fn check(state: &State, action: &Action, refusal: &Refusal) {
    let Refusal::Exhausted {
        reason,
        subject,
        used,
        quarantined,
        capacity,
        ..
    } = refusal
    else {
        return;
    };
    if *reason == Reason::QuotaExceeded {
        return;
    }
    assert_eq!(used + quarantined, *capacity, "all of {subject} is taken");
    let wanted = match action {
        Action::Service(ServiceAction::Put { .. }) => 1,
        Action::Service(ServiceAction::CreateAll(list)) => list.len(),
        other => panic!("{other:?} takes nothing"),
    };
    let count = |n: usize| u64::try_from(n).expect("few");
    if *reason == Reason::NodePortExhausted {
        let range = state.cluster().expect("a cluster").spec.node_ports;
        let free = (range.first..=range.last).filter(|p| state.port_claim(*p).is_none());
        // At most three ports, and one for health checks.
        assert!(count(free.count()) < 4 * count(wanted), "{subject}");
        assert_eq!(*capacity, u64::from(range.size()));
        let waiting = state.quarantined_ports().filter(|c| range.contains(c.port));
        assert!(*quarantined <= count(waiting.count()));
        return;
    }
    let v6 = subject.contains(':') || subject == "IPv6";
    let family = if v6 { Family::V6 } else { Family::V4 };
    let ranges: Vec<_> = state
        .ready_ranges()
        .into_iter()
        .filter(|range| range.family() == family)
        .collect();
    let all = usable(&ranges);
    assert_eq!(*capacity, count(all.len()), "{subject}");
    let free = all.iter().filter(|a| state.ip_claim(**a).is_none()).count();
    assert!(free < wanted, "{free} of {subject} are free");
    let waiting = state
        .quarantined_addresses()
        .filter(|c| all.contains(&c.address));
    assert!(*quarantined <= count(waiting.count()));
}

fn usable(ranges: &[ServiceRange]) -> std::collections::BTreeSet<IpAddr> {
    let hosts = ranges
        .iter()
        .flat_map(|range| range.net().hosts().map(|a| (*range, a)));
    let hosts = hosts.chain(ranges.iter().map(|range| (*range, range.net().network())));
    let all = hosts.chain(ranges.iter().map(|range| (*range, range.net().broadcast())));
    all.filter(|(range, a)| range.is_usable(*a))
        .map(|(_, a)| a)
        .collect()
}
