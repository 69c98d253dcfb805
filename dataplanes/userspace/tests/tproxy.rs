//! One listener for all TCP frontends, in a network namespace of its own.

#[path = "common/ip.rs"]
mod ip;
#[path = "common/unshare.rs"]
mod unshare;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::process::Command;

use ip::ip;
use portolan_dataplane::testing::{backend, frontend};
use portolan_dataplane::{Dataplane, Environment, FrontendKey, Plan};
use portolan_model::Protocol;
use portolan_userspace::{Options, UserspaceDataplane};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use unshare::in_namespaces;

/// Frontends; each would have a listener of its own.
const MANY: u16 = 2_000;

#[test]
fn all_tcp_services_share_a_listener() {
    in_namespaces("--net", "many_frontends");
}

#[test]
fn what_somebody_does_to_the_table_is_put_right() {
    in_namespaces("--net", "a_table_that_is_deleted");
}

fn dataplane() -> UserspaceDataplane {
    let options = Options {
        tproxy: true,
        ..Options::default()
    };
    UserspaceDataplane::with(options).expect("root may have a transparent socket")
}

async fn start() -> UserspaceDataplane {
    ip("link set lo up");
    let mut dataplane = dataplane();
    let environment = Environment {
        service_cidrs: ["10.96.0.0/16", "fd00:96::/112"]
            .map(|range| range.parse().expect("a range"))
            .into(),
        ..Environment::default()
    };
    dataplane.configure(&environment).await.expect("as root");
    dataplane.observe().await.expect("nothing yet");
    dataplane
}

fn key(address: &str, port: u16) -> FrontendKey {
    FrontendKey {
        address: address.parse().expect("an address"),
        port,
        protocol: Protocol::Tcp,
    }
}

/// Says its number to everybody, and repeats what it hears.
async fn saying(number: u8, at: &str) -> SocketAddr {
    let at: IpAddr = at.parse().expect("an address");
    let listener = TcpListener::bind((at, 0)).await.expect("loopback");
    let address = listener.local_addr().expect("bound");
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                stream.write_all(&[number]).await?;
                let (mut from, mut to) = stream.split();
                tokio::io::copy(&mut from, &mut to).await
            });
        }
    });
    address
}

/// A connection that a backend has greeted, and its number.
async fn greeted(key: FrontendKey) -> std::io::Result<(TcpStream, u8)> {
    let mut client = TcpStream::connect(key.socket_addr()).await?;
    let number = client.read_u8().await?;
    Ok((client, number))
}

async fn echo(client: &mut TcpStream) {
    client.write_all(b"still there").await.expect("it is open");
    let mut answer = [0; 11];
    client.read_exact(&mut answer).await.expect("it is open");
    assert_eq!(&answer, b"still there");
}

fn run(words: &str) -> String {
    let mut words = words.split(' ');
    let program = words.next().expect("a program");
    let output = Command::new(program).args(words).output();
    let output = output.unwrap_or_else(|error| panic!("{program}: {error}"));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[tokio::test]
#[ignore = "run by all_tcp_services_share_a_listener in a namespace of its own"]
async fn many_frontends() {
    let mut dataplane = start().await;
    let backends = [saying(1, "127.0.0.1").await, saying(2, "::1").await];
    let at = |port: u16| {
        let which = usize::from(port % 2);
        (key(["10.96.0.1", "fd00:96::1"][which], port), which)
    };
    // Somebody has one of the ports at all addresses, and never answers.
    let _wildcard = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 2))
        .await
        .expect("as root");
    let listening = || run("ss -Hltn").lines().count();
    let before = listening();
    let put = (1..=MANY).map(|port| {
        let (key, which) = at(port);
        let backend = backend(port.to_be_bytes()[1], backends[which]);
        (key, frontend(1, &[backend]).into())
    });
    let plan = Plan {
        put: put.collect(),
        ..Plan::default()
    };
    assert_eq!(dataplane.apply(&plan).await.rejected, []);
    assert_eq!(listening(), before, "none has a listener of its own");
    let observed = dataplane.observe().await.expect("all stands");
    assert_eq!(observed.len(), usize::from(MANY));

    let mut kept = Vec::new();
    for port in [1, 2, 999, 1_000, MANY] {
        let (key, which) = at(port);
        let (client, number) = greeted(key).await.expect("carried");
        assert_eq!(usize::from(number), which + 1, "{key}");
        assert_eq!(client.peer_addr().expect("connected"), key.socket_addr());
        kept.push(client);
    }
    for (row, key) in [
        ("another port", key("10.96.0.1", MANY + 1)),
        ("another address", key("10.96.0.2", 4)),
    ] {
        let refused = greeted(key).await.expect_err(row);
        assert_eq!(
            refused.kind(),
            std::io::ErrorKind::ConnectionRefused,
            "{row}"
        );
    }

    let remove = Plan {
        remove: plan.put.iter().map(|(key, _)| *key).collect(),
        ..Plan::default()
    };
    dataplane.apply(&remove).await;
    let refused = greeted(at(1).0).await.expect_err("it is gone");
    assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
    for client in &mut kept {
        echo(client).await;
    }
    dataplane.cleanup().await.expect("as root");
    assert_eq!(run("nft list tables"), "", "nothing is left");
}

#[tokio::test]
#[ignore = "run by what_somebody_does_to_the_table_is_put_right in a namespace of its own"]
async fn a_table_that_is_deleted() {
    let mut dataplane = start().await;
    let served = key("10.96.0.1", 80);
    let backend = backend(1, saying(1, "127.0.0.1").await);
    let plan = Plan {
        put: vec![(served, frontend(1, &[backend]).into())],
        ..Plan::default()
    };
    assert_eq!(dataplane.apply(&plan).await.rejected, []);
    let (mut kept, _) = greeted(served).await.expect("carried");
    let handles = || run("nft -a list table ip portolan-userspace");
    let before = handles();
    run("nft add table ip of-somebody-else");
    dataplane.observe().await.expect("nothing of ours changed");
    assert_eq!(handles(), before, "what stands is left as it is");
    for (row, done) in [
        (
            "the table is deleted",
            "nft delete table ip portolan-userspace",
        ),
        (
            "its elements go",
            "nft flush set ip portolan-userspace frontends",
        ),
        (
            "its rules go",
            "nft flush chain ip portolan-userspace prerouting",
        ),
        (
            "a frontend of nobody comes",
            "nft add element ip portolan-userspace frontends { 10.96.0.9 . tcp . 9 }",
        ),
    ] {
        run(done);
        echo(&mut kept).await;
        dataplane.observe().await.expect(row);
        let (_, number) = greeted(served).await.expect(row);
        assert_eq!(number, 1, "{row}");
        let listed = run("nft list set ip portolan-userspace frontends");
        assert!(listed.contains("10.96.0.1 . tcp . 80"), "{row}: {listed}");
        assert!(!listed.contains("10.96.0.9"), "{row}: {listed}");
    }
    // A successor finds what this one left, with a port where nobody listens.
    drop(dataplane);
    let mut successor = start().await;
    assert_eq!(successor.apply(&plan).await.rejected, []);
    greeted(served).await.expect("carried by the successor");
}
