//! Load balancers' addresses, source ranges and addresses of node ports (checklist 4.5).

use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

use ipnet::IpNet;
use portolan_dataplane::RejectionCode;
use portolan_model::{Family, Protocol};

use crate::Target::{ClusterIp, LoadBalancer, NodePort};
use crate::client::DEADLINE;
use crate::{Ask, Lab, Outcome, PORT, Plugin, Service, echo, ready};

/// A port of the load balancer's address that no Service has.
const OTHER: u16 = 4_242;
/// The one that UDP clients of guarded addresses send from.
const CLIENT: u16 = 4_243;

/// Datagrams of one client are one flow, which conntrack knows: who is not listed any more must not go on by that.
fn one_flow(source: IpAddr, to: SocketAddr, protocol: Protocol) -> Ask {
    let port = if protocol == Protocol::Udp { CLIENT } else { 0 };
    Ask::new(to, protocol).from_socket((source, port).into())
}

/// Listed and other clients, pods, the node itself also as the address itself; node port and virtual address go unguarded.
pub fn c60_source_ranges_guard_the_load_balancer_alone<D: Plugin>(mut lab: Lab<D>) {
    let plain = Service::external(1, &["a", "c"].map(ready));
    let family = lab.family;
    let client = |n| lab.network.client.nth_address(family, n);
    let (listed, other) = (client(0), client(1));
    let (pod, node) = (lab.address("b"), lab.address("n1"));
    let at = lab.at(&plain, LoadBalancer);
    if !lab.can().source_ranges {
        return assert_ranges_unsupported(&mut lab, &plain.only_from(&[IpNet::from(listed)]));
    }
    for (row, web) in [
        ("Cluster", plain.clone()),
        ("Local", plain.clone().external_local()),
    ] {
        for ranges in [vec![listed], vec![pod, node], vec![other]] {
            let nets: Vec<_> = ranges.iter().copied().map(IpNet::from).collect();
            lab.carry(&[web.clone().only_from(&nets)]);
            let mut barred = Vec::new();
            for protocol in lab.protocols() {
                for (from, source) in [
                    ("client", listed),
                    ("client", other),
                    ("b", pod),
                    ("n1", node),
                ] {
                    let ask = one_flow(source, at, protocol);
                    if ranges.contains(&source) {
                        lab.answers(from, ask, 3);
                    } else {
                        barred.push((from, ask.briefly()));
                    }
                }
                let around = Ask::new(lab.at(&web, NodePort("n1")), protocol).from(other);
                lab.answers("client", around, 3);
                let inside = Ask::new(lab.at(&web, ClusterIp), protocol);
                lab.answers("d", inside, 3);
            }
            for ((from, ask), outcome) in barred.iter().zip(lab.ask_all(&barred)) {
                let is_silent = outcome == Outcome::Silent || lab.is_barred(from, &outcome);
                assert!(is_silent, "{row} {from} {ask:?}: {outcome}");
            }
        }
    }
    lab.carry(std::slice::from_ref(&plain));
    for protocol in lab.protocols() {
        lab.answers("client", Ask::new(at, protocol).from(listed), 3);
    }
    assert_own_source(&mut lab, &plain, other);
}

/// Some load balancers have their address put on every node. What a node sends there comes from that very address, and
/// may pass if the node may.
fn assert_own_source<D: Plugin>(lab: &mut Lab<D>, plain: &Service, other: IpAddr) {
    let at = lab.at(plain, LoadBalancer);
    let node = &lab.network.node("n1").machine;
    let flags = if at.is_ipv4() { "/32" } else { "/128 nodad" };
    let (bits, flag) = flags.split_once(' ').unwrap_or((flags, ""));
    node.ip(&format!("addr add {}{bits} dev lo {flag}\n", at.ip()));
    for (allowed, may) in [(lab.address("n1"), true), (other, false)] {
        let guarded = plain.clone().only_from(&[IpNet::from(allowed)]);
        lab.carry(std::slice::from_ref(&guarded));
        for protocol in lab.protocols() {
            let ask = one_flow(at.ip(), at, protocol);
            if may {
                lab.answers("n1", ask, 3);
                continue;
            }
            let outcome = ask.briefly().on(&lab.network.node("n1").machine);
            let is_silent = outcome == Outcome::Silent || lab.is_barred("n1", &outcome);
            assert!(is_silent, "{protocol}: {outcome}");
        }
    }
}

fn assert_ranges_unsupported<D: Plugin>(lab: &mut Lab<D>, limited: &Service) {
    let carried = lab.carry_what_it_can("n1", std::slice::from_ref(limited));
    let listed: Vec<_> = carried.rejected().collect();
    let frontends = lab.can().families.len() * lab.protocols().len();
    assert_eq!(listed.len(), frontends, "every family and transport");
    for rejected in listed {
        assert_eq!(rejected.code, RejectionCode::UnsupportedFeature);
        assert!(rejected.message.contains("loadBalancerSourceRanges"));
    }
    for protocol in lab.protocols() {
        lab.assert_reaches(
            "client",
            lab.at(limited, NodePort("n1")),
            protocol,
            &["a", "c"],
        );
        let outcome = Ask::new(lab.at(limited, LoadBalancer), protocol)
            .briefly()
            .on(&lab.network.client.machine);
        assert!(
            !matches!(outcome, Outcome::Answered(_)),
            "nobody gets past: {outcome}"
        );
    }
}

/// Makes the client's machine the load balancer that really has the address.
fn balancer<D: Plugin>(lab: &Lab<D>, address: IpAddr, ports: &[u16]) {
    let (bits, via, flags) = match Family::of(address) {
        Family::V4 => (32, lab.network.client.address(Family::V4), ""),
        Family::V6 => (128, lab.network.client.address(Family::V6), " nodad"),
    };
    let client = &lab.network.client.machine;
    client.ip(&format!("addr add {address}/{bits} dev eth0{flags}\n"));
    let route = format!("route replace {address}/{bits} via {via} dev client onlink\n");
    lab.network.fabric.ip(&route);
    for port in ports {
        echo::serve(client, "balancer", address, *port);
    }
}

/// Without a frontend, as with ipMode Proxy, pods go to the balancer itself; with one they don't. What still drains keeps
/// an address of a dataplane without `guard`, which had to make it its own, for a moment.
pub fn c61_an_address_that_is_not_ours_is_not_captured<D: Plugin>(mut lab: Lab<D>) {
    let (without, with) = (
        Service::new(1, &[ready("c")]),
        Service::external(1, &[ready("c")]),
    );
    balancer(&lab, with.load_balancer_ip(lab.family), &[PORT]);
    let at = lab.at(&with, LoadBalancer);
    for (web, whom) in [(&without, "balancer"), (&with, "c"), (&without, "balancer")] {
        lab.carry(std::slice::from_ref(web));
        let began = Instant::now();
        while !lab.can().guard
            && !["a", "d"]
                .iter()
                .all(|from| is_answered(&lab, from, at, whom))
        {
            assert!(began.elapsed() < DEADLINE, "{whom} answers in the end");
            lab.carry(std::slice::from_ref(web));
        }
        for protocol in lab.protocols() {
            for from in ["a", "d", "n1"] {
                lab.assert_reaches(from, at, protocol, &[whom]);
            }
        }
    }
}

fn is_answered<D: Plugin>(lab: &Lab<D>, from: &str, at: SocketAddr, by: &str) -> bool {
    matches!(lab.ask(from, at, Protocol::Tcp), Outcome::Answered(answer) if answer.by == by)
}

/// At the primary ones unless others are given.
pub fn c62_node_ports_answer_at_the_given_addresses<D: Plugin>(mut lab: Lab<D>) {
    let web = Service::external(1, &[ready("c")]);
    for both in [false, true, false] {
        lab.settings.second_addresses = both;
        lab.carry(std::slice::from_ref(&web));
        for protocol in lab.protocols() {
            for node in ["n1", "n2"] {
                for from in ["client", "a"] {
                    let second = lab.network.node(node).nth_address(lab.family, 1);
                    let second = (second, web.node_port()).into();
                    lab.assert_reaches(from, lab.at(&web, NodePort(node)), protocol, &["c"]);
                    if both {
                        lab.assert_reaches(from, second, protocol, &["c"]);
                    } else {
                        lab.assert_refused(from, second, protocol);
                    }
                }
            }
        }
    }
}

/// Other ports lead to whoever has the address, and no neighbour is told that the node has it. Without `guard` the
/// address is the node's own while a frontend is there, and no longer.
pub fn c65_nothing_else_of_a_load_balancers_address_is_touched<D: Plugin>(mut lab: Lab<D>) {
    let web = Service::external(1, &[ready("c")]);
    let address = web.load_balancer_ip(lab.family);
    balancer(&lab, address, &[OTHER]);
    lab.carry(std::slice::from_ref(&web));
    for protocol in lab.protocols() {
        for from in ["a", "n1"] {
            lab.assert_reaches(from, lab.at(&web, LoadBalancer), protocol, &["c"]);
            if lab.can().guard {
                lab.assert_reaches(from, (address, OTHER).into(), protocol, &["balancer"]);
            } else {
                lab.assert_refused(from, (address, OTHER).into(), protocol);
            }
        }
    }
    // IPv6 looks for a neighbour's address on its devices, IPv4 for whether it is local.
    let is_told = !lab.can().guard && address.is_ipv4();
    assert_eq!(is_neighbour(&lab, address), is_told, "told who has it");
    let began = Instant::now();
    loop {
        // What still drains keeps an address of a dataplane that has to make it its own.
        lab.carry(&[]);
        if !is_neighbour(&lab, address) {
            break;
        }
        assert!(began.elapsed() < DEADLINE, "told who has it");
    }
    for protocol in lab.protocols() {
        lab.assert_reaches("a", (address, OTHER).into(), protocol, &["balancer"]);
    }
}

/// Whether `n1` says on its link that an address is its own.
fn is_neighbour<D: Plugin>(lab: &Lab<D>, address: IpAddr) -> bool {
    let fabric = &lab.network.fabric;
    let via = lab.address("client");
    let text = address.to_string();
    fabric.ip(&format!(
        "neigh flush dev n1\nroute replace {text} dev n1\n"
    ));
    Ask::new((address, OTHER).into(), Protocol::Udp)
        .briefly()
        .on(fabric);
    let shown = fabric.execute(&["ip", "neigh", "show", &text, "dev", "n1"], "");
    fabric.ip(&format!(
        "route replace {text} via {via} dev client onlink\n"
    ));
    assert!(shown.contains(&text), "it asked");
    shown.contains("lladdr")
}
