//! UDP: one socket a frontend, one session a client.

mod session;

use std::cell::RefCell;
use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::UdpSocket;
use tokio::time::{MissedTickBehavior, interval, sleep};

use crate::counters::count;
use crate::route::Route;
use session::{Sent, Session};

/// Sessions of one frontend. A session is a socket and about 2 KiB; a flood of invented clients ends here.
const MOST_SESSIONS: usize = 4096;

/// Idle time after which a session ends: DNS needs 5 seconds, QUIC's usual idle time-out is 30, and keepalives through
/// NAT come every 15 to 30.
const IDLE_MS: u64 = 60_000;

/// How often idle sessions are looked for; they may live this much longer.
const SWEEP: Duration = Duration::from_secs(5);

/// Pause after the socket itself failed.
const RECEIVE_PAUSE: Duration = Duration::from_millis(100);

/// Datagrams handled before other tasks get a turn.
const TURN: usize = 64;

/// The longest UDP payload, and a bit.
const LONGEST: usize = 64 * 1024;

thread_local! {
    /// One buffer a thread instead of one a session: it is only needed between two awaits.
    static BUFFER: RefCell<Vec<u8>> = RefCell::new(vec![0; LONGEST]);
}

/// Relays until it is aborted; its sessions end with it.
pub(crate) async fn serve(socket: UdpSocket, route: Arc<Route>) {
    let mut frontend = Frontend {
        socket: Arc::new(socket),
        route,
        sessions: HashMap::new(),
        full_since: 0,
    };
    let mut sweep = interval(SWEEP);
    sweep.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            ready = frontend.socket.readable() => {
                let received = ready.and_then(|()| frontend.receive());
                if let Err(error) = received {
                    tracing::warn!(frontend = %frontend.route.key, %error, "can't receive datagrams");
                    sleep(RECEIVE_PAUSE).await;
                }
                tokio::task::consume_budget().await;
            }
            () = frontend.route.changed.notified() => frontend.leave_withdrawn(),
            _ = sweep.tick(), if !frontend.sessions.is_empty() => frontend.sweep(),
        }
    }
}

struct Frontend {
    socket: Arc<UdpSocket>,
    route: Arc<Route>,
    sessions: HashMap<SocketAddr, Session>,
    /// When the sessions were last swept because there was no room.
    full_since: u64,
}

impl Frontend {
    fn receive(&mut self) -> io::Result<()> {
        BUFFER.with_borrow_mut(|buffer| {
            for _ in 0..TURN {
                match self.socket.try_recv_from(buffer) {
                    Ok((length, client)) => self.forward(client, &buffer[..length]),
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                    Err(error) => return Err(error),
                }
            }
            Ok(())
        })
    }

    /// Sends a client's datagram to its backend; to another one if the first is known not to listen.
    fn forward(&mut self, client: SocketAddr, datagram: &[u8]) {
        let now = self.route.shared.now();
        for _ in 0..2 {
            let Some(session) = self.session(client) else {
                break;
            };
            match session.send(datagram, now) {
                Sent::Away => return,
                Sent::Dropped => break,
                Sent::Refused => drop(self.sessions.remove(&client)),
            }
        }
        count(&self.route.shared.counters.udp_datagrams_dropped);
    }

    /// The client's session, opened if there is none. A failure to open one is lack of ports or descriptors, and a
    /// dropped datagram is what UDP clients expect of that.
    fn session(&mut self, client: SocketAddr) -> Option<&Session> {
        if self.sessions.get(&client).is_none_or(Session::is_over) {
            self.sessions.remove(&client);
            self.make_room()?;
            let candidate = self.route.pick(client.ip(), None)?;
            let session = Session::open(&self.socket, client, candidate, &self.route);
            let session = session
                .inspect_err(|error| tracing::debug!(frontend = %self.route.key, %error, "can't open a session"))
                .ok()?;
            self.sessions.insert(client, session);
        }
        self.sessions.get(&client)
    }

    fn make_room(&mut self) -> Option<()> {
        let now = self.route.shared.now();
        // Sweeping costs as much as there are sessions, so a flood must not cause it with every datagram.
        if self.sessions.len() >= MOST_SESSIONS && now.saturating_sub(self.full_since) >= 1_000 {
            self.full_since = now;
            self.sweep();
        }
        (self.sessions.len() < MOST_SESSIONS).then_some(())
    }

    fn sweep(&mut self) {
        let now = self.route.shared.now();
        self.sessions
            .retain(|_, session| !session.is_over() && session.idle(now) < IDLE_MS);
    }

    /// Ends the sessions with backends that left, so that their clients' next datagrams go elsewhere.
    fn leave_withdrawn(&mut self) {
        let route = &self.route;
        self.sessions
            .retain(|client, session| route.offers(client.ip(), &session.candidate));
    }
}
