//! Addresses and node ports.

use std::collections::BTreeSet;

use portolan_model::{Claimed, Protocol, Refusal, Revision, ServicePort, ServiceSpec};

use super::world::{
    World, cluster_ip, ip, node_port, port, reason, revision, scoped, with_address,
};
use crate::{Action, ClaimsAction, ServiceCidrAction, Verb};

#[test]
fn an_address_that_is_not_asked_for_comes_from_the_upper_band() {
    let mut world = World::usual();
    let service = world.create("web", cluster_ip()).unwrap();
    let address = service.spec.cluster_ips.addresses()[0];
    assert!(address > ip("10.96.1.0"), "{address}");
    assert_eq!(
        world.state.ip_claim(address).unwrap().owner.uid,
        service.meta.uid
    );
}

#[test]
fn an_address_that_is_asked_for_is_given_or_refused_with_the_reason() {
    let mut world = World::usual();
    world.create("holder", with_address("10.96.0.10")).unwrap();
    for (case, address, expected) in [
        ("in the lower band", "10.96.0.11", None),
        ("in the upper band", "10.96.200.1", None),
        ("held by another", "10.96.0.10", Some("CLUSTER_IP_IN_USE")),
        ("outside", "10.97.0.1", Some("RANGE")),
        ("network address", "10.96.0.0", Some("RANGE")),
        ("broadcast address", "10.96.255.255", Some("RANGE")),
        (
            "of another family",
            "fd00::1",
            Some("FAMILY_NOT_CONFIGURED"),
        ),
    ] {
        let before = world.state.digest();
        let result = world.create("wants", with_address(address));
        assert_eq!(result.as_ref().err().map(reason), expected, "{case}");
        if result.is_ok() {
            world.delete("wants").unwrap();
        } else {
            assert_eq!(
                world.state.digest(),
                before,
                "{case}: a refusal changes nothing"
            );
        }
    }
    let refusal = world
        .create("wants", with_address("10.96.0.10"))
        .unwrap_err();
    assert!(refusal.to_string().contains("default/holder"), "{refusal}");
}

#[test]
fn a_full_range_is_told_with_exact_counts() {
    let mut world = World::new("10.0.0.0/29", (30000, 32767));
    for i in 0..6 {
        world.create(&format!("s{i}"), cluster_ip()).unwrap();
    }
    let Refusal::Exhausted {
        used,
        quarantined,
        capacity,
        ..
    } = world.create("late", cluster_ip()).unwrap_err()
    else {
        panic!("not exhausted");
    };
    assert_eq!((used, quarantined, capacity), (6, 0, 6));
    world.delete("s3").unwrap();
    world.create("late", cluster_ip()).unwrap();
}

#[test]
fn a_node_port_that_fails_takes_the_address_back() {
    let mut world = World::new("10.96.0.0/16", (30000, 30000));
    world.create("first", node_port()).unwrap();
    let before = world.state.digest();
    assert_eq!(
        reason(&world.create("second", node_port()).unwrap_err()),
        "NODE_PORT_EXHAUSTED"
    );
    assert_eq!(world.state.digest(), before);
}

fn udp(mut port: ServicePort) -> ServicePort {
    port.protocol = Protocol::Udp;
    port
}

fn asking(mut port: ServicePort, number: u16) -> ServicePort {
    port.node_port = Some(number);
    port
}

fn ports(ports: Vec<ServicePort>) -> ServiceSpec {
    ServiceSpec {
        ports,
        ..node_port()
    }
}

fn numbers(spec: &ServiceSpec) -> Vec<u16> {
    spec.ports
        .iter()
        .map(|port| port.node_port.unwrap())
        .collect()
}

#[test]
fn tcp_and_udp_of_one_port_share_a_node_port() {
    let mut world = World::usual();
    let both = vec![port("a", 53), udp(port("b", 53))];
    let created = numbers(&world.create("dns", ports(both.clone())).unwrap().spec);
    assert_eq!(created[0], created[1], "on create");
    world.create("late", ports(vec![port("a", 53)])).unwrap();
    let updated = numbers(&world.apply("late", ports(both)).unwrap().spec);
    assert_eq!(updated[0], updated[1], "on update");
    let asked = vec![port("a", 53), asking(udp(port("b", 53)), 30500)];
    assert_eq!(
        numbers(&world.create("asks", ports(asked)).unwrap().spec),
        [30500, 30500],
        "the other one asks"
    );
}

#[test]
fn ports_that_are_asked_for_are_taken_before_others_are_picked() {
    for start in 0..20 {
        let mut world = World::new("10.96.0.0/16", (30000, 30001));
        for _ in 0..start {
            // Other seeds, other starting points.
            world.node(&format!("n{start}-{}", revision(&world)));
        }
        let spec = ports(vec![port("auto", 80), asking(port("fixed", 81), 30000)]);
        assert_eq!(
            numbers(&world.create("web", spec).unwrap().spec),
            [30001, 30000]
        );
    }
}

#[test]
fn a_port_keeps_its_number_by_its_name() {
    let mut world = World::usual();
    let first = numbers(
        &world
            .create("web", ports(vec![port("a", 80), port("b", 81)]))
            .unwrap()
            .spec,
    );
    let swapped = numbers(
        &world
            .apply("web", ports(vec![port("b", 81), port("a", 8080)]))
            .unwrap()
            .spec,
    );
    assert_eq!(
        swapped,
        [first[1], first[0]],
        "the order doesn't matter, and the number of the port doesn't"
    );
    let taken = vec![asking(port("new", 82), first[0]), port("a", 8080)];
    let moved = numbers(&world.apply("web", ports(taken)).unwrap().spec);
    assert_eq!(moved[0], first[0], "another entry asks for the number");
    assert_ne!(moved[1], first[0]);
}

#[test]
fn node_ports_have_one_owner_whatever_the_protocol() {
    let mut world = World::usual();
    world
        .create("holder", ports(vec![asking(port("", 80), 30080)]))
        .unwrap();
    for (case, spec, expected) in [
        (
            "same protocol",
            ports(vec![asking(port("", 80), 30080)]),
            "NODE_PORT_IN_USE",
        ),
        (
            "other protocol",
            ports(vec![asking(udp(port("", 80)), 30080)]),
            "NODE_PORT_IN_USE",
        ),
        (
            "outside the range",
            ports(vec![asking(port("", 80), 80)]),
            "RANGE",
        ),
    ] {
        let refusal = world.create("wants", spec).unwrap_err();
        assert_eq!(reason(&refusal), expected, "{case}");
    }
}

#[test]
fn everything_that_stands_in_the_way_is_told_at_once() {
    let mut world = World::usual();
    let spec = ServiceSpec {
        cluster_ips: with_address("10.96.0.10").cluster_ips,
        ..ports(vec![asking(port("", 80), 30080)])
    };
    world.create("holder", spec.clone()).unwrap();
    let Refusal::Precondition { preconditions, .. } = world.create("wants", spec).unwrap_err()
    else {
        panic!("another refusal");
    };
    let kinds: BTreeSet<_> = preconditions
        .iter()
        .map(|p| (p.kind.as_str(), p.subject.as_str()))
        .collect();
    let expected = [
        ("CLUSTER_IP_IN_USE", "service.spec.cluster_ips[0]"),
        ("NODE_PORT_IN_USE", "service.spec.ports[0].node_port"),
    ];
    assert_eq!(kinds, BTreeSet::from(expected));
}

#[test]
fn what_is_released_waits_for_registered_nodes() {
    let mut world = World::new("10.0.0.0/30", (30000, 30001));
    world.node("n1");
    let spec = ServiceSpec {
        kind: node_port().kind,
        ..with_address("10.0.0.1")
    };
    let spec = ServiceSpec {
        ports: vec![asking(port("", 80), 30000)],
        ..spec
    };
    world.create("old", spec.clone()).unwrap();
    world.delete("old").unwrap();
    let released = revision(&world);

    assert_eq!(
        world
            .create("other", cluster_ip())
            .unwrap()
            .spec
            .cluster_ips
            .addresses(),
        [ip("10.0.0.2")]
    );
    let Refusal::Exhausted {
        used, quarantined, ..
    } = world.create("third", cluster_ip()).unwrap_err()
    else {
        panic!("not exhausted");
    };
    assert_eq!((used, quarantined), (1, 1));
    let Refusal::Precondition { preconditions, .. } =
        world.create("thief", spec.clone()).unwrap_err()
    else {
        panic!("granted to another Service");
    };
    let kinds: Vec<_> = preconditions.iter().map(|p| p.kind.as_str()).collect();
    assert_eq!(kinds, ["ADDRESS_QUARANTINED", "NODE_PORT_QUARANTINED"]);

    world
        .create("old", spec.clone())
        .expect("the same name takes up where it was");
    world.delete("old").unwrap();
    let again = revision(&world);
    let free = |since| {
        Action::Claims(ClaimsAction::Release {
            claims: vec![
                (Claimed::Address(ip("10.0.0.1")), since),
                (Claimed::Port(30000), since),
            ],
        })
    };
    assert_eq!(
        world.run(free(released)).unwrap().verb,
        Verb::Unchanged,
        "an older release says nothing"
    );
    assert_eq!(world.run(free(again)).unwrap().verb, Verb::Configured);
    world.create("thief", spec).expect("free for everybody");
}

#[test]
fn without_nodes_there_is_no_wait() {
    let mut world = World::usual();
    world.create("old", with_address("10.96.0.10")).unwrap();
    world.delete("old").unwrap();
    assert!(world.state.ip_claim(ip("10.96.0.10")).is_none());
    world.create("new", with_address("10.96.0.10")).unwrap();
}

#[test]
fn an_added_range_is_used_when_the_first_is_full() {
    let mut world = World::new("10.0.0.0/30", (30000, 32767));
    world.create("a", cluster_ip()).unwrap();
    world.create("b", cluster_ip()).unwrap();
    let cidrs = vec!["10.1.0.0/30".parse().unwrap()];
    world
        .run(Action::ServiceCidr(ServiceCidrAction::Create {
            name: super::world::name("more"),
            cidrs,
        }))
        .unwrap();
    let address = world
        .create("c", cluster_ip())
        .unwrap()
        .spec
        .cluster_ips
        .addresses()[0];
    assert!(address >= ip("10.1.0.1"), "{address}");
    assert_eq!(
        world.state.service(&scoped("c")).unwrap().meta.revision,
        revision(&world)
    );
    assert!(revision(&world) > Revision(4));
}
