//! A client of a UDP frontend and its backend.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use socket2::{Domain, SockAddr, SockRef, Socket, Type};
use tokio::net::UdpSocket;
use tokio::task::JoinHandle;

use super::{BUFFER, TURN};
use crate::counters::{Active, count};
use crate::pool::Candidate;
use crate::route::Route;

/// Ends when it is dropped.
pub(super) struct Session {
    upstream: Arc<UdpSocket>,
    pub(super) candidate: Arc<Candidate>,
    last: Arc<AtomicU64>,
    route: Arc<Route>,
    replies: JoinHandle<()>,
}

/// What became of a datagram.
pub(super) enum Sent {
    /// It is on its way.
    Away,
    /// The kernel has no room for it.
    Dropped,
    /// The backend said that nobody listens (ICMP port unreachable to an earlier datagram).
    Refused,
}

impl Session {
    pub(super) fn open(
        frontend: &Arc<UdpSocket>,
        client: SocketAddr,
        candidate: Arc<Candidate>,
        route: &Arc<Route>,
    ) -> io::Result<Self> {
        let address = candidate.address();
        let socket = Socket::new(
            Domain::for_address(address),
            Type::DGRAM.nonblocking(),
            None,
        )?;
        socket.connect(&address.into())?;
        let upstream = Arc::new(UdpSocket::from_std(socket.into())?);
        let last = Arc::new(AtomicU64::new(route.shared.now()));
        count(&route.shared.counters.udp_sessions);
        let replies = Replies {
            upstream: Arc::clone(&upstream),
            frontend: Arc::downgrade(frontend),
            client,
            candidate: Arc::clone(&candidate),
            last: Arc::clone(&last),
            route: Arc::clone(route),
        };
        Ok(Self {
            upstream,
            candidate,
            last,
            route: Arc::clone(route),
            replies: tokio::spawn(replies.relay()),
        })
    }

    pub(super) fn send(&self, datagram: &[u8], now: u64) -> Sent {
        self.last.store(now, Ordering::Relaxed);
        // Straight to the kernel: tokio would not try before it has seen the new socket become writable.
        match SockRef::from(&*self.upstream).send(datagram) {
            Ok(_) => Sent::Away,
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                self.route.failed(&self.candidate, &error);
                Sent::Refused
            }
            Err(_) => Sent::Dropped,
        }
    }

    /// The backend refused, or the frontend is gone.
    pub(super) fn is_over(&self) -> bool {
        self.replies.is_finished()
    }

    pub(super) fn idle(&self, now: u64) -> u64 {
        now.saturating_sub(self.last.load(Ordering::Relaxed))
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.replies.abort();
    }
}

/// The way back.
struct Replies {
    upstream: Arc<UdpSocket>,
    /// Weak, so that closing the frontend closes its socket at once, whatever sessions still run.
    frontend: Weak<UdpSocket>,
    client: SocketAddr,
    candidate: Arc<Candidate>,
    last: Arc<AtomicU64>,
    route: Arc<Route>,
}

impl Replies {
    async fn relay(self) {
        let _active = Active::new(&self.route.shared.counters.udp_sessions_active);
        while self.upstream.readable().await.is_ok() && self.pass_on().is_some() {
            tokio::task::consume_budget().await;
        }
    }

    /// Passes on what arrived; `None` once the session is over.
    fn pass_on(&self) -> Option<()> {
        let frontend = self.frontend.upgrade()?;
        let frontend = SockRef::from(&*frontend);
        let client = SockAddr::from(self.client);
        BUFFER.with_borrow_mut(|buffer| {
            for _ in 0..TURN {
                match self.upstream.try_recv(buffer) {
                    Ok(length) => {
                        self.last.store(self.route.shared.now(), Ordering::Relaxed);
                        if frontend.send_to(&buffer[..length], &client).is_err() {
                            count(&self.route.shared.counters.udp_datagrams_dropped);
                        }
                    }
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Some(()),
                    Err(error) => {
                        self.route.failed(&self.candidate, &error);
                        return None;
                    }
                }
            }
            Some(())
        })
    }
}
