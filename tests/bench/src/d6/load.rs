//! UDP clients and the backend.

use std::io::{self, IoSlice};
use std::net::{Ipv4Addr, SocketAddr};
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use nix::sys::socket::{ControlMessage, MsgFlags, sendmsg};
use tokio::net::UdpSocket;
use tokio::task::JoinSet;
use tokio::time::timeout;

/// A DNS question, about.
const SMALL: usize = 64;
/// A QUIC packet, and how many of them its senders hand to the kernel at once.
const PACKET: u16 = 1_200;
const PACKETS: usize = 16;
/// Questions that a client has on the way.
const WINDOW: usize = 8;
/// After which a datagram counts as lost.
const LOST: Duration = Duration::from_millis(200);

/// Answers small datagrams and counts the others. A thread of its own, as a program of one socket has.
pub(super) struct Backend {
    pub(super) at: SocketAddr,
    received: Arc<AtomicU64>,
}

impl Backend {
    pub(super) fn start() -> io::Result<Self> {
        let socket = std::net::UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        let at = socket.local_addr()?;
        let received = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&received);
        std::thread::spawn(move || {
            let mut buffer = [0; 2048];
            loop {
                // Clients that are gone are none of its business.
                let Ok((length, client)) = socket.recv_from(&mut buffer) else {
                    continue;
                };
                if length == SMALL {
                    let _answered = socket.send_to(&buffer[..length], client);
                } else {
                    counted.fetch_add(1, Ordering::Relaxed);
                }
            }
        });
        Ok(Self { at, received })
    }

    /// Datagrams a second that arrive of some clients that send as fast as they may.
    pub(super) async fn bulk(
        &self,
        to: SocketAddr,
        clients: usize,
        length: Duration,
    ) -> anyhow::Result<f64> {
        let stop = Arc::new(AtomicBool::new(false));
        let mut sending = Vec::new();
        for _ in 0..clients {
            let socket = std::net::UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
            socket.connect(to)?;
            let stop = Arc::clone(&stop);
            sending.push(std::thread::spawn(move || send_bulk(&socket, &stop)));
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        let (began, before) = (Instant::now(), self.received.load(Ordering::Relaxed));
        tokio::time::sleep(length).await;
        let arrived = self.received.load(Ordering::Relaxed) - before;
        let rate = float(arrived) / began.elapsed().as_secs_f64();
        stop.store(true, Ordering::Relaxed);
        for thread in sending {
            thread
                .join()
                .map_err(|_| anyhow::anyhow!("a sender failed"))?;
        }
        Ok(rate)
    }
}

fn send_bulk(socket: &std::net::UdpSocket, stop: &AtomicBool) {
    let packets = vec![0x5a; usize::from(PACKET) * PACKETS];
    let (payload, controls) = (
        [IoSlice::new(&packets)],
        [ControlMessage::UdpGsoSegments(&PACKET)],
    );
    while !stop.load(Ordering::Relaxed) {
        // Refusals of a relay that is not ready yet pass; what is lost was not received.
        let _sent = sendmsg::<()>(
            socket.as_raw_fd(),
            &payload,
            &controls,
            MsgFlags::empty(),
            None,
        );
    }
}

/// Sessions a second: every question comes from a new port.
pub(super) async fn sessions(
    to: SocketAddr,
    clients: usize,
    length: Duration,
) -> anyhow::Result<f64> {
    let began = Instant::now();
    let mut asking = JoinSet::new();
    for _ in 0..clients {
        asking.spawn(async move {
            let mut answered = 0_u64;
            while began.elapsed() < length {
                let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await?;
                socket.connect(to).await?;
                answered += u64::from(ask(&socket).await?);
            }
            io::Result::Ok(answered)
        });
    }
    sum(asking, began).await
}

/// Answers a second of some clients that keep their ports.
pub(super) async fn questions(
    to: SocketAddr,
    clients: usize,
    length: Duration,
) -> anyhow::Result<f64> {
    let began = Instant::now();
    let mut asking = JoinSet::new();
    for _ in 0..clients {
        asking.spawn(async move {
            let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await?;
            socket.connect(to).await?;
            let mut answered = 0_u64;
            let mut answer = [0; SMALL];
            while began.elapsed() < length {
                for _ in 0..WINDOW {
                    socket.send(&[0x5a; SMALL]).await?;
                }
                for _ in 0..WINDOW {
                    match timeout(LOST, socket.recv(&mut answer)).await {
                        Ok(received) => answered += u64::from(received? == SMALL),
                        Err(_) => break,
                    }
                }
            }
            io::Result::Ok(answered)
        });
    }
    sum(asking, began).await
}

async fn ask(socket: &UdpSocket) -> io::Result<bool> {
    socket.send(&[0x5a; SMALL]).await?;
    let mut answer = [0; SMALL];
    match timeout(LOST, socket.recv(&mut answer)).await {
        Ok(received) => Ok(received? == SMALL),
        Err(_) => Ok(false),
    }
}

async fn sum(mut asking: JoinSet<io::Result<u64>>, began: Instant) -> anyhow::Result<f64> {
    let mut all = 0;
    while let Some(one) = asking.join_next().await {
        all += one??;
    }
    Ok(float(all) / began.elapsed().as_secs_f64())
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
pub(super) fn float(count: u64) -> f64 {
    count as f64
}
