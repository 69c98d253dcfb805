//! Session affinity by client address (checklist 4.6). Without it the contract's cases see it listed as unsupported.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use portolan_dataplane::RejectionCode;
use portolan_model::Protocol;

use crate::Target::{ClusterIp, LoadBalancer, NodePort};
use crate::check::tally;
use crate::{Ask, HTTP, Lab, Plugin, Service, ready};

const HOURS: u32 = 10_800;

/// Connections that a balanced client would hardly make to one of four members by chance: 4^-15 is one in 10^9.
const ROUNDS: usize = 16;

fn affine(seconds: u32) -> Service {
    Service::external(1, &["a", "b", "c", "d"].map(ready)).affine(seconds)
}

/// Declared; else its refusal is the case.
fn is_declared<D: Plugin>(lab: &mut Lab<D>) -> bool {
    if lab.can().affinity {
        return true;
    }
    let carried = lab.carry_what_it_can("n1", &[affine(HOURS)]);
    for rejected in carried.rejected() {
        assert_eq!(rejected.code, RejectionCode::UnsupportedFeature);
        assert!(rejected.message.contains("sessionAffinity: None"));
    }
    assert!(carried.rejected().count() > 0, "it is rejected");
    false
}

impl<D: Plugin> Lab<D> {
    /// Who answers the client's address number 0, 1, …, each time.
    fn home(&self, to: SocketAddr, protocol: Protocol, source: IpAddr, times: usize) -> String {
        let answers = self.answers("client", Ask::new(to, protocol).from(source), times);
        let home = answers[0].by.clone();
        assert!(
            answers.iter().all(|a| a.by == home),
            "{source} to {to}/{protocol}: one member should answer each time, it was {}",
            tally(&answers)
        );
        home
    }

    fn clients(&self) -> Vec<IpAddr> {
        let own = self.network.client.addresses.iter().copied();
        own.filter(|a| a.is_ipv4() == self.address("client").is_ipv4())
            .collect()
    }
}

/// By TCP, UDP and HTTP.
pub fn c68_a_client_keeps_its_member_at_every_address<D: Plugin>(mut lab: Lab<D>) {
    if !is_declared(&mut lab) {
        return;
    }
    lab.carry(&[affine(HOURS)]);
    for protocol in lab.protocols() {
        for target in [ClusterIp, NodePort("n1"), NodePort("n2"), LoadBalancer] {
            for client in lab.clients() {
                lab.home(lab.at(&affine(HOURS), target), protocol, client, ROUNDS);
            }
        }
        let answers = lab.answers(
            "a",
            Ask::new(lab.at(&affine(HOURS), ClusterIp), protocol),
            ROUNDS,
        );
        assert!(
            answers.iter().all(|a| a.by == answers[0].by),
            "one member should answer each time, it was {}",
            tally(&answers)
        );
    }
    let web = Service::external(
        2,
        &["a", "b", "c", "d"].map(|host| ready(host).at_port(HTTP)),
    )
    .only(Protocol::Tcp)
    .affine(HOURS);
    lab.carry(std::slice::from_ref(&web));
    for target in [ClusterIp, NodePort("n1"), LoadBalancer] {
        let answers = lab.answers("client", Ask::http(lab.at(&web, target)), ROUNDS);
        assert!(
            answers.iter().all(|a| a.by == answers[0].by),
            "one member should answer each time, it was {}",
            tally(&answers)
        );
    }
}

/// From none to affinity and back. Each time another of the client's addresses: a port that is used again may find its
/// flow of before, which stays where it is.
pub fn c69_affinity_is_switched_live<D: Plugin>(mut lab: Lab<D>) {
    if !is_declared(&mut lab) {
        return;
    }
    let two = ["a", "c"].map(ready);
    let (with, without) = (
        Service::external(1, &two).affine(HOURS),
        Service::external(1, &two),
    );
    for client in lab.clients().into_iter().skip(1).take(2) {
        for protocol in lab.protocols() {
            for target in [ClusterIp, NodePort("n1")] {
                lab.carry(std::slice::from_ref(&without));
                lab.assert_reaches("client", lab.at(&with, target), protocol, &["a", "c"]);
                lab.carry(std::slice::from_ref(&with));
                lab.home(lab.at(&with, target), protocol, client, ROUNDS);
            }
        }
    }
    lab.carry(std::slice::from_ref(&without));
    for protocol in lab.protocols() {
        lab.assert_reaches("client", lab.at(&with, ClusterIp), protocol, &["a", "c"]);
    }
}

/// Every connection begins the time anew; a client that was away for longer is balanced again.
pub fn c70_affinity_ends_after_idleness<D: Plugin>(mut lab: Lab<D>) {
    if !is_declared(&mut lab) {
        return;
    }
    let web = affine(2);
    lab.carry(std::slice::from_ref(&web));
    let protocol = lab.protocols()[0];
    let (at, client) = (lab.at(&web, ClusterIp), lab.clients()[0]);
    let home = lab.home(at, protocol, client, 1);
    // The time itself is what is tested: it has to pass.
    for _ in 0..4 {
        std::thread::sleep(Duration::from_millis(700));
        assert_eq!(lab.home(at, protocol, client, 1), home, "not idle yet");
    }
    // Four members: 20 rounds find the same one by chance once in 10^12.
    for _ in 0..20 {
        std::thread::sleep(Duration::from_millis(2_300) + lab.affinity_slack());
        if lab.home(at, protocol, client, 1) != home {
            return;
        }
    }
    panic!("the client is never balanced again");
}

/// Others keep theirs.
pub fn c71_clients_of_a_removed_member_move_once<D: Plugin>(mut lab: Lab<D>) {
    if !is_declared(&mut lab) {
        return;
    }
    for protocol in lab.protocols() {
        for target in [ClusterIp, NodePort("n1")] {
            let web = affine(HOURS);
            lab.carry(std::slice::from_ref(&web));
            let at = lab.at(&web, target);
            let homes: Vec<_> = lab
                .clients()
                .into_iter()
                .map(|client| (client, lab.home(at, protocol, client, 3)))
                .collect();
            let gone = homes[0].1.clone();
            let left = ["a", "b", "c", "d"]
                .into_iter()
                .filter(|name| *name != gone);
            let left: Vec<_> = left.map(ready).collect();
            lab.carry(&[web.with(&left)]);
            for (client, home) in &homes {
                let now = lab.home(at, protocol, *client, ROUNDS);
                assert_eq!(
                    now == *home,
                    *home != gone,
                    "{client} was at {home}, is at {now}"
                );
            }
            lab.carry(std::slice::from_ref(&web));
            let now = lab.home(at, protocol, homes[0].0, ROUNDS);
            assert_ne!(now, gone, "it moves once");
        }
    }
}

/// In the kernel it does; the memory of a process ends with it, and begins anew.
pub fn c72_affinity_survives_a_restart<D: Plugin>(mut lab: Lab<D>) {
    if !is_declared(&mut lab) {
        return;
    }
    let web = affine(HOURS);
    lab.carry(std::slice::from_ref(&web));
    let protocol = lab.protocols()[0];
    let at = lab.at(&web, NodePort("n1"));
    let home = |lab: &Lab<D>| -> Vec<_> {
        let clients = lab.clients().into_iter();
        clients
            .map(|client| lab.home(at, protocol, client, 3))
            .collect()
    };
    let before = home(&lab);
    for _ in 0..3 {
        lab.kill("n1");
        lab.start("n1");
        lab.carry(std::slice::from_ref(&web));
        let after = home(&lab);
        if lab.can().persistent {
            assert_eq!(before, after);
        }
    }
}
