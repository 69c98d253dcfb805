//! Claims that don't fit the Services: what is found, and what a repair does about it.

use portolan_model::{
    Change, ClaimOwner, ClaimState, Claimed, ClusterIps, IpClaim, Name, Object, PortClaim, Scoped,
    Service, Uid,
};

use super::world::{World, ip, node_port, scoped, with_address};
use crate::{Action, ClaimsAction, DiscrepancyReason, Remedy, audit};

/// A world with two Services, `a` at 10.96.0.1:30001 and `b` at 10.96.0.2:30002.
fn world() -> World {
    let mut world = World::usual();
    for (key, address, number) in [("a", "10.96.0.1", 30001), ("b", "10.96.0.2", 30002)] {
        let mut spec = node_port();
        spec.cluster_ips = with_address(address).cluster_ips;
        spec.ports[0].node_port = Some(number);
        world.create(key, spec).unwrap();
    }
    world
}

fn force(world: &mut World, before: Option<Object>, after: Option<Object>) {
    world.state.apply(&Change { before, after });
}

fn owner(service: &Service) -> ClaimOwner {
    ClaimOwner {
        uid: service.meta.uid,
        namespace: service.namespace.clone(),
        name: service.meta.name.clone(),
    }
}

fn get(world: &World, key: &str) -> Service {
    (**world.state.service(&scoped(key)).unwrap()).clone()
}

fn set(world: &mut World, key: &str, edit: impl FnOnce(&mut Service)) {
    let before = get(world, key);
    let mut after = before.clone();
    edit(&mut after);
    force(world, Some(before.into()), Some(after.into()));
}

fn claim_address(world: &mut World, address: &str, owner: Option<ClaimOwner>) {
    let before = world.state.ip_claim(ip(address)).cloned();
    let after = owner.map(|owner| IpClaim {
        address: ip(address),
        owner,
        state: ClaimState::Held,
    });
    force(world, before.map(Into::into), after.map(Into::into));
}

fn claim_port(world: &mut World, port: u16, owner: Option<ClaimOwner>) {
    let before = world.state.port_claim(port).cloned();
    let after = owner.map(|owner| PortClaim {
        port,
        owner,
        state: ClaimState::Held,
    });
    force(world, before.map(Into::into), after.map(Into::into));
}

fn stranger() -> ClaimOwner {
    ClaimOwner {
        uid: Uid::from_random(77),
        namespace: Name::trusted("default"),
        name: Name::trusted("gone"),
    }
}

type Case = (
    &'static str,
    fn(&mut World),
    &'static [(DiscrepancyReason, &'static str)],
    &'static [(DiscrepancyReason, &'static str)],
);

/// What is done, what is found, and what is left after a repair.
const CASES: &[Case] = {
    use DiscrepancyReason as R;
    &[
        ("all is well", |_| {}, &[], &[]),
        (
            "a missing claim of an address",
            |w| claim_address(w, "10.96.0.1", None),
            &[(R::ClusterIPNotAllocated, "a")],
            &[],
        ),
        (
            "an address claimed by its Service's old self",
            |w| {
                let owner = ClaimOwner {
                    uid: Uid::from_random(78),
                    ..owner(&get(w, "a"))
                };
                claim_address(w, "10.96.0.1", Some(owner));
            },
            &[(R::IPAddressWrongReference, "a")],
            &[],
        ),
        (
            "an address claimed in another name",
            |w| {
                let owner = ClaimOwner {
                    name: Name::trusted("other"),
                    ..owner(&get(w, "a"))
                };
                claim_address(w, "10.96.0.1", Some(owner));
            },
            &[(R::IPAddressWrongReference, "a")],
            &[],
        ),
        (
            "an address claimed for a Service that has another one",
            |w| {
                let owner = owner(&get(w, "b"));
                claim_address(w, "10.96.0.1", Some(owner));
            },
            &[(R::IPAddressWrongReference, "a")],
            &[],
        ),
        (
            "an old orphan",
            |w| claim_address(w, "10.96.0.9", Some(stranger())),
            &[(R::IPAddressNotAllocated, "gone")],
            &[],
        ),
        (
            "a young orphan",
            |w| claim_address(w, "10.96.0.10", Some(stranger())),
            &[(R::IPAddressNotAllocated, "gone")],
            &[(R::IPAddressNotAllocated, "gone")],
        ),
        (
            "two claims for one Service",
            |w| {
                let owner = owner(&get(w, "a"));
                claim_address(w, "10.96.0.9", Some(owner));
            },
            &[(R::IPAddressNotAllocated, "a")],
            &[],
        ),
        (
            "two Services with one address",
            |w| {
                let twice = with_address("10.96.0.1").cluster_ips;
                set(w, "b", |b| b.spec.cluster_ips = twice);
                claim_address(w, "10.96.0.2", None);
            },
            &[(R::ClusterIPAlreadyAllocated, "b")],
            &[(R::ClusterIPAlreadyAllocated, "b")],
        ),
        (
            "an address outside all ranges, and one at an edge",
            |w| {
                for (key, held, address) in [
                    ("a", "10.96.0.1", "10.99.0.1"),
                    ("b", "10.96.0.2", "10.96.0.0"),
                ] {
                    let elsewhere = with_address(address).cluster_ips;
                    set(w, key, |service| service.spec.cluster_ips = elsewhere);
                    claim_address(w, held, None);
                    let owner = owner(&get(w, key));
                    claim_address(w, address, Some(owner));
                }
            },
            &[(R::ClusterIPOutOfRange, "a"), (R::ClusterIPOutOfRange, "b")],
            &[(R::ClusterIPOutOfRange, "a"), (R::ClusterIPOutOfRange, "b")],
        ),
        (
            "an address of another family",
            |w| {
                set(w, "a", |a| {
                    a.spec.cluster_ips = ClusterIps::Addresses(vec![ip("fd00::1")]);
                });
                claim_address(w, "10.96.0.1", None);
                let owner = owner(&get(w, "a"));
                claim_address(w, "fd00::1", Some(owner));
            },
            &[(R::ClusterIPNotValid, "a")],
            &[(R::ClusterIPNotValid, "a")],
        ),
        (
            "a missing claim of a port",
            |w| claim_port(w, 30001, None),
            &[(R::PortNotAllocated, "a")],
            &[],
        ),
        (
            "a leaked port",
            |w| claim_port(w, 30009, Some(stranger())),
            &[(R::PortLeaked, "gone")],
            &[],
        ),
        (
            "a port claimed for a Service that is gone",
            |w| claim_port(w, 30001, Some(stranger())),
            &[(R::PortWrongReference, "a")],
            &[],
        ),
        (
            "two Services with one port",
            |w| {
                set(w, "b", |b| b.spec.ports[0].node_port = Some(30001));
                claim_port(w, 30002, None);
            },
            &[(R::PortAlreadyAllocated, "b")],
            &[(R::PortAlreadyAllocated, "b")],
        ),
        (
            "one number for two protocols of a Service",
            |w| {
                set(w, "a", |a| {
                    let mut twin = a.spec.ports[0].clone();
                    twin.protocol = portolan_model::Protocol::Udp;
                    a.spec.ports.push(twin);
                });
            },
            &[],
            &[],
        ),
        (
            "one number twice for one protocol",
            |w| {
                set(w, "a", |a| {
                    let twin = a.spec.ports[0].clone();
                    a.spec.ports.push(twin);
                });
            },
            &[(R::PortAlreadyAllocated, "a")],
            &[(R::PortAlreadyAllocated, "a")],
        ),
        (
            "a health-check port that is a node port of its Service",
            |w| set(w, "a", |a| a.spec.health_check_node_port = Some(30001)),
            &[(R::PortAlreadyAllocated, "a")],
            &[(R::PortAlreadyAllocated, "a")],
        ),
        (
            "a port outside the range",
            |w| {
                set(w, "a", |a| a.spec.ports[0].node_port = Some(29000));
                claim_port(w, 30001, None);
                let owner = owner(&get(w, "a"));
                claim_port(w, 29000, Some(owner));
            },
            &[(R::PortOutOfRange, "a")],
            &[(R::PortOutOfRange, "a")],
        ),
    ]
};

fn found(world: &World) -> Vec<(DiscrepancyReason, Scoped)> {
    let findings = audit(&world.state).into_iter();
    findings.map(|f| (f.reason, f.service)).collect()
}

fn expected(list: &[(DiscrepancyReason, &str)]) -> Vec<(DiscrepancyReason, Scoped)> {
    let list = list.iter();
    list.map(|(reason, key)| (*reason, scoped(key))).collect()
}

#[test]
fn what_does_not_fit_is_found_and_repaired_as_far_as_it_can_be() {
    for (what, harm, before, after) in CASES {
        let mut world = world();
        harm(&mut world);
        assert_eq!(found(&world), expected(before), "{what}");
        let services: Vec<_> = world.state.services_after(None, None).cloned().collect();
        // 10.96.0.10 counts as young.
        let old = |claimed: &Claimed| *claimed != Claimed::Address(ip("10.96.0.10"));
        let orphans = audit(&world.state)
            .into_iter()
            .filter_map(|f| match f.remedy {
                Remedy::Release(owner) => Some((f.claimed, owner)).filter(|_| old(&f.claimed)),
                _ => None,
            });
        let orphans = orphans.collect();
        let action = Action::Claims(ClaimsAction::Repair { orphans });
        let outcome = world.run(action).unwrap();
        let open = outcome.discrepancies.iter().filter(|f| !f.repaired).count();
        assert_eq!(
            (outcome.discrepancies.len(), open),
            (before.len(), after.len()),
            "{what}"
        );
        assert_eq!(found(&world), expected(after), "{what}: after the repair");
        let now: Vec<_> = world.state.services_after(None, None).cloned().collect();
        assert_eq!(now, services, "{what}: Services stay as they are");
    }
}
