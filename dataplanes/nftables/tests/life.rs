//! A plugin's life beside others: restarts, audits, refusals.

mod common;

use std::net::SocketAddr;
use std::sync::Arc;

use common::world::{PORT, World, tcp_from};
use common::{Node, environment};
use portolan_dataplane::testing::{backend, frontend, frontend_key as key, node_state, pool, tcp};
use portolan_dataplane::{Environment, Frontend, NodeState, RejectionCode};
use portolan_model::Protocol;
use portolan_model::view::{Reach, WhenEmpty};

fn here() -> Environment {
    environment(
        &["10.1.0.0/16", "fd01::/16"],
        &["10.96.0.0/16", "fd96::/112"],
        &["192.0.2.1"],
    )
}

/// With so many backends of the IPv4 or IPv6 family.
fn with(count: u8, six: bool) -> Frontend {
    let address = |last: u8| -> SocketAddr {
        let text = if six {
            format!("[fd01::{last}]:80")
        } else {
            format!("10.1.9.{last}:80")
        };
        text.parse().expect("an address")
    };
    let backends: Vec<_> = (1..=count)
        .map(|last| backend(last, address(last)))
        .collect();
    frontend(1, &backends)
}

/// Everything that a frontend can be.
fn rich() -> NodeState {
    let mut weighted = with(3, false);
    weighted.pool.backends[1].weight = 50;
    let mut affine = with(4, true);
    affine.affinity_seconds = 10_800;
    let mut local = with(1, false);
    local.reach = Reach::External;
    local.pool.when_empty = WhenEmpty::Drop;
    local.inside = Some(Box::new(pool(&with(5, false).pool.backends)));
    local.affinity_seconds = 11;
    let mut guarded = with(2, false);
    guarded.reach = Reach::External;
    let ranges = ["198.51.100.0/24", "10.0.0.0/8", "192.0.2.0/30"];
    guarded.source_ranges = ranges
        .iter()
        .map(|range| range.parse().expect("a range"))
        .collect();
    let mut silent = with(0, false);
    silent.pool.when_empty = WhenEmpty::Drop;
    silent.service.port = String::new();
    node_state([
        (tcp("10.96.0.1", 80), weighted),
        (tcp("fd96::1", 443), affine),
        (tcp("203.0.113.1", 80), local),
        (tcp("203.0.113.2", 80), guarded),
        (tcp("10.96.0.2", 80), silent),
        (key("10.96.0.1", 53, Protocol::Udp), with(200, false)),
        (key("10.96.0.1", 80, Protocol::Sctp), with(1, false)),
    ])
}

/// Whether a new process finds exactly this and has nothing to write.
fn assert_whole(node: &mut Node, desired: &NodeState, name: &str) {
    let before = node.generation();
    node.restart(&here());
    assert_eq!(&node.observe(), desired, "{name}");
    assert_eq!(node.carry(desired).rejected, [], "{name}");
    assert_eq!(node.generation(), before, "{name}: nothing was written");
    assert_eq!(node.counter("elements_repaired_total"), 0, "{name}");
}

#[test]
fn a_restart_adopts_everything_and_writes_nothing() {
    let mut node = Node::new(&here());
    assert_whole(&mut node, &NodeState::new(), "no Services");
    let desired = rich();
    node.carry_all(&desired);
    assert_whole(&mut node, &desired, "Services of every kind");
    node.carry_all(&NodeState::new());
    assert_whole(&mut node, &NodeState::new(), "no Services any more");
}

#[test]
fn what_others_do_elsewhere_lists_nothing_and_what_they_do_to_ours_is_put_right() {
    let mut node = Node::new(&here());
    let desired = rich();
    node.carry_all(&desired);
    let audits = node.counter("audits_total");
    for _ in 0..3 {
        assert_eq!(node.observe(), desired);
    }
    assert_eq!(node.counter("audits_total"), audits, "nobody did anything");
    for (name, script) in [
        ("somebody else's table", "add table ip others"),
        ("classes deleted", "flush map ip portolan frontends"),
        (
            "one backend deleted",
            "delete element ip portolan backends { 10.96.0.1 . sctp . 80 . none }",
        ),
        (
            "a stranger in a set",
            "add element ip portolan hairpin { 192.0.2.77 . 192.0.2.77 }",
        ),
        (
            "a stranger's frontend",
            "add element ip portolan frontends { 10.96.0.9 . tcp . 9 : 0:2 }",
        ),
        ("ranges deleted", "flush set ip portolan unmasked"),
        ("source ranges deleted", "flush set ip portolan allowed"),
        ("a chain emptied", "flush chain ip portolan services"),
        ("a rule added", "insert rule ip portolan services drop"),
        ("a chain added", "add chain ip6 portolan strange"),
        ("a constant map emptied", "flush map ip portolan kinds"),
        ("one table deleted", "delete table ip6 portolan"),
        ("everything deleted", "flush ruleset"),
    ] {
        node.namespace.nft(script);
        assert_eq!(node.observe(), desired, "{name}");
        assert_whole(&mut node, &desired, name);
    }
}

/// A change meets a table that is not there any more: it is loaded again, and the change happens.
#[test]
fn a_change_right_after_somebody_deleted_everything_happens() {
    let mut node = Node::new(&here());
    let mut desired = rich();
    node.carry_all(&desired);
    let observed = node.observe();
    node.namespace.nft("flush ruleset");
    desired.insert(tcp("10.96.0.77", 80), with(2, false).into());
    assert_eq!(node.carry_from(&observed, &desired).rejected, []);
    assert_whole(&mut node, &desired, "after the change");
}

#[test]
fn another_layout_under_our_name_is_replaced_in_one_transaction() {
    let mut node = Node::new(&here());
    node.cleanup();
    node.namespace.nft(
        "table ip portolan {
            map frontends { type ipv4_addr : verdict; elements = { 10.96.0.1 : goto old }; }
            chain old { drop; }
            chain prerouting { type nat hook prerouting priority -100; ip daddr vmap @frontends; }
        }",
    );
    node.restart(&here());
    assert!(
        node.namespace.nft("list ruleset").contains("chain old"),
        "it forwards until then"
    );
    let (before, desired) = (node.generation(), rich());
    node.carry_all(&desired);
    // One for all of it, one for the ranges in which what is left belongs to nobody.
    assert_eq!(node.generation(), before + 2);
    assert!(!node.namespace.nft("list ruleset").contains("chain old"));
    assert_whole(&mut node, &desired, "afterwards");
}

#[test]
fn what_the_kernel_refuses_is_found_and_stops_nobody_else() {
    let mut node = Node::new(&here());
    let mut desired = node_state((0..300).map(|n| (tcp("10.96.1.1", 1000 + n), with(2, false))));
    let bad = tcp("10.96.1.1", 1150);
    node.carry_all(&node_state([(bad, with(1, false))]));
    // The kernel keeps 256 bytes of userdata for an element.
    let refused = desired.get_mut(&bad).expect("it is there");
    Arc::make_mut(refused).service.port = "x".repeat(215);
    let rejected = node.carry(&desired).rejected;
    assert_eq!(
        rejected
            .iter()
            .map(|rejected| rejected.key)
            .collect::<Vec<_>>(),
        [bad]
    );
    assert_eq!(rejected[0].code, RejectionCode::Internal);
    assert!(
        rejected[0].message.contains("map frontends") || rejected[0].message.contains("frontends"),
        "{}",
        rejected[0].message
    );
    let mut observed = desired.clone();
    observed.insert(bad, with(1, false).into());
    assert_eq!(node.observe(), observed, "its last good version stays");
    let mut stranger = with(1, true);
    stranger.service.port = "six".to_owned();
    desired.insert(bad, stranger.into());
    let rejected = node.carry(&desired).rejected;
    assert_eq!(
        rejected[0].code,
        RejectionCode::InvalidObject,
        "IPv6 behind IPv4"
    );
    desired.insert(bad, with(1, false).into());
    node.carry_all(&desired);
    assert_whole(&mut node, &desired, "all good");
}

#[test]
fn pools_grow_and_shrink_beyond_a_transaction() {
    let mut node = Node::new(&here());
    for count in [3, 100, 101, 60, 0, 40, 2] {
        for affinity_seconds in [0, 60] {
            let mut wanted = with(count, false);
            wanted.affinity_seconds = affinity_seconds;
            let desired = node_state([(tcp("10.96.0.1", 80), wanted)]);
            node.carry_all(&desired);
            assert_whole(
                &mut node,
                &desired,
                &format!("{count} backends, {affinity_seconds} s"),
            );
        }
    }
}

#[test]
fn a_client_keeps_its_backend_over_restarts_audits_and_new_backends() {
    let mut world = World::new(&here());
    let with = |numbers: &[u8]| {
        let at = |n: &u8| {
            backend(
                *n,
                format!("10.1.{n}.2:{PORT}").parse().expect("an address"),
            )
        };
        let mut frontend = frontend(1, &numbers.iter().map(at).collect::<Vec<_>>());
        frontend.affinity_seconds = 600;
        node_state([(tcp("10.96.0.1", 80), frontend)])
    };
    world.node.carry_all(&with(&[1, 2]));
    let first = tcp_from(&world.pod, "10.96.0.1:80");
    let assert_stays = |world: &World, whom: &str, step: &str| {
        for _ in 0..15 {
            assert_eq!(tcp_from(&world.pod, "10.96.0.1:80"), whom, "{step}");
        }
    };
    assert_stays(&world, &first, "at first");
    world.node.restart(&here());
    world.node.carry_all(&with(&[1, 2]));
    assert_stays(&world, &first, "after a restart");
    world.node.namespace.nft("flush map ip portolan backends");
    world.node.carry_all(&with(&[1, 2]));
    assert_stays(&world, &first, "after an audit");
    let (own, other) = if first.starts_with("b1") {
        (1, 2)
    } else {
        (2, 1)
    };
    world.node.carry_all(&with(&[other]));
    let second = tcp_from(&world.pod, "10.96.0.1:80");
    assert_ne!(second, first, "its backend is gone");
    world
        .node
        .carry_all(&with(&[own.min(other), own.max(other)]));
    assert_stays(
        &world,
        &second,
        "it moved once, also when the first is back",
    );
}
