//! More UDP clients than there may be sessions, in a process of its own whose limit of open files says how many that are.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use nix::sys::resource::{Resource, setrlimit};
use portolan_dataplane::testing::{backend, frontend};
use portolan_dataplane::{Dataplane, FrontendKey, Plan};
use portolan_model::Protocol;
use portolan_userspace::UserspaceDataplane;
use tokio::net::UdpSocket;
use tokio::time::timeout;

const DEADLINE: Duration = Duration::from_secs(20);
/// An eighth of these is the most sessions.
const FILES: u64 = 1024;
const SESSIONS: usize = 128;
/// Two that are busy, and one that nobody has asked yet.
const BUSY: [u8; 2] = [2, 3];
const QUIET: u8 = 4;
/// Its part of an eighth of the sessions, which three share.
const PART: usize = 5;

fn key(number: u8) -> FrontendKey {
    let [_, _, second, third] = std::process::id().to_be_bytes();
    FrontendKey {
        address: Ipv4Addr::new(127, 192 + second % 32, third, number).into(),
        port: 7,
        protocol: Protocol::Udp,
    }
}

#[tokio::test]
async fn busy_frontends_leave_a_quiet_one_its_sessions() {
    setrlimit(Resource::RLIMIT_NOFILE, FILES, FILES).unwrap();
    let echo = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let to = echo.local_addr().unwrap();
    tokio::spawn(async move {
        let mut buffer = [0; 64];
        // Clients that are gone are none of its business.
        loop {
            if let Ok((length, from)) = echo.recv_from(&mut buffer).await {
                let _answered = echo.send_to(&buffer[..length], from).await;
            }
        }
    });
    let mut dataplane = UserspaceDataplane::new();
    let all = [BUSY[0], BUSY[1], QUIET];
    let plan = Plan {
        put: all
            .iter()
            .map(|n| (key(*n), frontend(*n, &[backend(1, to)]).into()))
            .collect(),
        ..Plan::default()
    };
    assert_eq!(dataplane.apply(&plan).await.rejected, []);
    let mut served = Vec::new();
    for _ in 0..SESSIONS {
        for number in BUSY {
            served.extend(talk(key(number).socket_addr()).await);
        }
    }
    assert!(served.len() < SESSIONS, "{} are served", served.len());
    for number in 0..PART {
        let served = talk(key(QUIET).socket_addr()).await;
        assert!(served.is_some(), "client {number} of the quiet one");
    }
}

/// A client that goes on after an answer, so that its session makes no room for others; `None`: it is not served.
async fn talk(to: SocketAddr) -> Option<UdpSocket> {
    let client = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await;
    let client = client.expect("a free port");
    client.connect(to).await.expect("there is a way");
    let mut buffer = [0; 64];
    for round in 0..3 {
        client.send(b"?").await.expect("it can be sent");
        // Who was served once is served until the deadline; who was not, is not after this long.
        let patience = if round == 0 {
            Duration::from_millis(20)
        } else {
            DEADLINE
        };
        timeout(patience, client.recv(&mut buffer))
            .await
            .ok()?
            .ok()?;
    }
    Some(client)
}
