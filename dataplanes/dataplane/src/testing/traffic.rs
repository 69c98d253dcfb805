//! What clients see, told by real sockets.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::net::{IpAddr, Ipv6Addr};

use portolan_model::view::Reach;
use portolan_model::{Family, Protocol};

use super::Lab;
use super::client::{Conversation, Datagrams, ask};
use super::echo::Echo;
use super::lab::{address, backend, frontend, key, node_state, pool};
use crate::{Dataplane, Frontend, FrontendKey, NodeState};

async fn echo(protocol: Protocol, name: &str) -> Echo {
    Echo::new(protocol, name, address()).await
}

/// Service 1 with these servers as its endpoints 1, 2, ….
fn serving(servers: &[&Echo]) -> Frontend {
    let numbered = (1..).zip(servers);
    let backends: Vec<_> = numbered
        .map(|(n, server)| backend(n, server.address))
        .collect();
    frontend(1, &backends)
}

async fn assert_reaches(key: FrontendKey, server: &Echo) {
    let with = ask(key).await.expect("somebody answers");
    assert_eq!(with, server.name, "{key}");
}

async fn assert_refused(key: FrontendKey) {
    let outcome = ask(key).await.map_err(|error| error.kind());
    assert_eq!(outcome, Err(ErrorKind::ConnectionRefused), "{key}");
}

/// Weights 1, 1 and 2. The bound on χ² with two degrees of freedom is passed by chance once in three million runs.
pub async fn every_backend_is_reached_by_its_weight(mut lab: Lab<impl Dataplane>) {
    const ROUNDS: f64 = 400.0;
    for protocol in lab.protocols() {
        let servers = [
            echo(protocol, "a").await,
            echo(protocol, "b").await,
            echo(protocol, "c").await,
        ];
        let mut wanted = serving(&servers.each_ref());
        wanted.pool.backends[2].weight = 2;
        let at = key(protocol);
        lab.carry_all(&node_state([(at, wanted)])).await;

        let mut seen = BTreeMap::<_, f64>::new();
        let mut round = 0.0;
        while round < ROUNDS {
            *seen
                .entry(ask(at).await.expect("somebody answers"))
                .or_default() += 1.0;
            round += 1.0;
        }
        let expected = [
            ("a", ROUNDS / 4.0),
            ("b", ROUNDS / 4.0),
            ("c", ROUNDS / 2.0),
        ];
        let distance = |(name, want): (&str, f64)| {
            let got = seen.get(name).copied().unwrap_or_default();
            (got - want).powi(2) / want
        };
        let chi_square: f64 = expected.into_iter().map(distance).sum();
        assert!(chi_square < 30.0, "{protocol}: {seen:?}");
    }
}

/// Draining: established connections end when they end.
pub async fn new_connections_leave_a_replaced_backend_and_established_ones_live_on(
    mut lab: Lab<impl Dataplane>,
) {
    if !lab.protocols().contains(&Protocol::Tcp) {
        return;
    }
    let (old, new) = (
        echo(Protocol::Tcp, "old").await,
        echo(Protocol::Tcp, "new").await,
    );
    let at = key(Protocol::Tcp);
    lab.carry_all(&node_state([(at, serving(&[&old]))])).await;
    let mut established = Conversation::open(at.socket_addr()).await.expect("served");

    let mut replaced = serving(&[]);
    replaced.pool.backends = vec![backend(2, new.address)];
    let replaced = node_state([(at, replaced)]);
    for desired in [&replaced, &NodeState::new(), &replaced] {
        lab.carry_all(desired).await;
        if !desired.is_empty() {
            for _ in 0..20 {
                assert_reaches(at, &new).await;
            }
        }
        let echoed = established.echo(b"still there?").await;
        assert_eq!(echoed.expect("alive"), b"still there?");
    }
    assert_eq!(established.finish().await.expect("alive"), "end of old");
}

/// A client that never changes its source port moves, too, also by way of no backend at all.
pub async fn udp_clients_follow_a_replaced_backend(mut lab: Lab<impl Dataplane>) {
    if !lab.protocols().contains(&Protocol::Udp) {
        return;
    }
    let (old, new) = (
        echo(Protocol::Udp, "old").await,
        echo(Protocol::Udp, "new").await,
    );
    let at = key(Protocol::Udp);
    lab.carry_all(&node_state([(at, serving(&[&old]))])).await;
    let client = Datagrams::open(at.socket_addr())
        .await
        .expect("a UDP client");
    client.reach("old").await;

    let mut replaced = serving(&[]);
    replaced.pool.backends = vec![backend(2, new.address)];
    lab.carry_all(&node_state([(at, replaced)])).await;
    client.reach("new").await;

    lab.carry_all(&node_state([(at, serving(&[]))])).await;
    lab.carry_all(&node_state([(at, serving(&[&old]))])).await;
    client.reach("old").await;
}

/// Not left to a time-out; and served as soon as there is somebody.
pub async fn without_a_backend_clients_are_refused_at_once(mut lab: Lab<impl Dataplane>) {
    for protocol in lab.protocols() {
        let server = echo(protocol, "late").await;
        let at = key(protocol);
        for _ in 0..2 {
            lab.carry_all(&node_state([(at, serving(&[]))])).await;
            assert_refused(at).await;
            lab.carry_all(&node_state([(at, serving(&[&server]))]))
                .await;
            assert_reaches(at, &server).await;
        }
    }
}

/// Two Services share a backend; one of them goes.
pub async fn a_removed_frontend_refuses_while_others_serve(mut lab: Lab<impl Dataplane>) {
    for protocol in lab.protocols() {
        let server = echo(protocol, "shared").await;
        let (gone, kept) = (key(protocol), key(protocol));
        let both = [gone, kept].map(|at| (at, serving(&[&server])));
        lab.carry_all(&node_state(both)).await;
        assert_reaches(gone, &server).await;

        lab.carry_all(&node_state([(kept, serving(&[&server]))]))
            .await;
        assert_refused(gone).await;
        assert_reaches(kept, &server).await;
    }
}

/// RFC 9293, section 3.6: after a FIN the other direction stays open.
pub async fn a_half_closed_connection_is_still_answered(mut lab: Lab<impl Dataplane>) {
    if !lab.protocols().contains(&Protocol::Tcp) {
        return;
    }
    let server = echo(Protocol::Tcp, "patient").await;
    let at = key(Protocol::Tcp);
    lab.carry_all(&node_state([(at, serving(&[&server]))]))
        .await;
    let conversation = Conversation::open(at.socket_addr()).await.expect("served");
    assert_eq!(
        conversation.finish().await.expect("answered"),
        "end of patient"
    );
}

/// Beyond an MTU, beyond a buffer, and for UDP near the longest datagram.
pub async fn large_payloads_pass_unharmed(mut lab: Lab<impl Dataplane>) {
    for protocol in lab.protocols() {
        let server = echo(protocol, "large").await;
        let at = key(protocol);
        lab.carry_all(&node_state([(at, serving(&[&server]))]))
            .await;
        for length in [1, 2_000, 60_000, 100_000] {
            let payload: Vec<u8> = (0..=u8::MAX).cycle().take(length).collect();
            if protocol == Protocol::Tcp {
                let mut conversation = Conversation::open(at.socket_addr()).await.expect("served");
                let echoed = conversation.echo(&payload).await.expect("echoed");
                assert!(echoed == payload, "{length} bytes by TCP");
            } else if length < 65_000 {
                let client = Datagrams::open(at.socket_addr())
                    .await
                    .expect("a UDP client");
                let asked = super::client::soon("an answer", client.ask(&payload)).await;
                assert_eq!(asked.expect("answered"), "large", "{length} bytes by UDP");
            }
        }
    }
}

/// Two frontends of one Service at different addresses.
pub async fn node_port_and_virtual_address_lead_to_the_same_service(mut lab: Lab<impl Dataplane>) {
    for protocol in lab.protocols() {
        let server = echo(protocol, "one").await;
        let cluster_ip = key(protocol);
        let node_port = FrontendKey {
            port: 30_080,
            ..key(protocol)
        };
        let mut external = serving(&[&server]);
        external.reach = Reach::External;
        let desired = node_state([(cluster_ip, serving(&[&server])), (node_port, external)]);
        lab.carry_all(&desired).await;
        for at in [cluster_ip, node_port] {
            assert_reaches(at, &server).await;
        }
    }
}

/// The transport is a part of the key.
pub async fn tcp_and_udp_on_one_port_are_different_services(mut lab: Lab<impl Dataplane>) {
    if lab.protocols().len() < 2 {
        return;
    }
    let (tcp, udp) = (
        echo(Protocol::Tcp, "tcp").await,
        echo(Protocol::Udp, "udp").await,
    );
    let at_tcp = key(Protocol::Tcp);
    let at_udp = FrontendKey {
        protocol: Protocol::Udp,
        ..at_tcp
    };
    let mut other = serving(&[&udp]);
    other.service = frontend(2, &[]).service;
    lab.carry_all(&node_state([
        (at_tcp, serving(&[&tcp])),
        (at_udp, other.clone()),
    ]))
    .await;
    assert_reaches(at_tcp, &tcp).await;
    assert_reaches(at_udp, &udp).await;
    lab.carry_all(&node_state([(at_udp, other)])).await;
    assert_refused(at_tcp).await;
    assert_reaches(at_udp, &udp).await;
}

/// The kit's clients are on the node itself, so they get the list for sources inside although the other is empty.
pub async fn sources_inside_use_their_own_list(mut lab: Lab<impl Dataplane>) {
    for protocol in lab.protocols() {
        let server = echo(protocol, "elsewhere").await;
        let at = key(protocol);
        let mut external = serving(&[]);
        external.reach = Reach::External;
        external.inside = Some(Box::new(pool(&[backend(1, server.address)])));
        lab.carry_all(&node_state([(at, external)])).await;
        if lab.capabilities().inside {
            assert_reaches(at, &server).await;
        } else {
            assert_refused(at).await;
        }
    }
}

/// At the node's own address, which needs no range of virtual ones.
pub async fn ipv6_is_served_if_declared(mut lab: Lab<impl Dataplane>) {
    let loopback: IpAddr = Ipv6Addr::LOCALHOST.into();
    for protocol in lab.protocols() {
        let server = Echo::new(protocol, "six", loopback).await;
        let port = free_port(loopback, protocol);
        let at = FrontendKey {
            address: loopback,
            port,
            protocol,
        };
        let desired = node_state([(at, serving(&[&server]))]);
        if lab.capabilities().families.contains(&Family::V6) {
            lab.carry_all(&desired).await;
            assert_reaches(at, &server).await;
        } else {
            let (plan, _) = lab.carry(&desired).await;
            assert_eq!(plan.unsupported.len(), 1);
        }
    }
}

/// `::1` is shared with all other programs, so the kernel chooses a port, and the chance that somebody takes it in between
/// is small.
fn free_port(address: IpAddr, protocol: Protocol) -> u16 {
    let bound = if protocol == Protocol::Tcp {
        std::net::TcpListener::bind((address, 0)).and_then(|socket| socket.local_addr())
    } else {
        std::net::UdpSocket::bind((address, 0)).and_then(|socket| socket.local_addr())
    };
    bound.expect("a free port").port()
}
