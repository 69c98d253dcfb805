//! The sessions of a frontend: found by client, woken by their sockets, bounded in number.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use nix::sys::epoll::{EpollEvent, EpollFlags, EpollTimeout};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::session::Session;
use crate::counters::{count, uncount};
use crate::route::Route;
use crate::sys::{BATCH, Batch, Sockets};

/// Sockets told ready by one call.
const EVENTS: usize = 64;

/// Number of a session: never used twice, so that what is told of an ended one concerns nobody.
type Number = u64;

pub(super) struct Sessions {
    by_number: HashMap<Number, Session>,
    by_client: HashMap<SocketAddr, Number>,
    /// Those that may have to make room, oldest first. Ended and settled ones leave it late.
    unsettled: VecDeque<Number>,
    next: Number,
    /// An epoll of their own: registering a socket is one system call and no allocation, and forgetting it is none.
    sockets: AsyncFd<Sockets>,
    events: Vec<EpollEvent>,
    /// Told ready, but not yet read.
    pending: VecDeque<Number>,
    route: Arc<Route>,
}

impl Sessions {
    pub(super) fn new(route: Arc<Route>) -> io::Result<Self> {
        Ok(Self {
            by_number: HashMap::new(),
            by_client: HashMap::new(),
            unsettled: VecDeque::new(),
            next: 0,
            sockets: Sockets::new()?,
            events: vec![EpollEvent::empty(); EVENTS],
            pending: VecDeque::new(),
            route,
        })
    }

    /// The client's session, opened if there is none. A failure to open one is lack of ports or descriptors, and a
    /// dropped datagram is what UDP clients expect of that.
    pub(super) fn of(&mut self, client: SocketAddr, now: u64) -> Option<&mut Session> {
        let number = match self.by_client.get(&client) {
            Some(number) => *number,
            None => self.open(client, now)?,
        };
        self.by_number.get_mut(&number)
    }

    fn open(&mut self, client: SocketAddr, now: u64) -> Option<Number> {
        self.make_room(now)?;
        let candidate = self.route.pick(client.ip(), None)?;
        let number = self.next;
        let opened = Session::open(client, candidate, now).and_then(|session| {
            let event = EpollEvent::new(EpollFlags::EPOLLIN, number);
            self.sockets.get_ref().0.add(&session.socket, event)?;
            Ok(session)
        });
        let session = opened
            .inspect_err(
                |error| tracing::debug!(frontend = %self.route.key, %error, "can't open a session"),
            )
            .ok()?;
        self.next += 1;
        count(&self.route.shared.counters.udp_sessions);
        count(&self.route.shared.counters.udp_sessions_active);
        self.by_number.insert(number, session);
        self.by_client.insert(client, number);
        self.unsettled.push_back(number);
        Some(number)
    }

    /// When there are as many as there may be, the oldest session that was hardly more than a question and its answer makes
    /// room, as in the kernel's connection tracking: a flood of invented clients drives out itself.
    fn make_room(&mut self, now: u64) -> Option<()> {
        while self.is_full() {
            let number = self.unsettled.pop_front()?;
            let session = self.by_number.get(&number);
            if session.is_some_and(|session| !session.is_settled || session.is_over(now)) {
                count(&self.route.shared.counters.udp_sessions_evicted);
                self.remove(number);
            }
        }
        // Most of what is behind the oldest live one ended already.
        while self
            .unsettled
            .front()
            .is_some_and(|n| !self.by_number.contains_key(n))
        {
            self.unsettled.pop_front();
        }
        Some(())
    }

    /// One frontend has half of all at most, so that a flood of it leaves others theirs.
    fn is_full(&self) -> bool {
        let shared = &self.route.shared;
        let all = shared.counters.udp_sessions_active.load(Ordering::Relaxed);
        let most = shared.most_sessions;
        self.by_number.len() >= most / 2 || all >= u64::try_from(most).unwrap_or(u64::MAX)
    }

    fn remove(&mut self, number: Number) {
        if let Some(session) = self.by_number.remove(&number) {
            uncount(&self.route.shared.counters.udp_sessions_active);
            self.by_client.remove(&session.client);
        }
    }

    /// The client's backend does not listen.
    pub(super) fn refused(&mut self, client: SocketAddr, error: &io::Error) {
        if let Some(number) = self.by_client.get(&client).copied() {
            self.fail(number, error);
        }
    }

    fn fail(&mut self, number: Number, error: &io::Error) {
        if let Some(session) = self.by_number.get(&number) {
            self.route.failed(&session.candidate, error);
        }
        self.remove(number);
    }

    /// Until there may be replies.
    pub(super) async fn ready(&self) -> io::Result<()> {
        if self.pending.is_empty() {
            // Told again until the epoll itself has nothing more to tell.
            self.sockets.readable().await?.retain_ready();
        }
        Ok(())
    }

    /// Receives replies into a batch, addressed to their clients; whether there may be more.
    pub(super) fn replies(&mut self, batch: &mut Batch, share: usize) -> io::Result<bool> {
        if self.pending.is_empty() && !self.poll()? {
            return Ok(false);
        }
        let now = self.route.shared.now();
        while batch.room() > 0 {
            let Some(number) = self.pending.pop_front() else {
                break;
            };
            let Some(session) = self.by_number.get_mut(&number) else {
                continue;
            };
            let first = BATCH - batch.room();
            match batch.receive(&session.socket, share) {
                Ok(received) => {
                    session.replied(now);
                    for index in first..first + received {
                        batch.address(index, session.client);
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => self.fail(number, &error),
            }
        }
        Ok(true)
    }

    /// Asks which sockets are ready; whether any is.
    fn poll(&mut self) -> io::Result<bool> {
        let events = &mut self.events;
        let told = self.sockets.try_io(Interest::READABLE, |sockets| {
            match sockets.0.wait(events, EpollTimeout::ZERO)? {
                0 => Err(io::ErrorKind::WouldBlock.into()),
                told => Ok(told),
            }
        });
        match told {
            Ok(told) => {
                let numbers = self.events[..told].iter().map(EpollEvent::data);
                self.pending.extend(numbers);
                Ok(true)
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(false),
            Err(error) => Err(error),
        }
    }

    pub(super) fn sweep(&mut self) {
        let now = self.route.shared.now();
        self.retain(|session, _| !session.is_over(now));
    }

    /// Ends the sessions with backends that left, so that their clients' next datagrams go elsewhere.
    pub(super) fn leave_withdrawn(&mut self) {
        self.retain(|session, route| route.offers(session.client.ip(), &session.candidate));
    }

    fn retain(&mut self, stays: impl Fn(&Session, &Route) -> bool) {
        let gone = self
            .by_number
            .iter()
            .filter(|(_, session)| !stays(session, &self.route));
        let gone: Vec<_> = gone.map(|(number, _)| *number).collect();
        for number in gone {
            self.remove(number);
        }
        let (live, unsettled) = (&self.by_number, &mut self.unsettled);
        unsettled.retain(|number| live.get(number).is_some_and(|session| !session.is_settled));
    }
}

impl Drop for Sessions {
    fn drop(&mut self) {
        self.retain(|_, _| false);
    }
}
