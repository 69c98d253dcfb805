//! The program in the kernel: what `nft` shows, its shape, its manners towards others.

mod common;

use std::sync::Arc;

use std::net::SocketAddr;

use common::{Node, environment};
use portolan_dataplane::testing::{backend, frontend, node_state, tcp};
use portolan_dataplane::{Environment, NodeState};
use portolan_nftables::{Family, text};

fn some(count: u16, address: &str) -> NodeState {
    let backends = [1, 2].map(|last| backend(last, SocketAddr::from(([10, 0, 0, last], 8080))));
    node_state((0..count).map(|n| (tcp(address, 1000 + n), frontend(1, &backends))))
}

/// The whole table as `nft` shows it; without the elements that Services and clients change.
fn shape(node: &Node) -> String {
    let list = |family| {
        node.namespace
            .run(&["nft", "-s", "-t", "list", "table", family, "portolan"])
    };
    list("ip") + &list("ip6")
}

#[test]
fn nft_lists_what_dump_prints() {
    let node = Node::new(&Environment::default());
    for (family, name) in [(Family::V4, "ip"), (Family::V6, "ip6")] {
        let listed = node
            .namespace
            .run(&["nft", "-s", "-t", "list", "table", name, "portolan"]);
        for (ours, theirs) in text(family).lines().zip(listed.lines()) {
            assert_eq!(ours, theirs);
        }
        assert_eq!(text(family), listed);
    }
}

/// The figure that the design rests on: programming stays linear, since nothing is created but elements.
#[test]
fn the_shape_is_the_same_at_one_and_at_a_thousand_services() {
    let mut node = Node::new(&environment(
        &["10.0.0.0/8"],
        &["10.96.0.0/16"],
        &["192.0.2.1"],
    ));
    let count = |text: &str| {
        let starts = |word: &str| text.lines().filter(|line| line.starts_with(word)).count();
        (
            starts("\tchain "),
            starts("\tset ") + starts("\tmap "),
            text.lines().count(),
        )
    };
    node.carry_all(&some(1, "10.96.0.1"));
    let one = shape(&node);
    node.carry_all(&some(1000, "10.96.0.1"));
    let thousand = shape(&node);
    assert_eq!(count(&one), count(&thousand));
    assert_eq!(one, thousand);
    let (chains, sets, _) = count(&one);
    assert_eq!((chains, sets), (2 * 117, 14 + 15), "as README.md says");
}

#[test]
fn elements_are_listed_for_people() {
    let mut node = Node::new(&environment(&["10.0.0.0/8"], &["10.96.0.0/16"], &[]));
    let mut desired = some(1, "10.96.0.1");
    for frontend in desired.values_mut() {
        let frontend = Arc::make_mut(frontend);
        frontend.affinity_seconds = 10;
        frontend.source_ranges = vec!["192.0.2.0/24".parse().unwrap()];
    }
    node.carry_all(&desired);
    let text = node.namespace.nft("list table ip portolan");
    for wanted in [
        "10.96.0.1 . tcp . 1000 comment \"default/service-1:main\" : 0:2503",
        "10.96.0.1 . tcp . 1000 . 192.0.2.0/24",
        "10.0.0.1 . 8080",
        "0:1 : drop",
        "elements = { 10.96.0.0/16 }",
    ] {
        assert!(text.contains(wanted), "{wanted}: {text}");
    }
}

#[test]
fn what_is_not_ours_is_left_as_it_is() {
    let mut node = Node::new(&Environment::default());
    node.cleanup();
    let script = "table ip kube-proxy {
        map m { type ipv4_addr : verdict; elements = { 10.96.0.1 : goto c }; }
        chain c { counter drop; }
        chain p { type nat hook prerouting priority -100; ip daddr vmap @m; }
    }
    table inet portolan {
        set s { type inet_service; flags interval; elements = { 1-5 }; }
    }
    table ip6 others {
        chain out { type filter hook output priority 0; accept; }
    }";
    node.namespace.nft(script);
    let before = node.namespace.run(&["nft", "-a", "list", "ruleset"]);
    node.restart(&environment(
        &["10.0.0.0/8"],
        &["10.96.0.0/16"],
        &["192.0.2.1"],
    ));
    node.carry_all(&some(3, "10.96.0.1"));
    node.carry_all(&some(1, "10.96.0.1"));
    let others = |text: &str| {
        let ours = ["table ip portolan {", "table ip6 portolan {"];
        let tables = text.split_inclusive("\n}\n");
        let others =
            tables.filter(|table| !ours.iter().any(|ours| table.trim_start().starts_with(ours)));
        others.collect::<String>()
    };
    assert_eq!(
        others(&node.namespace.run(&["nft", "-a", "list", "ruleset"])),
        before
    );
    node.carry_all(&NodeState::new());
    node.cleanup();
    assert_eq!(
        node.namespace.run(&["nft", "-a", "list", "ruleset"]),
        before
    );
}
