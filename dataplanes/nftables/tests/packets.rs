//! Real packets between network namespaces.

mod common;

use std::collections::BTreeSet;

use common::environment;
use common::world::{PORT, World, connect, tcp_from, udp_from};
use portolan_dataplane::testing::{backend, frontend, frontend_key as key, node_state, pool, tcp};
use portolan_dataplane::{Backend, Environment, Frontend, NodeState};
use portolan_model::Protocol;
use portolan_model::view::{Reach, WhenEmpty};
use portolan_nftables::Options;

fn here() -> Environment {
    environment(
        &["10.1.0.0/16", "fd01::/16"],
        &["10.96.0.0/16", "fd96::/112"],
        &["192.0.2.1"],
    )
}

/// The backends b1, b2, by number.
fn at(numbers: &[u8]) -> Vec<Backend> {
    let one = |number: &u8| {
        backend(
            *number,
            format!("10.1.{number}.2:{PORT}")
                .parse()
                .expect("an address"),
        )
    };
    numbers.iter().map(one).collect()
}

fn external(mut frontend: Frontend) -> Frontend {
    frontend.reach = Reach::External;
    frontend
}

/// External with a Local policy: these for sources outside, those for sources inside.
fn local(outside: &[u8], inside: &[u8]) -> Frontend {
    let mut frontend = external(frontend(1, &at(outside)));
    frontend.pool.when_empty = WhenEmpty::Drop;
    frontend.inside = Some(Box::new(pool(&at(inside))));
    frontend
}

/// Every answer of so many connections, without doubles.
fn answers(world: &World, from: &str, to: &str) -> BTreeSet<String> {
    (0..24)
        .map(|_| tcp_from(world.namespace(from), to))
        .collect()
}

fn set(texts: &[&str]) -> BTreeSet<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

const CLUSTER_IP: &str = "10.96.0.1:80";
const NODE_PORT: &str = "192.0.2.1:30080";
const BALANCER: &str = "203.0.113.5:80";

/// The node's address towards b1 and b2, the pod's, the address outside: what backends see.
const NODE: [&str; 2] = ["b1 10.1.1.1", "b2 10.1.2.1"];
const POD: [&str; 2] = ["b1 10.1.3.2", "b2 10.1.3.2"];
const OUTSIDE: [&str; 2] = ["b1 192.0.2.2", "b2 192.0.2.2"];

/// From where, and who answers at `ClusterIP`, node port and load balancer.
type Row = (&'static str, [&'static [&'static str]; 3]);

/// The 27 flows by policy. `b1` runs here, `b2` stands for another node's.
fn matrix() -> Vec<(&'static str, NodeState, [Row; 3])> {
    let both = || frontend(1, &at(&[1, 2]));
    let three = |cluster: Frontend, external: &Frontend| {
        let external_at = |address, port| (tcp(address, port), external.clone());
        node_state([
            (tcp("10.96.0.1", 80), cluster),
            external_at("192.0.2.1", 30_080),
            external_at("203.0.113.5", 80),
        ])
    };
    let (own_node, own_outside): (&[&str], &[&str]) = (&NODE[..1], &OUTSIDE[..1]);
    vec![
        (
            "default",
            three(both(), &external(both())),
            [
                ("pod", [&POD, &NODE, &NODE]),
                ("node", [&NODE, &NODE, &NODE]),
                ("outside", [&NODE, &NODE, &NODE]),
            ],
        ),
        (
            "external Local",
            three(both(), &local(&[1], &[1, 2])),
            [
                ("pod", [&POD, &POD, &POD]),
                ("node", [&NODE, &NODE, &NODE]),
                ("outside", [&NODE, own_outside, own_outside]),
            ],
        ),
        (
            "internal Local",
            three(frontend(1, &at(&[1])), &external(both())),
            [
                ("pod", [&POD[..1], &NODE, &NODE]),
                ("node", [own_node, &NODE, &NODE]),
                ("outside", [own_node, &NODE, &NODE]),
            ],
        ),
    ]
}

#[test]
fn policies_decide_backends_and_source_addresses() {
    let mut world = World::new(&here());
    for (policy, desired, rows) in matrix() {
        world.node.carry_all(&desired);
        for (from, wanted) in rows {
            for (to, wanted) in [CLUSTER_IP, NODE_PORT, BALANCER].into_iter().zip(wanted) {
                assert_eq!(
                    answers(&world, from, to),
                    set(wanted),
                    "{policy}: {from} to {to}"
                );
            }
        }
    }

    world
        .node
        .configure(&environment(&[], &["10.96.0.0/16"], &["192.0.2.1"]));
    for (from, wanted) in [("pod", &POD[..1]), ("outside", &OUTSIDE[..1])] {
        let answers = answers(&world, from, CLUSTER_IP);
        assert_eq!(answers, set(wanted), "workloads unknown: {from}");
    }
    world.node.carry_all(&node_state([(
        tcp("203.0.113.5", 80),
        local(&[1], &[1, 2]),
    )]));
    let answers = answers(&world, "pod", BALANCER);
    assert_eq!(answers, set(&POD[..1]), "workloads unknown: as if outside");
}

/// In a network where answers do not come back by themselves.
#[test]
fn workloads_can_be_masqueraded_towards_a_cluster_ip() {
    let mut world = World::new(&here());
    world.node.restart_with(
        Options {
            masquerade_all: true,
        },
        &here(),
    );
    world.node.carry_all(&node_state([(
        tcp("10.96.0.1", 80),
        frontend(1, &at(&[1])),
    )]));
    assert_eq!(tcp_from(&world.pod, CLUSTER_IP), NODE[0]);
}

#[test]
fn every_kind_of_traffic_reaches_its_service() {
    let mut world = World::new(&here());
    let udp = |address, port| key(address, port, Protocol::Udp);
    let six = |number: u8| {
        backend(
            number,
            format!("[fd01:{number}::2]:{PORT}").parse().unwrap(),
        )
    };
    let desired = node_state([
        (tcp("10.96.0.1", 80), frontend(1, &at(&[1]))),
        (udp("10.96.0.1", 80), frontend(1, &at(&[2]))),
        (tcp("fd96::1", 80), frontend(1, &[six(1)])),
        (udp("fd96::1", 80), frontend(1, &[six(2)])),
        (
            tcp("fd02::1", 30_080),
            external(frontend(1, &[six(1), six(2)])),
        ),
    ]);
    world.node.carry_all(&desired);
    for name in ["pod", "node", "outside", "b1", "b2"] {
        let from = world.namespace(name);
        for (to, tcp, udp) in [(CLUSTER_IP, "b1 ", "b2 "), ("[fd96::1]:80", "b1 ", "b2 ")] {
            let (by_tcp, by_udp) = (tcp_from(from, to), udp_from(from, to));
            assert!(by_tcp.starts_with(tcp), "{name} to {to} by TCP: {by_tcp}");
            assert!(by_udp.starts_with(udp), "{name} to {to} by UDP: {by_udp}");
        }
    }
    assert_eq!(
        answers(&world, "outside", "[fd02::1]:30080"),
        set(&["b1 fd01:1::1", "b2 fd01:2::1"])
    );
    assert_eq!(
        answers(&world, "pod", "[fd96::1]:80"),
        set(&["b1 fd01:3::2"])
    );
    assert_eq!(tcp_from(&world.b1, CLUSTER_IP), "b1 10.1.1.1", "hairpin");
    assert_eq!(
        tcp_from(&world.b1, "[fd96::1]:80"),
        "b1 fd01:1::1",
        "hairpin"
    );
}

#[test]
fn without_a_backend_clients_are_refused_or_hear_nothing() {
    let mut world = World::new(&here());
    let udp = |address, port| key(address, port, Protocol::Udp);
    let refusing = frontend(1, &[]);
    let desired = node_state([
        (tcp("10.96.0.1", 80), refusing.clone()),
        (udp("10.96.0.1", 80), refusing.clone()),
        (tcp("fd96::1", 80), refusing.clone()),
        (tcp("203.0.113.5", 80), external(refusing)),
    ]);
    world.node.carry_all(&desired);
    for name in ["pod", "node", "outside"] {
        let from = world.namespace(name);
        // What a process sends is refused before it leaves, so sendto(2) itself fails.
        let refused = if name == "node" {
            "Operation not permitted (os error 1)"
        } else {
            "refused"
        };
        for to in [CLUSTER_IP, "[fd96::1]:80", BALANCER] {
            assert_eq!(tcp_from(from, to), "refused", "{name}: {to}");
        }
        assert_eq!(udp_from(from, CLUSTER_IP), refused, "{name}: UDP");
        let other_port = "10.96.0.1:81";
        assert_eq!(
            tcp_from(from, other_port),
            "refused",
            "{name}: another port of a live address"
        );
        assert_eq!(
            udp_from(from, other_port),
            refused,
            "{name}: another port of a live address"
        );
        assert_eq!(
            tcp_from(from, "10.96.7.7:80"),
            "silence",
            "{name}: an address of nobody"
        );
    }
    world.node.carry_all(&NodeState::new());
    assert_eq!(
        tcp_from(&world.pod, CLUSTER_IP),
        "silence",
        "a removed Service is an address of nobody"
    );
}

#[test]
fn backends_elsewhere_mean_silence_and_none_at_all_a_refusal() {
    let mut world = World::new(&here());
    world
        .node
        .carry_all(&node_state([(tcp("203.0.113.6", 80), local(&[], &[2]))]));
    assert_eq!(
        tcp_from(&world.outside, "203.0.113.6:80"),
        "silence",
        "backends elsewhere"
    );
    assert_eq!(
        tcp_from(&world.pod, "203.0.113.6:80"),
        "b2 10.1.3.2",
        "inside they are reached"
    );
    // The last backend elsewhere goes: refused, too.
    let mut gone = local(&[], &[]);
    gone.pool.when_empty = WhenEmpty::Reject;
    world
        .node
        .carry_all(&node_state([(tcp("203.0.113.6", 80), gone)]));
    for from in ["pod", "outside"] {
        assert_eq!(
            tcp_from(world.namespace(from), "203.0.113.6:80"),
            "refused",
            "{from}"
        );
    }
}

#[test]
fn established_connections_outlive_everything() {
    let mut world = World::new(&here());
    let frontend_of =
        |numbers: &[u8]| node_state([(tcp("10.96.0.1", 80), frontend(1, &at(numbers)))]);
    world.node.carry_all(&frontend_of(&[1]));
    let mut old = connect(&world.pod, CLUSTER_IP).unwrap();
    assert_eq!(old.ask(), "b1 10.1.3.2");
    for (step, desired) in [
        ("replaced", frontend_of(&[2])),
        ("empty", frontend_of(&[])),
        ("removed", NodeState::new()),
    ] {
        world.node.carry_all(&desired);
        assert_eq!(old.ask(), "b1 10.1.3.2", "{step}");
    }
    world.node.carry_all(&frontend_of(&[2]));
    assert_eq!(answers(&world, "pod", CLUSTER_IP), set(&["b2 10.1.3.2"]));
    world.node.restart(&here());
    assert_eq!(old.ask(), "b1 10.1.3.2", "restarted");
}

/// Loading NAT starts connection tracking in the middle of flows: a program that knows the address must not take them.
#[test]
fn a_connection_that_was_there_before_is_not_hijacked() {
    let mut world = World::new(&here());
    world.node.cleanup();
    // The address is b2's own at first, as it would be with another dataplane.
    world.b2.ip("addr add 10.96.0.1/32 dev lo");
    world
        .node
        .namespace
        .ip("route add 10.96.0.1/32 via 10.1.2.2");
    let to = format!("10.96.0.1:{PORT}");
    let mut old = connect(&world.pod, &to).unwrap();
    assert_eq!(old.ask(), "b2 10.1.3.2");
    let desired = node_state([(tcp("10.96.0.1", PORT), frontend(1, &at(&[1])))]);
    world.node.carry_all(&desired);
    for _ in 0..3 {
        assert_eq!(old.ask(), "b2 10.1.3.2", "the old one stays where it is");
    }
    assert_eq!(
        tcp_from(&world.pod, &to),
        "b1 10.1.3.2",
        "new ones are ours"
    );
}

/// A load balancer for these ranges, and the same Service's node port and `ClusterIP`, which are not guarded.
fn guarded(ranges: &[&str], mut balancer: Frontend) -> NodeState {
    let range = |range: &&str| range.parse().expect("a range");
    balancer.source_ranges = ranges.iter().map(range).collect();
    let plain = frontend(1, &at(&[1]));
    node_state([
        (tcp("203.0.113.5", 80), balancer),
        (tcp("192.0.2.1", 30_080), external(plain.clone())),
        (tcp("10.96.0.1", 80), plain),
    ])
}

/// Name, ranges, whether the policy is Local, and whether outside, pod and node may.
const GUARDED: [(&str, &[&str], bool, [bool; 3]); 6] = [
    ("a client", &["192.0.2.2/32"], false, [true, false, false]),
    ("others", &["198.51.100.0/24"], false, [false, false, false]),
    ("workloads", &["10.1.3.0/24"], false, [false, true, false]),
    ("the node", &["192.0.2.1/32"], false, [false, false, true]),
    (
        "overlapping",
        &["10.0.0.0/8", "10.1.3.0/24", "192.0.2.0/30"],
        false,
        [true, true, true],
    ),
    ("Local", &["192.0.2.2/32"], true, [true, false, false]),
];

#[test]
fn source_ranges_say_who_may() {
    let mut world = World::new(&here());
    let balancer = |is_local| {
        if is_local {
            local(&[1], &[1])
        } else {
            external(frontend(1, &at(&[1])))
        }
    };
    for (name, ranges, is_local, may) in GUARDED {
        world.node.carry_all(&guarded(ranges, balancer(is_local)));
        for (from, may) in ["outside", "pod", "node"].into_iter().zip(may) {
            let answer = tcp_from(world.namespace(from), BALANCER);
            let wanted = if may { "b1 " } else { "silence" };
            assert!(answer.starts_with(wanted), "{name}: {from}: {answer}");
            for to in [NODE_PORT, CLUSTER_IP] {
                let around = tcp_from(world.namespace(from), to);
                assert!(
                    around.starts_with("b1 "),
                    "{name}: {from}: {to} is not guarded: {around}"
                );
            }
        }
    }
    // The address is local to the node, which then comes from that very address.
    world.node.namespace.ip("addr add 203.0.113.5/32 dev lo");
    for (name, range, wanted) in [
        ("the node", "192.0.2.1/32", "b1 "),
        ("others", "198.51.100.0/24", "silence"),
    ] {
        world.node.carry_all(&guarded(&[range], balancer(false)));
        let answer = tcp_from(&world.node.namespace, BALANCER);
        assert!(answer.starts_with(wanted), "{name}: {answer}");
    }
}
