//! Whether claims and Services agree. They are written together, so they do; unless rows were changed by hand, or a
//! backup was put together of parts. An audit mends nothing by itself (decision 20).
//!
//! The reasons are the words that Kubernetes uses for the same findings, as far as it has one.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use portolan_model::{ClaimOwner, Claimed, Family, Scoped, Service, State, Uid};

/// How claims and Services disagree.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FindingReason {
    /// A Service has an address that can be none, or is not of the family it is listed for.
    ClusterIPNotValid,
    /// A Service has an address outside all ranges.
    ClusterIPOutOfRange,
    /// A Service has an address that it holds no claim to.
    ClusterIPNotAllocated,
    /// A Service has an address that another one holds and has.
    ClusterIPAlreadyAllocated,
    /// An address is claimed for a Service that is gone, or does not have it.
    IPAddressNotAllocated,
    /// An address is claimed in the name of another than the Service that has it.
    IPAddressWrongReference,
    /// A Service has a node port outside the range.
    PortOutOfRange,
    /// A Service has a node port that it holds no claim to.
    PortNotAllocated,
    /// A Service has a node port that another one holds and has, or has it twice.
    PortAlreadyAllocated,
    /// A node port is claimed for a Service that is gone, or does not have it.
    PortLeaked,
    /// A node port is claimed in the name of another than the Service that has it.
    PortWrongReference,
}

impl FindingReason {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::ClusterIPNotValid,
        Self::ClusterIPOutOfRange,
        Self::ClusterIPNotAllocated,
        Self::ClusterIPAlreadyAllocated,
        Self::IPAddressNotAllocated,
        Self::IPAddressWrongReference,
        Self::PortOutOfRange,
        Self::PortNotAllocated,
        Self::PortAlreadyAllocated,
        Self::PortLeaked,
        Self::PortWrongReference,
    ];

    /// The word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ClusterIPNotValid => "ClusterIPNotValid",
            Self::ClusterIPOutOfRange => "ClusterIPOutOfRange",
            Self::ClusterIPNotAllocated => "ClusterIPNotAllocated",
            Self::ClusterIPAlreadyAllocated => "ClusterIPAlreadyAllocated",
            Self::IPAddressNotAllocated => "IPAddressNotAllocated",
            Self::IPAddressWrongReference => "IPAddressWrongReference",
            Self::PortOutOfRange => "PortOutOfRange",
            Self::PortNotAllocated => "PortNotAllocated",
            Self::PortAlreadyAllocated => "PortAlreadyAllocated",
            Self::PortLeaked => "PortLeaked",
            Self::PortWrongReference => "PortWrongReference",
        }
    }
}

/// Something that does not fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How.
    pub reason: FindingReason,
    /// The address or port.
    pub claimed: Claimed,
    /// The Service concerned; it may be gone.
    pub service: Scoped,
    /// What is wrong, and what helps.
    pub message: String,
    /// What a repair does about it.
    pub remedy: Remedy,
    /// A repair did it.
    pub repaired: bool,
}

/// What a repair does about a finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// Nothing: people have to.
    People,
    /// Writes the claim of this Service.
    Claim(ClaimOwner),
    /// Gives up the claim of this owner, once it is old enough to be nobody's work in progress.
    Release(Uid),
}

/// Everything that does not fit, in order of addresses, then of ports.
pub fn audit(state: &State) -> Vec<Finding> {
    let mut findings = Vec::new();
    addresses(state, &mut findings);
    ports(state, &mut findings);
    findings
}

/// Whom a claim names, if it is held.
type Holder<'a> = Option<&'a ClaimOwner>;

/// The reasons of one kind of claim.
struct Words {
    unclaimed: FindingReason,
    duplicate: FindingReason,
    orphan: FindingReason,
    misnamed: FindingReason,
}

fn addresses(state: &State, findings: &mut Vec<Finding>) {
    let ranges = state.service_ranges();
    let mut used: BTreeMap<Claimed, Vec<&Arc<Service>>> = BTreeMap::new();
    for service in state.services_after(None, None) {
        for (i, address) in service.spec.cluster_ips.addresses().iter().enumerate() {
            let claimed = Claimed::Address(*address);
            let family = service.spec.families.get(i);
            if !is_valid(*address) || family.is_none_or(|f| *f != Family::of(*address)) {
                findings.push(Finding::of(
                    FindingReason::ClusterIPNotValid,
                    claimed,
                    service,
                    "is no address of the family it is listed for; delete the Service and create it again",
                ));
            } else if !ranges.iter().any(|range| range.is_usable(*address)) {
                findings.push(Finding::of(
                    FindingReason::ClusterIPOutOfRange,
                    claimed,
                    service,
                    "lies in no ServiceCIDR; add a range around it, or delete the Service and create it again",
                ));
            }
            used.entry(claimed).or_default().push(service);
        }
    }
    let words = Words {
        unclaimed: FindingReason::ClusterIPNotAllocated,
        duplicate: FindingReason::ClusterIPAlreadyAllocated,
        orphan: FindingReason::IPAddressNotAllocated,
        misnamed: FindingReason::IPAddressWrongReference,
    };
    let held = state.ip_claims().filter(|claim| claim.state.is_held());
    let held = held.map(|claim| (Claimed::Address(claim.address), &claim.owner));
    compare(&used, &held.collect(), &words, findings);
}

fn ports(state: &State, findings: &mut Vec<Finding>) {
    let range = state.cluster().map(|cluster| cluster.spec.node_ports);
    let mut used: BTreeMap<Claimed, Vec<&Arc<Service>>> = BTreeMap::new();
    for service in state.services_after(None, None) {
        let (numbers, twice) = numbers(service);
        for port in &numbers {
            let claimed = Claimed::Port(*port);
            if range.is_some_and(|range| !range.contains(*port)) {
                findings.push(Finding::of(
                    FindingReason::PortOutOfRange,
                    claimed,
                    service,
                    "lies outside the cluster's node ports; widen the range, or have the Service take another one",
                ));
            }
            used.entry(claimed).or_default().push(service);
        }
        for port in twice {
            findings.push(Finding::of(
                FindingReason::PortAlreadyAllocated,
                Claimed::Port(port),
                service,
                "is there twice in the Service; have one of its ports take another one",
            ));
        }
    }
    let words = Words {
        unclaimed: FindingReason::PortNotAllocated,
        duplicate: FindingReason::PortAlreadyAllocated,
        orphan: FindingReason::PortLeaked,
        misnamed: FindingReason::PortWrongReference,
    };
    let held = state.port_claims().filter(|claim| claim.state.is_held());
    let held = held.map(|claim| (Claimed::Port(claim.port), &claim.owner));
    compare(&used, &held.collect(), &words, findings);
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
    findings: &mut Vec<Finding>,
) {
    for (claimed, services) in used {
        let holder = held.get(claimed).copied();
        let keeper = keeper(services, holder);
        for other in services.iter().filter(|s| s.meta.uid != keeper.meta.uid) {
            let message = format!(
                "belongs to Service {}; delete this Service and create it again",
                keeper.key()
            );
            findings.push(Finding::of(words.duplicate, *claimed, other, &message));
        }
        findings.extend(of_keeper(*claimed, keeper, holder, words));
    }
    for (claimed, owner) in held {
        if !used.contains_key(claimed) {
            findings.push(Finding {
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
) -> Option<Finding> {
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
    Some(Finding {
        remedy: Remedy::Claim(owner),
        ..Finding::of(reason, claimed, keeper, &message)
    })
}

/// Loopback addresses are none of the invalid ones: `portolan dev` takes its range from 127.0.0.0/8.
fn is_valid(address: IpAddr) -> bool {
    !(address.is_unspecified() || address.is_multicast())
}

impl Finding {
    /// One that people have to look after.
    fn of(reason: FindingReason, claimed: Claimed, service: &Service, what: &str) -> Self {
        Self {
            reason,
            claimed,
            service: service.key(),
            message: format!("{claimed} of Service {} {what}", service.key()),
            remedy: Remedy::People,
            repaired: false,
        }
    }
}
