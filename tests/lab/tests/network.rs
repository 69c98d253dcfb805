//! The lab itself: everybody reaches everybody, and nobody else.

use portolan_lab::{
    Ask, ECHO, Family, HTTP, Namespace, Network, Outcome, PROTOCOLS, Topology, echo,
};
use portolan_model::Protocol;

const MACHINES: [&str; 7] = ["client", "n1", "n2", "a", "b", "c", "d"];

/// Every server tells its own name and its client's own address.
fn assert_connected(network: &Network) {
    for from in MACHINES {
        for to in MACHINES
            .into_iter()
            .filter(|to| *to != "client" && *to != from)
        {
            for family in [Family::V4, Family::V6] {
                let at = network.host(to).address(family);
                let asks = PROTOCOLS.map(|protocol| Ask::new((at, ECHO).into(), protocol));
                for ask in asks.into_iter().chain([Ask::http((at, HTTP).into())]) {
                    let outcome = ask.on(&network.host(from).machine);
                    let Outcome::Answered(answer) = outcome else {
                        panic!("{from} to {to}, {ask:?}: {outcome:?}");
                    };
                    assert_eq!(answer.by, to);
                    let own = network.host(from).address(family);
                    assert_eq!(answer.client.ip(), own, "{from} to {to}");
                }
            }
        }
    }
}

#[test]
fn every_machine_reaches_every_other_as_itself() {
    assert_connected(&Network::new(Topology::default()));
}

#[test]
fn labs_with_the_same_addresses_do_not_meet() {
    let (one, other) = (Topology::default(), Topology::default());
    let (one, other) = (Network::new(one), Network::new(other));
    assert_connected(&one);
    drop(one);
    assert_connected(&other);
}

#[test]
fn an_unused_port_refuses_and_an_unused_address_is_silent() {
    let network = Network::new(Topology::default());
    let client = &network.client.machine;
    for family in [Family::V4, Family::V6] {
        let node = network.node("n1").address(family);
        for protocol in [Protocol::Tcp, Protocol::Udp] {
            let unused = Ask::new((node, 1).into(), protocol);
            assert_eq!(unused.on(client), Outcome::Refused, "{family} {protocol}");
        }
    }
}

/// Names of this process's threads: a namespace is one.
fn threads() -> Vec<String> {
    let tasks = std::fs::read_dir("/proc/self/task").expect("/proc is mounted");
    let names = tasks.flatten().map(|task| task.path().join("comm"));
    // A thread may end between the two looks.
    names
        .filter_map(|comm| std::fs::read_to_string(comm).ok())
        .collect()
}

#[test]
fn a_failure_leaves_no_namespace_behind() {
    const NAME: &str = "left-behind";
    let is_there = || threads().iter().any(|thread| thread.trim() == NAME);
    let failed = std::panic::catch_unwind(|| {
        let machine = Namespace::new(NAME);
        assert!(is_there());
        machine.run(async { panic!("as a case does that fails") });
    });
    assert!(failed.is_err());
    assert!(!is_there());
}

#[test]
fn what_a_process_of_a_machine_opened_ends_with_it() {
    let machine = Namespace::new("machine");
    let at: std::net::SocketAddr = "127.0.0.1:7000".parse().expect("an address");
    let process = machine.process("server");
    echo::serve(&process, "server", at.ip(), at.port());
    let ask = Ask::new(at, Protocol::Tcp);
    assert!(matches!(ask.on(&machine), Outcome::Answered(_)));
    drop(process);
    assert_eq!(ask.on(&machine), Outcome::Refused);
}
