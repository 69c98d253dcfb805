//! What a restarted plugin takes for proven, and what it looks at again.

mod common;

use std::net::SocketAddr;

use common::{Node, environment};
use portolan_dataplane::testing::{backend, frontend, node_state, tcp};
use portolan_dataplane::{Environment, Frontend, NodeState};
use portolan_model::view::Reach;

fn here(own: &str) -> Environment {
    environment(&["10.1.0.0/16"], &["10.96.0.0/16", "fd96::/112"], &[own])
}

fn with(count: u8) -> Frontend {
    let backends: Vec<_> = (1..=count)
        .map(|last| backend(last, SocketAddr::from(([10, 1, 9, last], 80))))
        .collect();
    frontend(1, &backends)
}

/// Services that share backends and addresses; one that asks who its clients are.
fn some() -> NodeState {
    let mut affine = with(3);
    affine.affinity_seconds = 60;
    let mut guarded = with(2);
    guarded.reach = Reach::External;
    guarded.source_ranges = vec!["192.0.2.0/24".parse().expect("a range")];
    node_state([
        (tcp("10.96.0.1", 80), with(2)),
        (tcp("10.96.0.1", 81), affine),
        (tcp("10.96.0.2", 80), with(0)),
        (tcp("203.0.113.1", 80), guarded),
    ])
}

/// Restarts with this in mind; whether everything was listed.
fn lists(node: &mut Node, own: &str, remembered: &NodeState) -> bool {
    node.restart_remembering(&here(own), remembered);
    node.observe();
    node.counter("read_backs_total") == 1
}

/// Whether what the kernel has, listed anew, is exactly this.
fn assert_stands(node: &mut Node, desired: &NodeState, name: &str) {
    let before = node.generation();
    node.restart(&here("192.0.2.1"));
    assert_eq!(&node.observe(), desired, "{name}");
    assert_eq!(node.counter("elements_repaired_total"), 0, "{name}");
    assert_eq!(node.generation(), before, "{name}");
}

#[test]
fn what_is_remembered_and_stands_is_not_listed() {
    let mut node = Node::new(&here("192.0.2.1"));
    let mut desired = some();
    for (name, count) in [
        ("loaded", None),
        ("changed", Some(1)),
        ("many slots", Some(60)),
        ("none", Some(0)),
    ] {
        if let Some(count) = count {
            desired.insert(tcp("10.96.0.1", 80), with(count).into());
        }
        node.carry_all(&desired);
        let before = node.generation();
        assert!(!lists(&mut node, "192.0.2.1", &desired), "{name}");
        assert_eq!(node.observe(), desired, "{name}");
        assert_eq!(node.carry(&desired).rejected, [], "{name}");
        assert_eq!(node.generation(), before, "{name}: nothing was written");
        assert_stands(&mut node, &desired, name);
    }
    desired.clear();
    node.carry_all(&desired);
    assert!(!lists(&mut node, "192.0.2.1", &desired), "no Services");
}

#[test]
fn what_does_not_stand_is_not_believed() {
    let mut node = Node::new(&here("192.0.2.1"));
    let desired = some();
    node.carry_all(&desired);
    let mut other = desired.clone();
    other.insert(tcp("10.96.0.1", 80), with(3).into());
    let mut more = desired.clone();
    more.insert(tcp("10.96.0.3", 80), with(1).into());
    let mut less = desired.clone();
    less.remove(&tcp("10.96.0.2", 80));
    let mut unfit = desired.clone();
    unfit.insert(tcp("fd96::1", 80), with(1).into());
    let rows = [
        ("another pool", other, true),
        ("one too many", more, true),
        ("one too few", less, true),
        ("nothing", NodeState::new(), true),
        ("one that is rejected anyway", unfit, false),
    ];
    for (name, remembered, listed) in rows {
        assert_eq!(lists(&mut node, "192.0.2.1", &remembered), listed, "{name}");
        assert_eq!(node.observe(), desired, "{name}");
        assert_stands(&mut node, &desired, name);
    }
}

#[test]
fn whatever_somebody_commits_breaks_the_seal() {
    let mut node = Node::new(&here("192.0.2.1"));
    let desired = some();
    for (name, script) in [
        ("somebody else's table", "add table ip others"),
        ("a backend deleted", "flush map ip portolan backends"),
        (
            "a stranger in a set",
            "add element ip portolan hairpin { 192.0.2.77 . 192.0.2.77 }",
        ),
        ("ranges deleted", "flush set ip portolan unmasked"),
        ("the seal deleted", "flush set ip portolan seal"),
        ("a second seal", "add element ip portolan seal { 0:1 }"),
    ] {
        node.restart(&here("192.0.2.1"));
        node.carry_all(&desired);
        // The last transaction is ours, whatever the row before left.
        node.carry_all(&NodeState::new());
        node.carry_all(&desired);
        node.namespace.nft(script);
        assert!(lists(&mut node, "192.0.2.1", &desired), "{name}");
        node.carry_all(&desired);
        assert_stands(&mut node, &desired, name);
    }
}

/// The number that is told beforehand is too low then, and stays so until everything was compared.
#[test]
fn what_comes_between_our_transactions_breaks_the_seal_until_an_audit() {
    let mut node = Node::new(&here("192.0.2.1"));
    let mut desired = some();
    node.carry_all(&desired);
    for count in [1, 3] {
        let observed = node.observe();
        if count == 1 {
            node.namespace
                .nft("add element ip portolan cluster_ips { 10.96.0.77 }");
        }
        desired.insert(tcp("10.96.0.1", 80), with(count).into());
        assert_eq!(node.carry_from(&observed, &desired).rejected, []);
        let audited = count == 3;
        assert_eq!(!lists(&mut node, "192.0.2.1", &desired), audited, "{count}");
        node.carry_all(&desired);
        assert_stands(&mut node, &desired, "afterwards");
    }
}

/// What a frontend becomes depends on whose the node's addresses are.
#[test]
fn what_would_be_written_otherwise_now_is_listed_and_put_right() {
    let mut node = Node::new(&here("192.0.2.1"));
    let desired = some();
    node.carry_all(&desired);
    assert!(
        lists(&mut node, "198.51.100.1", &desired),
        "another address"
    );
    node.carry_all(&desired);
    assert!(!lists(&mut node, "198.51.100.1", &desired));
}
