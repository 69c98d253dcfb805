//! What a change costs: counted, not timed.

use std::sync::Arc;

use portolan_dataplane::testing::{frontend_key as key, node_state};
use portolan_dataplane::{Frontend, FrontendKey, NodeState, Plan};
use portolan_ipvs::Options;
use portolan_model::Protocol;

use crate::node::{Node, with};

fn node() -> Node {
    Node::new(Options::default())
}

/// Service number N, at an address of its own.
fn at(number: usize, protocol: Protocol) -> FrontendKey {
    let [high, low] = u16::try_from(number).expect("a small number").to_be_bytes();
    key(&format!("10.96.{high}.{low}"), 80, protocol)
}

fn services(count: usize, protocol: Protocol) -> NodeState {
    let two = |number| (at(number, protocol), with(1, &[1, 2], false));
    node_state((0..count).map(two))
}

fn put(at: FrontendKey, frontend: Frontend) -> Plan {
    Plan {
        put: vec![(at, frontend.into())],
        ..Plan::default()
    }
}

/// Requests of IPVS, transactions of nftables, and listings of either.
fn counted(node: &Node) -> [u64; 3] {
    ["ipvs_writes_total", "transactions_total", "listings_total"].map(|name| node.counter(name))
}

/// What each of these changes adds to the counters among that many Services.
fn costs(count: usize, protocol: Protocol) -> Vec<(&'static str, [u64; 3])> {
    let mut node = node();
    node.carry_all(&services(count, protocol));
    let (known, other) = (at(count / 2, protocol), at(count, protocol));
    let remove = Plan {
        remove: vec![other],
        ..Plan::default()
    };
    let changes = [
        ("an endpoint comes", put(known, with(1, &[1, 2, 3], false))),
        ("its weight changes", {
            let mut heavier = with(1, &[1, 2, 3], false);
            heavier.pool.backends[2].weight = 5;
            put(known, heavier)
        }),
        ("it is replaced", put(known, with(1, &[1, 2, 4], false))),
        ("a Service comes", put(other, with(2, &[1, 2], false))),
        ("it goes", remove),
    ];
    let cost = |(name, plan)| {
        let before = counted(&node);
        node.apply(plan);
        let after = counted(&node);
        (name, std::array::from_fn(|i| after[i] - before[i]))
    };
    changes.into_iter().map(cost).collect()
}

/// No listing of anything that is programmed (k/k#73382, #84906, #88212), and the same requests whatever else there is. Where
/// UDP begins or ends to be served, the kernel looks for flows of that Service, once.
#[test]
fn a_change_costs_the_same_among_few_and_many() {
    let among_few = costs(2, Protocol::Udp);
    let wanted = [
        ("an endpoint comes", [1, 1, 0]),
        ("its weight changes", [1, 1, 0]),
        ("it is replaced", [2, 1, 0]),
        ("a Service comes", [3, 1, 1]),
        ("it goes", [1, 2, 1]),
    ];
    assert_eq!(among_few, wanted);
    assert_eq!(costs(400, Protocol::Udp), among_few);
}

/// What drains is looked at, every few seconds at most: the real servers of those virtual ones and no others.
#[test]
fn only_what_drains_is_listed() {
    for (name, [writes, transactions, listings]) in costs(200, Protocol::Tcp) {
        assert!(
            writes <= 4 && transactions <= 2,
            "{name}: {writes} writes, {transactions} transactions"
        );
        assert!(listings <= 2, "{name}: {listings} listings");
    }
}

/// One process an entry, as with ipset, took minutes (k/k#53736).
#[test]
fn services_are_loaded_by_few_transactions() {
    let mut node = node();
    let before = counted(&node);
    let put = services(400, Protocol::Tcp).into_iter().collect();
    node.apply(Plan {
        put,
        ..Plan::default()
    });
    let after = counted(&node);
    assert_eq!(
        after[0] - before[0],
        3 * 400,
        "a virtual server and two real ones each"
    );
    assert!(after[1] - before[1] <= 8, "{before:?} {after:?}");
    assert_eq!(after[2], before[2], "nothing is listed");
}

/// ipset ends at 65,536 elements unless it is told otherwise (k/k#129389).
#[test]
fn sets_hold_more_than_65536_elements() {
    const MANY: u32 = 66_000;
    let mut node = node();
    let put = (0..MANY).map(|number| {
        let address = std::net::Ipv4Addr::from(0x0a60_0000 + number);
        let at = FrontendKey {
            address: address.into(),
            ..at(0, Protocol::Tcp)
        };
        (at, Arc::new(with(1, &[], false)))
    });
    let put: Vec<_> = put.collect();
    let desired: NodeState = put.iter().cloned().collect();
    node.apply(Plan {
        put,
        ..Plan::default()
    });
    node.restart();
    assert!(node.observe() == desired, "all of them are in the kernel");
}
