//! A node changes its dataplane under traffic: the new one carries everything before the old one lets go, and the old one
//! is removed once its last connection is over (94 of the conformance checklist).

use portolan_dataplane::Dataplane;
use portolan_lab::Target::{ClusterIp, LoadBalancer, NodePort};
use portolan_lab::{Ask, Conversation, Family, Lab, Load, Service, Target, ready};
use portolan_model::Protocol;
use portolan_nftables::{NftablesDataplane, Options};
use portolan_userspace::UserspaceDataplane;

const FLOWS: [(&str, Target); 4] = [
    ("b", ClusterIp),
    ("n1", ClusterIp),
    ("client", NodePort("n1")),
    ("client", LoadBalancer),
];

fn nftables() -> NftablesDataplane {
    NftablesDataplane::new(Options::default()).expect("root may program nftables")
}

/// What is established before a switch is answered to its end, and every new client is served.
fn switch<Old: Dataplane, New: Dataplane>(
    mut lab: Lab<Old>,
    make: impl Fn() -> New + Send + Sync + 'static,
) -> Lab<New> {
    let former = lab.can().kind;
    let web = Service::external(1, &["a", "c"].map(ready));
    lab.carry(std::slice::from_ref(&web));
    let mut established = Vec::new();
    let mut loads = Vec::new();
    for (from, target) in FLOWS {
        let machine = &lab.network.host(from).machine;
        let ask = Ask::new(lab.at(&web, target), Protocol::Tcp);
        let open = async move { Conversation::open(ask).await.expect("served") };
        established.push((from, target, machine.run(open)));
        for protocol in lab.protocols() {
            let ask = Ask::new(lab.at(&web, target), protocol);
            loads.push((from, target, Load::start(machine, ask)));
        }
    }
    let go_on = |loads: &[(&str, Target, Load)]| {
        for (_, _, load) in loads {
            load.go_on(10);
        }
    };
    go_on(&loads);
    let (mut lab, old) = lab.succeed(make);
    lab.carry(std::slice::from_ref(&web));
    go_on(&loads);
    old.drain();
    go_on(&loads);
    let still = established
        .into_iter()
        .map(|(from, target, mut conversation)| {
            let machine = &lab.network.host(from).machine;
            machine.run(async move {
                let echoed = conversation.echo(b"still there?").await;
                echoed.unwrap_or_else(|error| {
                    panic!("after {former}: {from} to {target:?}: {error}")
                });
                let end = format!("end of {}", conversation.with.by);
                assert_eq!(conversation.finish().await.expect("it lives"), end);
            });
        });
    still.for_each(drop);
    old.cleanup();
    go_on(&loads);
    for (from, target, load) in loads {
        let failures = load.stop(&lab.network.host(from).machine);
        assert_eq!(failures, [], "{from} to {target:?}");
    }
    lab
}

fn there_and_back(family: Family) {
    let lab = Lab::new(family, UserspaceDataplane::new);
    let lab = switch(lab, nftables);
    let mut lab = switch(lab, UserspaceDataplane::new);
    let left = lab
        .network
        .node("n1")
        .machine
        .execute(&["nft", "list", "ruleset"], "");
    assert_eq!(left, "", "nothing of nftables is left");
    lab.carry(&[]);
}

#[test]
fn from_userspace_to_nftables_and_back_with_ipv4() {
    there_and_back(Family::V4);
}

#[test]
fn from_userspace_to_nftables_and_back_with_ipv6() {
    there_and_back(Family::V6);
}
