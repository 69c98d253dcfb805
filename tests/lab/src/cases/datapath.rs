//! The basic data path (checklist 4.2).

use std::net::SocketAddr;

use portolan_dataplane::RejectionCode;
use portolan_model::Protocol;

use crate::Target::{ClusterIp, LoadBalancer, NodePort};
use crate::{Ask, Conversation, Lab, Load, Plugin, Service, echo, ready};

/// Members here and elsewhere.
pub fn c22_23_pods_and_nodes_reach_a_virtual_address<D: Plugin>(mut lab: Lab<D>) {
    for members in [["b"], ["c"], ["d"]] {
        let web = Service::new(1, &members.map(ready));
        lab.carry(std::slice::from_ref(&web));
        for protocol in lab.protocols() {
            for from in ["a", "d", "n1", "n2"] {
                lab.assert_reaches(from, lab.at(&web, ClusterIp), protocol, &members);
            }
        }
    }
}

/// Itself is a matter of its own.
pub fn c24_a_member_reaches_the_others_by_the_virtual_address<D: Plugin>(mut lab: Lab<D>) {
    let web = Service::new(1, &["a", "b", "c"].map(ready));
    lab.carry(std::slice::from_ref(&web));
    for protocol in lab.protocols() {
        let answers = lab.answers("a", Ask::new(lab.at(&web, ClusterIp), protocol), 80);
        for other in ["b", "c"] {
            // 80 tries miss one of three equals once in 10^14.
            assert!(answers.iter().any(|answer| answer.by == other), "{other}");
        }
    }
}

/// By the node that has the member and by the one that has not.
pub fn c25_26_27_node_ports_are_reached_from_everywhere<D: Plugin>(mut lab: Lab<D>) {
    let web = Service::external(1, &[ready("c")]);
    lab.carry(std::slice::from_ref(&web));
    for protocol in lab.protocols() {
        for from in ["a", "d", "n1", "n2", "client"] {
            for node in ["n1", "n2"] {
                lab.assert_reaches(from, lab.at(&web, NodePort(node)), protocol, &["c"]);
            }
        }
    }
}

/// The way there leads by `n1` from outside.
pub fn c28_an_address_that_no_node_owns_is_reached_from_everywhere<D: Plugin>(mut lab: Lab<D>) {
    let web = Service::external(1, &["a", "c"].map(ready));
    lab.carry(std::slice::from_ref(&web));
    for protocol in lab.protocols() {
        for from in ["b", "d", "n1", "n2", "client"] {
            lab.assert_reaches(from, lab.at(&web, LoadBalancer), protocol, &["a", "c"]);
        }
    }
}

/// Weights 1, 1 and 2. The bound on χ² with two degrees of freedom is passed by chance once in three million runs.
pub fn c29_every_member_is_reached_by_its_weight<D: Plugin>(mut lab: Lab<D>) {
    let web = Service::new(1, &[ready("a"), ready("c"), ready("d").weighing(2)]);
    lab.carry(std::slice::from_ref(&web));
    for protocol in lab.protocols() {
        let shares = lab.shares("b", Ask::new(lab.at(&web, ClusterIp), protocol), 400);
        let distance = |(name, want): (&str, f64)| {
            let got = shares.get(name).copied().unwrap_or_default();
            (got - want).powi(2) / want
        };
        let wanted = [("a", 100.0), ("c", 100.0), ("d", 200.0)];
        let chi_square: f64 = wanted.into_iter().map(distance).sum();
        assert!(chi_square < 30.0, "{protocol}: {shares:?}");
    }
}

/// A pod that is chosen for its own request must not get an answer from where it never asked.
pub fn c30_a_member_reaches_itself<D: Plugin>(mut lab: Lab<D>) {
    let web = Service::external(1, &[ready("a")]);
    for (web, local) in [(web.clone(), false), (web.external_local(), true)] {
        lab.carry(std::slice::from_ref(&web));
        for protocol in lab.protocols() {
            for target in [ClusterIp, NodePort("n1"), NodePort("n2"), LoadBalancer] {
                let at = lab.at(&web, target);
                if target == NodePort("n2") && local && !lab.can().inside {
                    lab.assert_dropped("a", at, protocol);
                } else {
                    lab.assert_reaches("a", at, protocol, &["a"]);
                }
            }
        }
    }
}

/// Without `preserves_source` it is the address of the node that relays.
pub fn c31_the_source_is_kept_on_the_way_to_another_node<D: Plugin>(mut lab: Lab<D>) {
    let web = Service::new(1, &[ready("c")]);
    lab.carry(std::slice::from_ref(&web));
    let source = lab.source("a", "n1");
    lab.assert_seen_as("a", lab.at(&web, ClusterIp), &["c"], source);
}

/// None to the old one once the new one is told.
pub fn c32_traffic_moves_entirely_to_a_replacement<D: Plugin>(mut lab: Lab<D>) {
    let web = Service::external(1, &[]);
    for member in ["a", "c", "d", "b"] {
        let web = web.with(&[ready(member)]);
        lab.carry(std::slice::from_ref(&web));
        for protocol in lab.protocols() {
            for target in [ClusterIp, NodePort("n1"), LoadBalancer] {
                let to = Ask::new(lab.at(&web, target), protocol);
                for answer in lab.answers("client", to, 10) {
                    assert_eq!(answer.by, member, "{target:?} {protocol}");
                }
            }
        }
    }
}

/// The shared members go on for the one that is left.
pub fn c33_services_that_share_members_go_one_by_one<D: Plugin>(mut lab: Lab<D>) {
    let members = ["a", "c"].map(ready);
    let (gone, kept) = (Service::new(1, &members), Service::new(2, &members));
    lab.carry(&[gone.clone(), kept.clone()]);
    for protocol in lab.protocols() {
        lab.assert_reaches("b", lab.at(&gone, ClusterIp), protocol, &["a", "c"]);
    }
    lab.carry(std::slice::from_ref(&kept));
    for protocol in lab.protocols() {
        lab.assert_dropped("b", lab.at(&gone, ClusterIp), protocol);
        lab.assert_reaches("b", lab.at(&kept, ClusterIp), protocol, &["a", "c"]);
    }
}

/// One goes and comes back twenty times, the others are under load.
pub fn c34_removing_one_service_costs_the_others_no_request<D: Plugin>(mut lab: Lab<D>) {
    let members = ["a", "c"].map(ready);
    let all: Vec<_> = (1..=3).map(|n| Service::external(n, &members)).collect();
    lab.carry(&all);
    for protocol in lab.protocols() {
        let start = |from: &str, service: &Service, target| {
            let ask = Ask::new(lab.at(service, target), protocol);
            (
                from.to_owned(),
                Load::start(&lab.network.host(from).machine, ask),
            )
        };
        let loads = [
            start("b", &all[1], ClusterIp),
            start("client", &all[2], NodePort("n1")),
        ];
        for _ in 0..10 {
            lab.carry(&all[1..]);
            for (_, load) in &loads {
                load.go_on(2);
            }
            lab.carry(&all);
            for (_, load) in &loads {
                load.go_on(2);
            }
        }
        for (from, load) in loads {
            let failures = load.stop(&lab.network.host(&from).machine);
            assert_eq!(failures, [], "{from}, {protocol}");
        }
    }
}

/// The virtual address stays.
pub fn c35_a_removed_node_port_refuses<D: Plugin>(mut lab: Lab<D>) {
    let (with, without) = (
        Service::external(1, &[ready("c")]),
        Service::new(1, &[ready("c")]),
    );
    for _ in 0..2 {
        lab.carry(std::slice::from_ref(&with));
        for protocol in lab.protocols() {
            lab.assert_reaches("client", lab.at(&with, NodePort("n1")), protocol, &["c"]);
        }
        lab.carry(std::slice::from_ref(&without));
        for protocol in lab.protocols() {
            lab.assert_refused("client", lab.at(&with, NodePort("n1")), protocol);
            lab.assert_refused("a", lab.at(&with, NodePort("n2")), protocol);
            lab.assert_reaches("a", lab.at(&with, ClusterIp), protocol, &["c"]);
        }
    }
}

/// Beyond an MTU, beyond a buffer, and for UDP near the longest datagram.
pub fn c36_payloads_beyond_an_mtu_pass_unharmed<D: Plugin>(mut lab: Lab<D>) {
    let web = Service::external(1, &[ready("c")]);
    lab.carry(std::slice::from_ref(&web));
    for protocol in lab.protocols() {
        for (from, target) in [
            ("a", ClusterIp),
            ("client", NodePort("n1")),
            ("client", LoadBalancer),
        ] {
            let ask = Ask::new(lab.at(&web, target), protocol);
            lab.network.host(from).machine.run(async move {
                for length in [1, 2_000, 20_000, 60_000, 1_000_000] {
                    let payload: Vec<u8> = (0..=u8::MAX).cycle().take(length).collect();
                    if protocol == Protocol::Tcp {
                        let mut conversation = Conversation::open(ask).await.expect("served");
                        conversation.echo(&payload).await.expect("echoed");
                    } else if length < 65_000 {
                        let asked = ask.datagram().expect("a socket");
                        let answer = tokio::time::timeout(ask.patience, asked.ask(&payload)).await;
                        let answer = answer.unwrap_or_else(|_| panic!("{length} bytes are lost"));
                        assert_eq!(answer.expect("answered").by, "c", "{length} bytes");
                    }
                }
            });
        }
    }
}

/// Reached from pods, from both nodes and from outside.
pub fn c37_servers_of_the_nodes_themselves_are_members_like_others<D: Plugin>(mut lab: Lab<D>) {
    for member in ["n1", "n2"] {
        let web = Service::external(1, &[ready(member)]);
        lab.carry(std::slice::from_ref(&web));
        for protocol in lab.protocols() {
            for (from, target) in [
                ("a", ClusterIp),
                ("n1", ClusterIp),
                ("n2", ClusterIp),
                ("client", NodePort("n1")),
                ("client", LoadBalancer),
            ] {
                lab.assert_reaches(from, lab.at(&web, target), protocol, &[member]);
            }
        }
    }
}

/// By either label; they come and go with it.
pub fn c38_39_services_of_other_proxies_are_left_alone<D: Plugin>(mut lab: Lab<D>) {
    let own = Service::external(1, &[ready("c")]);
    for (label, value) in [
        ("service.kubernetes.io/service-proxy-name", "another"),
        ("service.kubernetes.io/headless", ""),
    ] {
        let other = own.clone().labelled(label, value);
        for protocol in lab.protocols() {
            lab.carry(std::slice::from_ref(&other));
            lab.assert_dropped("a", lab.at(&own, ClusterIp), protocol);
            lab.assert_refused("client", lab.at(&own, NodePort("n1")), protocol);
            lab.carry(std::slice::from_ref(&own));
            lab.assert_reaches("a", lab.at(&own, ClusterIp), protocol, &["c"]);
        }
    }
}

/// As with named ports that mean another number on each.
pub fn c40_members_may_listen_on_different_ports<D: Plugin>(mut lab: Lab<D>) {
    let (other, at) = (lab.network.workload("c"), lab.address("c"));
    echo::serve(&other.machine, "c-at-9377", at, 9_377);
    let members = [ready("a"), ready("c").at_port(9_377)];
    let web = Service::external(1, &members);
    lab.carry(std::slice::from_ref(&web));
    for protocol in lab.protocols() {
        for (from, target) in [("b", ClusterIp), ("client", NodePort("n1"))] {
            let whom = ["a", "c-at-9377"];
            lab.assert_reaches(from, lab.at(&web, target), protocol, &whom);
        }
    }
}

/// SCTP only as an object: kernels without its sockets forward it all the same.
pub fn c41_transports_of_one_address_and_port_are_different_services<D: Plugin>(mut lab: Lab<D>) {
    let tcp = Service::external(1, &[ready("a")]).only(Protocol::Tcp);
    let udp = Service::external(1, &[ready("c")]).only(Protocol::Udp);
    let sctp = Service::external(1, &[ready("d")]).only(Protocol::Sctp);
    let both = [tcp.clone(), udp.clone()];
    lab.carry(&both);
    let served = |lab: &Lab<D>, target| {
        let at: SocketAddr = lab.at(&tcp, target);
        lab.assert_reaches("b", at, Protocol::Tcp, &["a"]);
        lab.assert_reaches("b", at, Protocol::Udp, &["c"]);
    };
    for target in [ClusterIp, NodePort("n2"), LoadBalancer] {
        served(&lab, target);
    }
    let carried = lab.carry_what_it_can("n1", &[tcp.clone(), udp.clone(), sctp]);
    assert_eq!(carried.applied.rejected, []);
    if lab.can().protocols.contains(&Protocol::Sctp) {
        assert_eq!(carried.plan.unsupported, []);
        assert_eq!(carried.plan.put.len(), 6, "three targets, two families");
    } else {
        assert_eq!(
            carried.plan.unsupported.len(),
            6,
            "three targets, two families"
        );
        for rejected in &carried.plan.unsupported {
            assert_eq!(rejected.code, RejectionCode::UnsupportedFeature);
            assert!(rejected.message.contains("use one of"), "{rejected:?}");
        }
    }
    served(&lab, ClusterIp);
    lab.carry(std::slice::from_ref(&udp));
    lab.assert_refused("b", lab.at(&tcp, ClusterIp), Protocol::Tcp);
    lab.assert_reaches("b", lab.at(&udp, ClusterIp), Protocol::Udp, &["c"]);
}
