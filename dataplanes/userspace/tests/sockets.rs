//! What is particular to a dataplane of sockets.

#[path = "common/unshare.rs"]
mod unshare;

use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use portolan_dataplane::testing::{backend, frontend};
use portolan_dataplane::{Dataplane, FrontendKey, Plan, RejectionCode};
use portolan_model::Protocol;
use portolan_userspace::{Options, UserspaceDataplane};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::time::timeout;
use unshare::in_namespaces;

const DEADLINE: Duration = Duration::from_secs(20);

/// An address for one test: `number` keeps the tests of this file apart, the process id other runs.
fn address(number: u8) -> Ipv4Addr {
    let [_, _, second, third] = std::process::id().to_be_bytes();
    Ipv4Addr::new(127, 128 + second % 64, third, number)
}

fn key(number: u8, protocol: Protocol) -> FrontendKey {
    FrontendKey {
        address: address(number).into(),
        port: 8080,
        protocol,
    }
}

fn put(key: FrontendKey, backends: &[SocketAddr]) -> Plan {
    let numbered = (1..).zip(backends);
    let backends: Vec<_> = numbered.map(|(n, address)| backend(n, *address)).collect();
    Plan {
        put: vec![(key, frontend(1, &backends).into())],
        ..Plan::default()
    }
}

async fn carry(dataplane: &mut UserspaceDataplane, plan: &Plan) {
    assert_eq!(dataplane.apply(plan).await.rejected, []);
}

fn counter(dataplane: &UserspaceDataplane, name: &str) -> u64 {
    let counters = dataplane.counters();
    let found = counters.iter().find(|(known, _)| *known == name);
    found.unwrap_or_else(|| panic!("no counter {name}")).1
}

/// Answers every connection with one byte and closes it.
async fn one_byte_server(at: Ipv4Addr) -> SocketAddr {
    let listener = TcpListener::bind((at, 0)).await.expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            stream.write_all(b"!").await.expect("the client reads");
        }
    });
    address
}

/// A port at which nobody listens.
async fn dead(at: Ipv4Addr) -> SocketAddr {
    let listener = TcpListener::bind((at, 0)).await.expect("a free port");
    listener.local_addr().expect("it is bound")
}

async fn read_all(key: FrontendKey) -> std::io::Result<Vec<u8>> {
    let reading = async {
        let mut all = Vec::new();
        let mut stream = TcpStream::connect(key.socket_addr()).await?;
        stream.read_to_end(&mut all).await?;
        Ok(all)
    };
    timeout(DEADLINE, reading).await.expect("in time")
}

#[tokio::test]
async fn a_backend_that_refuses_is_tried_around_and_then_passed_over() {
    let mut dataplane = UserspaceDataplane::new();
    let (alive, dead) = (one_byte_server(address(1)).await, dead(address(1)).await);
    let at = key(2, Protocol::Tcp);
    carry(&mut dataplane, &put(at, &[dead, alive])).await;
    for _ in 0..100 {
        assert_eq!(read_all(at).await.unwrap(), b"!");
    }
    assert_eq!(
        counter(&dataplane, "connect_failures_total"),
        1,
        "then passed over"
    );
    assert_eq!(counter(&dataplane, "connect_retries_total"), 1);
    assert_eq!(counter(&dataplane, "connections_reset_total"), 0);
}

#[tokio::test]
async fn a_client_is_reset_when_no_backend_can_be_reached() {
    let mut dataplane = UserspaceDataplane::new();
    let backends = [dead(address(3)).await, dead(address(3)).await];
    let at = key(4, Protocol::Tcp);
    carry(&mut dataplane, &put(at, &backends)).await;
    let outcome = read_all(at).await.map_err(|error| error.kind());
    assert_eq!(outcome, Err(ErrorKind::ConnectionReset));
    assert_eq!(counter(&dataplane, "connections_reset_total"), 1);
}

#[tokio::test]
async fn a_reset_by_the_backend_reaches_the_client_as_a_reset() {
    let mut dataplane = UserspaceDataplane::new();
    let listener = TcpListener::bind((address(5), 0)).await.unwrap();
    let at = key(6, Protocol::Tcp);
    carry(&mut dataplane, &put(at, &[listener.local_addr().unwrap()])).await;
    let client = tokio::spawn(read_all(at));
    let (mut backend, _) = timeout(DEADLINE, listener.accept()).await.unwrap().unwrap();
    backend.write_all(b"half of").await.unwrap();
    backend.set_zero_linger().unwrap();
    drop(backend);
    let outcome = client.await.unwrap().map_err(|error| error.kind());
    assert_eq!(outcome, Err(ErrorKind::ConnectionReset));
}

#[tokio::test]
async fn a_port_in_use_is_rejected_with_its_holder() {
    for (protocol, number) in [(Protocol::Tcp, 7), (Protocol::Udp, 8)] {
        let mut dataplane = UserspaceDataplane::new();
        let at = key(number, protocol);
        let tcp = TcpListener::bind(at.socket_addr()).await.unwrap();
        let udp = UdpSocket::bind(at.socket_addr()).await.unwrap();
        let applied = dataplane
            .apply(&put(at, &[([127, 0, 0, 1], 1).into()]))
            .await;
        let [rejected] = applied.rejected.as_slice() else {
            panic!("{protocol}: one rejection: {applied:?}");
        };
        assert_eq!(rejected.code, RejectionCode::PortInUse, "{protocol}");
        let holder = format!("(pid {})", std::process::id());
        for part in ["default/service-1", &at.to_string(), &holder] {
            assert!(
                rejected.message.contains(part),
                "{protocol}: {}",
                rejected.message
            );
        }
        drop((tcp, udp));
    }
}

/// As nobody in a user namespace of its own: root makes such an address local, and that is this machine's.
#[test]
fn an_address_that_is_not_local_is_rejected_with_a_remedy() {
    in_namespaces("--user", "without_privileges");
}

#[tokio::test]
#[ignore = "run by an_address_that_is_not_local_is_rejected_with_a_remedy as nobody"]
async fn without_privileges() {
    let mut dataplane = UserspaceDataplane::new();
    let at = FrontendKey {
        address: [192, 0, 2, 1].into(),
        ..key(9, Protocol::Tcp)
    };
    let applied = dataplane
        .apply(&put(at, &[([127, 0, 0, 1], 1).into()]))
        .await;
    let [rejected] = applied.rejected.as_slice() else {
        panic!("one rejection: {applied:?}");
    };
    assert_eq!(rejected.code, RejectionCode::FamilyUnavailable);
}

/// Answers every datagram with the port it came from, and itself.
async fn udp_server(at: Ipv4Addr) -> SocketAddr {
    let socket = UdpSocket::bind((at, 0)).await.expect("a free port");
    let address = socket.local_addr().expect("it is bound");
    tokio::spawn(async move {
        let mut buffer = [0; 2048];
        loop {
            // Clients that are gone are none of its business.
            if let Ok((length, client)) = socket.recv_from(&mut buffer).await {
                let answer = [&client.port().to_be_bytes(), &buffer[..length]].concat();
                let _answered = socket.send_to(&answer, client).await;
            }
        }
    });
    address
}

/// Asks until it is answered, as a UDP client has to; the port of its session.
async fn ask_udp(client: &UdpSocket, question: &[u8]) -> [u8; 2] {
    let asking = async {
        let mut buffer = [0; 2048];
        loop {
            client.send(question).await.expect("it can be sent");
            let answer = timeout(Duration::from_millis(500), client.recv(&mut buffer)).await;
            if matches!(answer, Ok(Ok(length)) if &buffer[2..length] == question) {
                return [buffer[0], buffer[1]];
            }
        }
    };
    timeout(DEADLINE, asking).await.expect("an answer")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_udp_clients_is_bounded_and_spares_whoever_talks_already() {
    const MOST: u64 = 32_768;
    let mut dataplane = UserspaceDataplane::new();
    let at = key(11, Protocol::Udp);
    let backend = udp_server(address(10)).await;
    carry(&mut dataplane, &put(at, &[backend])).await;
    let client = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    client.connect(at.socket_addr()).await.unwrap();
    let session = ask_udp(&client, b"one").await;
    assert_eq!(ask_udp(&client, b"two").await, session);
    let mut sent = 0_u16;
    while counter(&dataplane, "udp_sessions_evicted_total") < 100 {
        assert!(sent < 60_000, "some have made room by now");
        let [high, low] = sent.to_be_bytes();
        let invented = UdpSocket::bind((Ipv4Addr::new(127, 7, high, low), 0))
            .await
            .unwrap();
        invented.send_to(b"?", at.socket_addr()).await.unwrap();
        sent += 1;
        tokio::task::yield_now().await;
    }
    let active = counter(&dataplane, "udp_sessions_active");
    assert!(active <= MOST, "{active} sessions");
    let kept = ask_udp(&client, b"three").await;
    assert_eq!(kept, session, "it kept its session");
    for number in 0..100_u8 {
        // Served by sockets of those that made room.
        let another = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        another.connect(at.socket_addr()).await.unwrap();
        assert_ne!(ask_udp(&another, &[number]).await, session);
    }
    carry(
        &mut dataplane,
        &Plan {
            remove: vec![at],
            ..Plan::default()
        },
    )
    .await;
    assert_eq!(counter(&dataplane, "udp_sessions_active"), 0);
}

#[tokio::test]
async fn thousands_of_frontends_are_carried() {
    let mut dataplane = UserspaceDataplane::new();
    let only = backend(1, one_byte_server(address(12)).await);
    let keys: Vec<_> = (10_000..13_000)
        .map(|port| FrontendKey {
            port,
            ..key(13, Protocol::Tcp)
        })
        .collect();
    let mut plan = Plan::default();
    plan.put
        .extend(keys.iter().map(|key| (*key, frontend(1, &[only]).into())));
    carry(&mut dataplane, &plan).await;
    for at in keys.iter().step_by(500) {
        assert_eq!(read_all(*at).await.unwrap(), b"!");
    }
    let remove = Plan {
        remove: keys.clone(),
        ..Plan::default()
    };
    carry(&mut dataplane, &remove).await;
    for at in keys.iter().step_by(500) {
        let outcome = read_all(*at).await.map_err(|error| error.kind());
        assert_eq!(outcome, Err(ErrorKind::ConnectionRefused));
    }
}

#[tokio::test]
async fn backends_that_ask_for_it_are_told_of_their_clients() {
    let options = Options {
        proxy_protocol: vec!["default/service-1:main".parse().unwrap()],
        ..Options::default()
    };
    for (mut dataplane, number, tells) in [
        (UserspaceDataplane::with(options).unwrap(), 14, true),
        (UserspaceDataplane::new(), 15, false),
    ] {
        let listener = TcpListener::bind((address(number), 0)).await.unwrap();
        let at = key(number, Protocol::Tcp);
        carry(&mut dataplane, &put(at, &[listener.local_addr().unwrap()])).await;
        let mut client = TcpStream::connect(at.socket_addr()).await.unwrap();
        client.write_all(b"hello").await.unwrap();
        client.shutdown().await.unwrap();
        let (mut backend, _) = timeout(DEADLINE, listener.accept()).await.unwrap().unwrap();
        let mut arrived = Vec::new();
        timeout(DEADLINE, backend.read_to_end(&mut arrived))
            .await
            .unwrap()
            .unwrap();
        if tells {
            let header = arrived.split_off(28);
            assert_eq!(header, b"hello");
            let SocketAddr::V4(own) = client.local_addr().unwrap() else {
                panic!("an IPv4 client");
            };
            assert_eq!(arrived[..16], *b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c");
            assert_eq!(arrived[16..20], own.ip().octets());
            assert_eq!(arrived[20..24], address(number).octets());
            assert_eq!(arrived[24..26], own.port().to_be_bytes());
            assert_eq!(arrived[26..], 8080_u16.to_be_bytes());
        } else {
            assert_eq!(arrived, b"hello");
        }
    }
}
