//! How much is listed on a large node of a machine where others commit all the time.

mod common;

use std::net::SocketAddr;

use common::{Node, environment};
use portolan_dataplane::testing::{backend, frontend, node_state, tcp};
use portolan_dataplane::{Environment, NodeState};

fn here() -> Environment {
    environment(&["10.1.0.0/16"], &["10.96.0.0/16"], &["192.0.2.1"])
}

/// A pool whose slots alone are more than 50,000 elements, and less than 100,000.
fn large() -> NodeState {
    let backends: Vec<_> = (0..4)
        .flat_map(|high| (0..=250).map(move |low| [10, 1, high, low]))
        .map(|address| backend(address[3], SocketAddr::from((address, 80))))
        .collect();
    node_state([(tcp("10.96.0.1", 80), frontend(1, &backends))])
}

/// Somebody else's transaction, and an audit after it; whether everything was listed.
fn lists(node: &mut Node, script: &str) -> bool {
    node.namespace.nft(script);
    let before = node.counter("audits_total");
    node.observe();
    node.counter("audits_total") > before
}

const FOREIGN: &str = "add table ip others; delete table ip others";
const DRIFT: &str = "delete element ip portolan cluster_ips { 10.96.0.1 }";

#[test]
fn a_large_node_lists_every_other_time_and_still_puts_everything_right() {
    let mut node = Node::new(&here());
    let desired = large();
    node.carry_all(&desired);
    let listed: Vec<_> = (0..6).map(|_| lists(&mut node, FOREIGN)).collect();
    assert_eq!(listed, [true, false, true, false, true, false]);

    assert!(lists(&mut node, FOREIGN));
    assert!(!lists(&mut node, DRIFT), "it is put off by one audit");
    assert_eq!(node.counter("elements_repaired_total"), 0);
    node.restart_remembering(&here(), &desired);
    node.observe();
    let proof = "an audit that was put off proves nothing";
    assert_eq!(node.counter("read_backs_total"), 1, "{proof}");
}

#[test]
fn what_was_put_off_comes_without_another_disturbance_and_a_find_lists_again() {
    let mut node = Node::new(&here());
    let desired = large();
    node.carry_all(&desired);
    assert!(lists(&mut node, FOREIGN));
    assert!(!lists(&mut node, DRIFT));
    node.observe();
    assert_eq!(node.counter("elements_repaired_total"), 1);
    for _ in 0..2 {
        assert!(lists(&mut node, DRIFT), "somebody meddles");
    }
    assert_eq!(node.counter("elements_repaired_total"), 3);
}

#[test]
fn the_program_and_its_ranges_are_never_put_off() {
    let mut node = Node::new(&here());
    node.carry_all(&large());
    for (script, set) in [
        ("flush set ip portolan unmasked", "unmasked"),
        ("flush chain ip portolan services", "unmasked"),
        ("flush set ip portolan service_cidrs", "service_cidrs"),
    ] {
        assert!(lists(&mut node, FOREIGN), "{script}");
        let put_off = node.counter("audits_put_off_total");
        node.namespace.nft(script);
        node.observe();
        let reloaded = script.starts_with("flush chain");
        let expected = put_off + u64::from(!reloaded);
        assert_eq!(node.counter("audits_put_off_total"), expected, "{script}");
        let listed = node
            .namespace
            .run(&["nft", "list", "set", "ip", "portolan", set]);
        assert!(listed.contains("elements"), "{script}: {listed}");
    }
    assert_eq!(node.counter("program_reloads_total"), 1);
}
