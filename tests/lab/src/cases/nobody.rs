//! Without members, with unready and with terminating ones (checklist 4.3).

use portolan_model::Protocol;

use crate::Target::{ClusterIp, LoadBalancer, NodePort};
use crate::check::tally;
use crate::{Ask, Conversation, Lab, PORT, Plugin, Service, echo, ready, terminating, unready};

const EVERYWHERE: [(&str, crate::Target); 9] = [
    ("a", ClusterIp),
    ("a", NodePort("n1")),
    ("a", NodePort("n2")),
    ("a", LoadBalancer),
    ("n1", ClusterIp),
    ("n1", NodePort("n1")),
    ("client", ClusterIp),
    ("client", NodePort("n2")),
    ("client", LoadBalancer),
];

/// Not left to a time-out.
pub fn c42_without_members_clients_are_refused_at_once<D: Plugin>(mut lab: Lab<D>) {
    let web = Service::external(1, &[]);
    for web in [
        web.clone(),
        web.clone().external_local(),
        web.internal_local(),
    ] {
        lab.carry(std::slice::from_ref(&web));
        for protocol in lab.protocols() {
            for (from, target) in EVERYWHERE {
                lab.assert_refused(from, lab.at(&web, target), protocol);
            }
        }
    }
}

/// Failed is not terminating: nobody answers there.
pub fn c43_with_failed_members_only_clients_are_refused<D: Plugin>(mut lab: Lab<D>) {
    let web = Service::external(1, &["a", "c"].map(ready));
    lab.carry(std::slice::from_ref(&web));
    for protocol in lab.protocols() {
        lab.assert_reaches("b", lab.at(&web, ClusterIp), protocol, &["a", "c"]);
    }
    let failed = web.with(&["a", "c"].map(unready));
    lab.carry(std::slice::from_ref(&failed));
    for protocol in lab.protocols() {
        for (from, target) in EVERYWHERE {
            lab.assert_refused(from, lab.at(&web, target), protocol);
        }
    }
}

/// A program of the node must not answer at a virtual address (k/k#72236). Without `guard` it does.
pub fn c44_other_ports_refuse_and_other_addresses_are_silent<D: Plugin>(mut lab: Lab<D>) {
    const OTHER: u16 = 4_242;
    let web = Service::new(1, &[ready("c")]).only(Protocol::Tcp);
    lab.carry(std::slice::from_ref(&web));
    let (own, others) = (
        web.cluster_ip(lab.family),
        Service::new(9, &[]).cluster_ip(lab.family),
    );
    for protocol in lab.protocols() {
        for from in ["a", "n1", "client"] {
            lab.assert_refused(from, (own, OTHER).into(), protocol);
            lab.assert_dropped(from, (others, PORT).into(), protocol);
        }
    }
    lab.assert_refused("a", (own, PORT).into(), Protocol::Udp);

    let any = if own.is_ipv4() { "0.0.0.0" } else { "::" };
    let any = any.parse().expect("an address");
    echo::serve(&lab.network.node("n1").machine, "daemon", any, OTHER);
    for protocol in lab.protocols() {
        for from in ["a", "n1", "client"] {
            if lab.can().guard {
                lab.assert_refused(from, (own, OTHER).into(), protocol);
                lab.assert_dropped(from, (others, OTHER).into(), protocol);
            } else if protocol == Protocol::Tcp {
                // The daemon's answer by UDP has the node's own source, so the client does not take it for one.
                lab.assert_reaches(from, (own, OTHER).into(), protocol, &["daemon"]);
            }
        }
    }
}

/// Publishing is the control plane's doing: their endpoints count as ready.
pub fn c45_members_that_are_not_ready_serve_only_if_published<D: Plugin>(mut lab: Lab<D>) {
    let members = [unready("a"), terminating("c"), ready("d")];
    let published = members.map(crate::Member::published);
    let web = Service::external(1, &members);
    for (members, whom) in [(members, &["d"][..]), (published, &["a", "c", "d"][..])] {
        let web = web.with(&members);
        lab.carry(std::slice::from_ref(&web));
        for protocol in lab.protocols() {
            for target in [ClusterIp, NodePort("n1"), NodePort("n2")] {
                let ask = Ask::new(lab.at(&web, target), protocol);
                let answers = lab.answers("b", ask, 60);
                let by: std::collections::BTreeSet<_> =
                    answers.iter().map(|answer| answer.by.as_str()).collect();
                assert!(
                    by.iter().copied().eq(whom.iter().copied()),
                    "{protocol} {target:?}: {} should answer, it was {}",
                    whom.join(", "),
                    tally(&answers)
                );
            }
        }
    }
}

/// By both nodes.
pub fn c46_48_terminating_members_serve_while_there_are_no_others<D: Plugin>(mut lab: Lab<D>) {
    let web = Service::external(1, &[terminating("c"), unready("a")]);
    lab.carry(std::slice::from_ref(&web));
    for protocol in lab.protocols() {
        for (from, target) in EVERYWHERE {
            lab.assert_reaches(from, lab.at(&web, target), protocol, &["c"]);
        }
    }
}

/// Internal and external policy alike.
pub fn c47_49_terminating_members_serve_on_their_own_node_only<D: Plugin>(mut lab: Lab<D>) {
    let web = Service::external(1, &[terminating("c")])
        .internal_local()
        .external_local();
    lab.carry(std::slice::from_ref(&web));
    for protocol in lab.protocols() {
        lab.assert_reaches("d", lab.at(&web, ClusterIp), protocol, &["c"]);
        lab.assert_dropped("a", lab.at(&web, ClusterIp), protocol);
        lab.assert_reaches("client", lab.at(&web, NodePort("n2")), protocol, &["c"]);
        lab.assert_dropped("client", lab.at(&web, NodePort("n1")), protocol);
    }
}

/// The cluster's list has the ready one alone, the node's own list the terminating one.
pub fn c50_ready_elsewhere_and_terminating_here<D: Plugin>(mut lab: Lab<D>) {
    let web = Service::external(1, &[terminating("a"), ready("c")]).external_local();
    lab.carry(std::slice::from_ref(&web));
    for protocol in lab.protocols() {
        lab.assert_reaches("b", lab.at(&web, ClusterIp), protocol, &["c"]);
        lab.assert_reaches("client", lab.at(&web, NodePort("n1")), protocol, &["a"]);
        lab.assert_reaches("client", lab.at(&web, NodePort("n2")), protocol, &["c"]);
        lab.assert_reaches("client", lab.at(&web, LoadBalancer), protocol, &["a"]);
    }
}

/// Old flows survive.
pub fn c51_a_ready_member_ends_the_fallback_for_new_flows_only<D: Plugin>(mut lab: Lab<D>) {
    let web = Service::external(1, &[terminating("a"), terminating("c")]);
    lab.carry(std::slice::from_ref(&web));
    let mut old = Vec::new();
    for target in [ClusterIp, NodePort("n1"), LoadBalancer] {
        let ask = Ask::new(lab.at(&web, target), Protocol::Tcp);
        for from in ["b", "client"] {
            let open = async move { Conversation::open(ask).await.expect("served") };
            old.push((from, lab.network.host(from).machine.run(open)));
        }
    }
    let web = web.with(&[terminating("a"), terminating("c"), ready("d")]);
    lab.carry(std::slice::from_ref(&web));
    for protocol in lab.protocols() {
        for from in ["b", "client"] {
            for target in [ClusterIp, NodePort("n1"), LoadBalancer] {
                let answers = lab.answers(from, Ask::new(lab.at(&web, target), protocol), 10);
                let whom = tally(&answers);
                assert!(
                    answers.iter().all(|a| a.by == "d"),
                    "d should answer, it was {whom}"
                );
            }
        }
    }
    for (from, mut conversation) in old {
        lab.network.host(from).machine.run(async move {
            conversation.echo(b"still there?").await.expect("it lives");
            let end = format!("end of {}", conversation.with.by);
            assert_eq!(conversation.finish().await.expect("it lives"), end);
        });
    }
}

/// Members elsewhere: pods are fine, sources outside get nothing. After all are gone both are refused, and both recover.
pub fn c52_67_silence_while_others_serve_and_refusal_once_nobody_does<D: Plugin>(mut lab: Lab<D>) {
    let web = Service::external(1, &[ready("c")]).external_local();
    let outside = [NodePort("n1"), LoadBalancer];
    for _ in 0..2 {
        lab.carry(std::slice::from_ref(&web));
        for protocol in lab.protocols() {
            for target in outside {
                lab.assert_dropped("client", lab.at(&web, target), protocol);
                if lab.can().inside {
                    lab.assert_reaches("a", lab.at(&web, target), protocol, &["c"]);
                }
            }
            lab.assert_reaches("client", lab.at(&web, NodePort("n2")), protocol, &["c"]);
        }
        lab.carry(&[web.with(&[])]);
        for protocol in lab.protocols() {
            for target in outside {
                for from in ["client", "a"] {
                    lab.assert_refused(from, lab.at(&web, target), protocol);
                }
            }
        }
    }
}
