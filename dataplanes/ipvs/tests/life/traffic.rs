//! What kube-proxy's IPVS mode did to traffic, and ours must not.

use std::io::Write;
use std::net::{Shutdown, SocketAddr, TcpListener};

use portolan_dataplane::NodeState;
use portolan_dataplane::testing::{backend, frontend, node_state, tcp};
use portolan_ipvs::{IpvsDataplane, Options};
use portolan_lab::Target::{ClusterIp, LoadBalancer, NodePort};
use portolan_lab::{Ask, ECHO, Family, Lab, Load, Namespace, Service, ready};
use portolan_model::Protocol;
use tokio::io::AsyncReadExt;
use tokio::net::TcpSocket;

use crate::node::{Node, with};

/// Has the machine count what passes a hook and fits.
fn count(machine: &Namespace, hook: &str, fits: &str) {
    let table = format!(
        "table inet watch {{\n chain watch {{\n type filter hook {hook} priority -300\n {fits} counter\n }}\n}}\n"
    );
    machine.execute(&["nft", "-f", "-"], &table);
}

fn counted(machine: &Namespace) -> u64 {
    let table = machine.execute(&["nft", "list", "table", "inet", "watch"], "");
    let mut words = table.split_whitespace();
    words.find(|word| *word == "packets");
    let packets = words.next().and_then(|number| number.parse().ok());
    packets.unwrap_or_else(|| panic!("no counter: {table}"))
}

/// Clients that never stop asking meet a Service that comes and goes: no packet of theirs reaches a backend with a source
/// that is not replaced (k/k#133773), none a backend whose Service is for others.
#[test]
fn nothing_passes_before_filters_and_masquerading_are_there() {
    let make = || IpvsDataplane::new(Options::default()).expect("root may program IPVS");
    let mut lab = Lab::new(Family::V4, make);
    let web = Service::external(1, &[ready("c")]);
    let others = ["203.0.113.128/25".parse().expect("a range")];
    let guarded = Service::external(2, &[ready("d")]).only_from(&others);
    count(
        &lab.network.workload("c").machine,
        "prerouting",
        "ip saddr 198.51.100.0/24",
    );
    count(
        &lab.network.workload("d").machine,
        "prerouting",
        &format!("tcp dport {ECHO}"),
    );
    let asks = [
        (&web, NodePort("n1")),
        (&web, ClusterIp),
        (&web, LoadBalancer),
        (&guarded, LoadBalancer),
    ];
    let asks = asks.map(|(service, target)| {
        let at = lab.at(service, target);
        Ask::new(at, Protocol::Tcp).briefly()
    });
    let client = &lab.network.client.machine;
    let loads = asks.map(|ask| [(); 3].map(|()| Load::start(client, ask)));
    for round in 0..8 {
        let (how, services) = match round % 2 {
            0 => ("mark", [web.clone(), guarded.clone()]),
            _ => (
                "address",
                [web.clone().affine(60), guarded.clone().affine(60)],
            ),
        };
        lab.carry(&services);
        loads[0].iter().for_each(|load| load.go_on(2));
        lab.carry(&[]);
        loads[0].iter().for_each(|load| load.go_on(2));
        for (member, what) in [("c", "sources that are not replaced"), ("d", "who may not")] {
            let machine = &lab.network.workload(member).machine;
            assert_eq!(
                counted(machine),
                0,
                "balanced by {how}: {member} saw {what}"
            );
        }
    }
    lab.carry(&[web.clone(), guarded]);
    lab.assert_reaches("client", lab.at(&web, ClusterIp), Protocol::Tcp, &["c"]);
    for load in loads.into_iter().flatten() {
        load.stop(&lab.network.client.machine);
    }
}

/// A server of the node itself that greets with its port and is the first to end, behind 10.96.0.1:80.
fn greet(node: &Node, port: u16) -> NodeState {
    let listen = async move { TcpListener::bind(("192.0.2.1", port)).expect("a free port") };
    let listener = node.machine.run(listen);
    std::thread::spawn(move || {
        while let Ok((mut stream, _)) = listener.accept() {
            let greeted = stream.write_all(port.to_string().as_bytes());
            // A client that left is none of our business.
            let _ = greeted.and_then(|()| stream.shutdown(Shutdown::Both));
        }
    });
    let at = ([192, 0, 2, 1], port).into();
    node_state([(tcp("10.96.0.1", 80), frontend(1, &[backend(1, at)]))])
}

/// Who greets a client that has always the same port.
async fn greeting() -> String {
    let (from, to): (SocketAddr, SocketAddr) =
        (([192, 0, 2, 1], 40_000).into(), ([10, 96, 0, 1], 80).into());
    loop {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.set_reuseaddr(true).expect("it is so");
        socket.bind(from).expect("a free port");
        match socket.connect(to).await {
            Ok(mut stream) => {
                let mut greeting = String::new();
                let read = stream.read_to_string(&mut greeting).await;
                read.expect("it greets and ends");
                return greeting;
            }
            // The last packet of the former connection is still under way.
            Err(error) if error.kind() == std::io::ErrorKind::AddrNotAvailable => {
                tokio::task::yield_now().await;
            }
            Err(error) => panic!("{error}"),
        }
    }
}

/// What IPVS remembers of a port does not lead a new connection to a backend that left, for ever (conn_reuse_mode 0), and
/// costs no lost SYN (mode 1 before Linux 5.9): k/k#81775, #93297. Who comes back under the same address serves at once.
#[test]
fn a_port_that_is_used_again_leads_where_others_do_at_once() {
    let mut node = Node::new(Options::default());
    let (first, second) = (greet(&node, 8001), greet(&node, 8002));
    count(
        &node.machine,
        "output",
        "tcp dport 80 tcp flags & (syn | ack) == syn",
    );
    for round in 1..=3 {
        for (state, wanted) in [(&first, "8001"), (&second, "8002")] {
            node.carry_all(state);
            for _ in 0..2 {
                assert_eq!(node.machine.run(greeting()), wanted, "round {round}");
            }
        }
        assert_eq!(counted(&node.machine), round * 4, "no SYN is repeated");
    }
}

/// On a dummy device they answer ping, and so do those of nobody (KEP-5495).
#[test]
fn virtual_addresses_do_not_answer_ping() {
    let mut node = Node::new(Options::default());
    let served = (tcp("10.96.0.1", 80), with(1, &[1], false));
    node.carry_all(&node_state([served]));
    for (address, wanted) in [
        ("192.0.2.1", "answers"),
        ("10.96.0.1", "silent"),
        ("10.96.0.9", "silent"),
    ] {
        let ping =
            format!("ping -c 1 -W 2 {address} >/dev/null 2>&1 && echo answers || echo silent");
        let said = node.machine.execute(&["sh", "-c", &ping], "");
        assert_eq!(said.trim(), wanted, "{address}");
    }
}
