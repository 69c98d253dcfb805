//! Addresses and ports: one owner each, given and taken by the rules.

use std::collections::{BTreeMap, BTreeSet};

use portolan_allocator::{Action, ClaimsAction, ClusterAction, Params, Put, ServiceAction, audit};
use portolan_model::alloc::{ServiceRange, port_band, top_level};
use portolan_model::{
    Change, ClaimOwner, ClaimState, Claimed, Object, Scoped, ServiceSpec, State, Uid, Violations,
};

/// I10, I11, I14: who has something holds it, who holds it has it, and the set that is picked from knows.
pub(crate) fn check(state: &State) {
    let mut used: BTreeMap<Claimed, Uid> = BTreeMap::new();
    for service in state.services_after(None, None) {
        let spec = &service.spec;
        let addresses = spec.cluster_ips.addresses().iter().copied();
        let ports = spec.ports.iter().filter_map(|port| port.node_port);
        let ports: BTreeSet<_> = ports.chain(spec.health_check_node_port).collect();
        let addresses = addresses.map(Claimed::Address);
        for claimed in addresses.chain(ports.into_iter().map(Claimed::Port)) {
            let other = used.insert(claimed, service.meta.uid);
            assert_eq!(other, None, "{claimed} has two owners");
        }
    }
    let mut held = BTreeMap::new();
    for object in state.objects() {
        if let Some((claimed, owner, claim)) = claim(&object) {
            if claim.is_held() {
                held.insert(claimed, owner.uid);
            } else {
                assert!(!used.contains_key(&claimed), "{claimed} is used and waits");
            }
        }
    }
    assert_eq!(used, held);
    // Out of range is what ranges that go while Services stay would leave; they don't.
    assert_eq!(audit(state), []);
    for range in state.service_ranges() {
        let claims = state.ip_claims().filter(|c| range.is_usable(c.address));
        let counted = range.count(state.occupied_addresses());
        assert_eq!(counted, claims.count() as u64, "{}", range.net());
    }
}

/// A claim goes from hand to hand only by the rules (I13), and is picked where there is room for that (I16).
pub(crate) fn check_change(state: &State, action: &Action, change: &Change) {
    let (before, after) = (change.before.as_ref(), change.after.as_ref());
    let (before, after) = (before.and_then(claim), after.and_then(claim));
    let Some((claimed, ..)) = before.or(after) else {
        return;
    };
    match (before.map(|b| (b.1, b.2)), after.map(|a| (a.1, a.2))) {
        (None, Some((owner, ClaimState::Held))) => {
            if !is_asked(state, action, owner, claimed) {
                check_pick(state, claimed);
            }
        }
        (Some((from, ClaimState::Quarantined { .. })), Some((to, ClaimState::Held))) => {
            assert_eq!(from.key(), to.key(), "{claimed} is taken up by its own");
            assert!(is_asked(state, action, to, claimed), "{claimed} was picked");
        }
        (Some((from, ClaimState::Held)), Some((to, ClaimState::Quarantined { .. }))) => {
            assert_eq!(from, to, "{claimed} is released by its own");
            assert!(state.node_count() > 0);
        }
        (Some((_, ClaimState::Held)), None) => {
            let ends = matches!(action, Action::Cluster(ClusterAction::Delete { .. }));
            assert!(ends || state.node_count() == 0, "{claimed} must wait");
        }
        (Some((_, ClaimState::Quarantined { .. })), None) => assert!(
            matches!(
                action,
                Action::Claims(ClaimsAction::Release { .. })
                    | Action::Cluster(ClusterAction::Delete { .. })
            ),
            "{claimed} is freed only by those who know"
        ),
        other => panic!("{claimed}: {other:?}"),
    }
}

fn claim(object: &Object) -> Option<(Claimed, &ClaimOwner, &ClaimState)> {
    match object {
        Object::IpClaim(c) => Some((Claimed::Address(c.address), &c.owner, &c.state)),
        Object::PortClaim(c) => Some((Claimed::Port(c.port), &c.owner, &c.state)),
        _ => None,
    }
}

/// Whether the request names it.
pub(crate) fn is_asked(
    state: &State,
    action: &Action,
    owner: &ClaimOwner,
    claimed: Claimed,
) -> bool {
    match action {
        Action::Service(ServiceAction::Put { key, put }) => {
            *key == owner.key() && names(&wanted(state, key, put).spec, claimed)
        }
        Action::Service(ServiceAction::CreateAll(list)) => list
            .iter()
            .any(|new| new.key == owner.key() && names(&new.params.spec, claimed)),
        _ => false,
    }
}

/// What is left out of an update of a Service that is there, it has already.
fn wanted(state: &State, key: &Scoped, put: &Put<ServiceSpec>) -> Params<ServiceSpec> {
    match put {
        Put::Create(params) => params.clone(),
        Put::Update { update, .. } => {
            let stored = state.service(key);
            let stored = stored.map(|stored| Params::of(&stored.meta, &stored.spec));
            let wrong = &mut Violations::new();
            update.merge.wanted(stored.as_ref(), wrong)
        }
    }
}

fn names(spec: &ServiceSpec, claimed: Claimed) -> bool {
    match claimed {
        Claimed::Address(address) => spec.cluster_ips.addresses().contains(&address),
        Claimed::Port(port) => {
            let mut ports = spec.ports.iter().filter_map(|port| port.node_port);
            spec.health_check_node_port == Some(port) || ports.any(|p| p == port)
        }
    }
}

/// From a range that is ready, and from the lower band only if all the rest is taken.
fn check_pick(state: &State, claimed: Claimed) {
    match claimed {
        Claimed::Address(address) => {
            let ranges = top_level(&state.ready_ranges());
            let home = ranges.iter().find(|range| range.is_usable(address));
            let home = home.unwrap_or_else(|| panic!("{address} is in no ready range"));
            if !home.is_dynamic(address) {
                let same = |range: &&ServiceRange| range.family() == home.family();
                let occupied = state.occupied_addresses();
                let room = ranges.iter().filter(same).map(|r| r.dynamic_free(occupied));
                assert_eq!(room.sum::<u64>(), 0, "{address} is of the static band");
            }
        }
        Claimed::Port(port) => {
            let range = state.cluster().expect("a cluster").spec.node_ports;
            assert!(range.contains(port), "{port}");
            let dynamic = u32::from(range.first) + port_band(range.size());
            if u32::from(port) < dynamic {
                let mut rest =
                    (dynamic..=u32::from(range.last)).filter_map(|p| u16::try_from(p).ok());
                assert!(rest.all(|p| state.port_claim(p).is_some()), "{port}");
            }
        }
    }
}
