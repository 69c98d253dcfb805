//! More UDP clients than the node has ephemeral ports, in a network namespace of their own.

#[path = "common/ip.rs"]
mod ip;
#[path = "common/unshare.rs"]
mod unshare;

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use ip::ip;
use portolan_dataplane::testing::{backend, frontend};
use portolan_dataplane::{Dataplane, FrontendKey, Plan};
use portolan_model::Protocol;
use portolan_userspace::UserspaceDataplane;
use tokio::net::UdpSocket;
use tokio::time::timeout;
use unshare::in_namespaces;

const DEADLINE: Duration = Duration::from_secs(20);
const FIRST: u16 = 40_000;
const PORTS: u16 = 64;
/// Clients, none of which goes on after its answer.
const CLIENTS: u16 = 4 * PORTS;

#[test]
fn the_oldest_sessions_make_room_where_ports_are_few() {
    in_namespaces("--user --map-root-user --net", "few_ports");
}

#[tokio::test]
#[ignore = "run by the_oldest_sessions_make_room_where_ports_are_few in a namespace of its own"]
async fn few_ports() {
    ip("link set lo up");
    let range = format!("{FIRST} {}", FIRST + PORTS - 1);
    std::fs::write("/proc/sys/net/ipv4/ip_local_port_range", range).unwrap();
    let echo = UdpSocket::bind((Ipv4Addr::LOCALHOST, 7)).await.unwrap();
    let to = echo.local_addr().unwrap();
    tokio::spawn(async move {
        let mut buffer = [0; 64];
        while let Ok((length, from)) = echo.recv_from(&mut buffer).await {
            echo.send_to(&buffer[..length], from).await.unwrap();
        }
    });
    let key = FrontendKey {
        address: Ipv4Addr::new(127, 0, 0, 2).into(),
        port: 7,
        protocol: Protocol::Udp,
    };
    let mut dataplane = UserspaceDataplane::new();
    let plan = Plan {
        put: vec![(key, frontend(1, &[backend(1, to)]).into())],
        ..Plan::default()
    };
    assert_eq!(dataplane.apply(&plan).await.rejected, []);
    for port in 1_000..1_000 + CLIENTS {
        let answered = timeout(DEADLINE, ask(port, key.socket_addr())).await;
        assert!(matches!(answered, Ok(Ok(()))), "port {port}: {answered:?}");
    }
    let counters = dataplane.counters();
    let evicted = counters
        .iter()
        .find(|(name, _)| *name == "udp_sessions_evicted_total");
    let (_, evicted) = evicted.expect("it is counted");
    assert!(
        *evicted >= u64::from(CLIENTS - PORTS),
        "{evicted} made room"
    );
}

/// One question and its answer, from a port outside the range.
async fn ask(port: u16, to: SocketAddr) -> std::io::Result<()> {
    let client = UdpSocket::bind((Ipv4Addr::LOCALHOST, port)).await?;
    client.send_to(b"?", to).await?;
    let mut buffer = [0; 64];
    let (length, from) = client.recv_from(&mut buffer).await?;
    assert_eq!((&buffer[..length], from), (&b"?"[..], to));
    Ok(())
}
