//! Whether claims and Services agree. They are written together, so they do; unless rows were changed by hand, or a
//! backup was put together of parts. An audit mends nothing by itself (decision 20).
//!
//! The reasons are the words that Kubernetes uses for the same discrepancies, as far as it has one.

mod discrepancy;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use portolan_model::{ClaimOwner, Claimed, Family, Service, State};

pub use discrepancy::{Discrepancy, DiscrepancyReason, Remedy};

/// Everything that does not fit, in order of addresses, then of ports.
pub fn audit(state: &State) -> Vec<Discrepancy> {
    let mut discrepancies = Vec::new();
    addresses(state, &mut discrepancies);
    ports(state, &mut discrepancies);
    discrepancies
}

/// Whom a claim names, if it is held.
type Holder<'a> = Option<&'a ClaimOwner>;

/// The reasons of one kind of claim.
struct Words {
    unclaimed: DiscrepancyReason,
    duplicate: DiscrepancyReason,
    orphan: DiscrepancyReason,
    misnamed: DiscrepancyReason,
}

fn addresses(state: &State, discrepancies: &mut Vec<Discrepancy>) {
    let ranges = state.service_ranges();
    let mut used: BTreeMap<Claimed, Vec<&Arc<Service>>> = BTreeMap::new();
    for service in state.services_after(None, None) {
        for (i, address) in service.spec.cluster_ips.addresses().iter().enumerate() {
            let claimed = Claimed::Address(*address);
            let family = service.spec.families.get(i);
            if !is_valid(*address) || family.is_none_or(|f| *f != Family::of(*address)) {
                discrepancies.push(Discrepancy::of(
                    DiscrepancyReason::ClusterIPNotValid,
                    claimed,
                    service,
                    "is no address of the family it is listed for; delete the Service and create it again",
                ));
            } else if !ranges.iter().any(|range| range.is_usable(*address)) {
                discrepancies.push(Discrepancy::of(
                    DiscrepancyReason::ClusterIPOutOfRange,
                    claimed,
                    service,
                    "lies in no ServiceCIDR; add a range around it, or delete the Service and create it again",
                ));
            }
            used.entry(claimed).or_default().push(service);
        }
    }
    let words = Words {
        unclaimed: DiscrepancyReason::ClusterIPNotAllocated,
        duplicate: DiscrepancyReason::ClusterIPAlreadyAllocated,
        orphan: DiscrepancyReason::IPAddressNotAllocated,
        misnamed: DiscrepancyReason::IPAddressWrongReference,
    };
    let held = state.ip_claims().filter(|claim| claim.state.is_held());
    let held = held.map(|claim| (Claimed::Address(claim.address), &claim.owner));
    compare(&used, &held.collect(), &words, discrepancies);
}

fn ports(state: &State, discrepancies: &mut Vec<Discrepancy>) {
    let range = state.cluster().map(|cluster| cluster.spec.node_ports);
    let mut used: BTreeMap<Claimed, Vec<&Arc<Service>>> = BTreeMap::new();
    for service in state.services_after(None, None) {
        let (numbers, twice) = numbers(service);
        for port in &numbers {
            let claimed = Claimed::Port(*port);
            if range.is_some_and(|range| !range.contains(*port)) {
                discrepancies.push(Discrepancy::of(
                    DiscrepancyReason::PortOutOfRange,
                    claimed,
                    service,
                    "lies outside the cluster's node ports; widen the range, or have the Service take another one",
                ));
            }
            used.entry(claimed).or_default().push(service);
        }
        for port in twice {
            discrepancies.push(Discrepancy::of(
                DiscrepancyReason::PortAlreadyAllocated,
                Claimed::Port(port),
                service,
                "is there twice in the Service; have one of its ports take another one",
            ));
        }
    }
    let words = Words {
        unclaimed: DiscrepancyReason::PortNotAllocated,
        duplicate: DiscrepancyReason::PortAlreadyAllocated,
        orphan: DiscrepancyReason::PortLeaked,
        misnamed: DiscrepancyReason::PortWrongReference,
    };
    let held = state.port_claims().filter(|claim| claim.state.is_held());
    let held = held.map(|claim| (Claimed::Port(claim.port), &claim.owner));
    compare(&used, &held.collect(), &words, discrepancies);
}

/// The node ports of a Service, and those that it has twice. One number for two protocols is one port.
fn numbers(service: &Service) -> (BTreeSet<u16>, BTreeSet<u16>) {
    let spec = &service.spec;
    let (mut all, mut pairs, mut twice) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for port in &spec.ports {
        if let Some(number) = port.node_port {
            all.insert(number);
            if !pairs.insert((port.protocol, number)) {
                twice.insert(number);
            }
        }
    }
    if let Some(number) = spec.health_check_node_port
        && !all.insert(number)
    {
        twice.insert(number);
    }
    (all, twice)
}

/// What Services use against what is held.
fn compare(
    used: &BTreeMap<Claimed, Vec<&Arc<Service>>>,
    held: &BTreeMap<Claimed, &ClaimOwner>,
    words: &Words,
    discrepancies: &mut Vec<Discrepancy>,
) {
    for (claimed, services) in used {
        let holder = held.get(claimed).copied();
        let keeper = keeper(services, holder);
        for other in services.iter().filter(|s| s.meta.uid != keeper.meta.uid) {
            let message = format!(
                "belongs to Service {}; delete this Service and create it again",
                keeper.key()
            );
            discrepancies.push(Discrepancy::of(words.duplicate, *claimed, other, &message));
        }
        discrepancies.extend(of_keeper(*claimed, keeper, holder, words));
    }
    for (claimed, owner) in held {
        if !used.contains_key(claimed) {
            discrepancies.push(Discrepancy {
                reason: words.orphan,
                claimed: *claimed,
                service: owner.key(),
                message: format!(
                    "{claimed} is claimed for Service {}, which does not have it",
                    owner.key()
                ),
                remedy: Remedy::Release(owner.uid),
                repaired: false,
            });
        }
    }
}

/// Who keeps what several have: the one that the claim names, else the oldest.
fn keeper<'a>(services: &[&'a Arc<Service>], holder: Holder<'_>) -> &'a Arc<Service> {
    let named = services
        .iter()
        .find(|s| holder.is_some_and(|holder| holder.uid == s.meta.uid));
    let oldest = || {
        services
            .iter()
            .min_by_key(|s| (s.meta.created_in, s.meta.uid))
    };
    named
        .or_else(oldest)
        .expect("an entry begins with a Service")
}

fn of_keeper(
    claimed: Claimed,
    keeper: &Service,
    holder: Holder<'_>,
    words: &Words,
) -> Option<Discrepancy> {
    let owner = ClaimOwner {
        uid: keeper.meta.uid,
        namespace: keeper.namespace.clone(),
        name: keeper.meta.name.clone(),
    };
    let (reason, message) = match holder {
        Some(holder) if *holder == owner => return None,
        Some(holder) => (
            words.misnamed,
            format!("is claimed in the name of {}", holder.key()),
        ),
        None => (words.unclaimed, "is not claimed".to_owned()),
    };
    Some(Discrepancy {
        remedy: Remedy::Claim(owner),
        ..Discrepancy::of(reason, claimed, keeper, &message)
    })
}

/// Loopback addresses are none of the invalid ones: `portolan dev` takes its range from 127.0.0.0/8.
fn is_valid(address: IpAddr) -> bool {
    !(address.is_unspecified() || address.is_multicast())
}
