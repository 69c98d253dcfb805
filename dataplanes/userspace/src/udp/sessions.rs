//! The sessions of a frontend: found by client, woken by their sockets, bounded in number.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use nix::sys::epoll::{EpollEvent, EpollTimeout};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::session::Session;
use super::slots::Slots;
use super::upstream::{Slot, Upstream};
use crate::counters::{count, uncount};
use crate::route::Route;
use crate::sys::{BATCH, Batch, Sockets};

/// Sockets told ready by one call.
const EVENTS: usize = 64;

/// Sockets of sessions that made room rest until so many others do. What the kernel was about to put into one of them when
/// it lost its port is in it by then.
const RESTING: usize = 32;

pub(super) struct Sessions {
    slots: Slots,
    by_client: HashMap<SocketAddr, Slot>,
    /// Those that may have to make room with their numbers, oldest first. Ended and settled ones leave it late.
    unsettled: VecDeque<(Slot, u64)>,
    next: u64,
    /// An epoll of their own: registering a socket is one system call and no allocation, and forgetting it is none.
    sockets: AsyncFd<Sockets>,
    events: Vec<EpollEvent>,
    /// Told ready, but not yet read.
    pending: VecDeque<Slot>,
    resting: VecDeque<Upstream>,
    route: Arc<Route>,
}

impl Sessions {
    pub(super) fn new(route: Arc<Route>) -> io::Result<Self> {
        let sockets = Sockets::new()?;
        route.engine.session_room.enter();
        Ok(Self {
            slots: Slots::default(),
            by_client: HashMap::new(),
            unsettled: VecDeque::new(),
            next: 0,
            sockets,
            events: vec![EpollEvent::empty(); EVENTS],
            pending: VecDeque::new(),
            resting: VecDeque::new(),
            route,
        })
    }

    /// The client's session, opened if there is none. A failure to open one is lack of ports or descriptors, and a
    /// dropped datagram is what UDP clients expect of that.
    pub(super) fn of(&mut self, client: SocketAddr, now: u64) -> Option<&mut Session> {
        let slot = match self.by_client.get(&client) {
            Some(slot) => *slot,
            None => self.open(client, now)?,
        };
        self.slots.get_mut(slot)
    }

    fn open(&mut self, client: SocketAddr, now: u64) -> Option<Slot> {
        self.make_room(now)?;
        let candidate = self.route.pick(client.ip(), None)?;
        let upstream = self
            .upstream_in_place(candidate.address(), now)
            .inspect_err(
                |error| tracing::debug!(frontend = %self.route.key, %error, "can't open a session"),
            )
            .ok()?;
        let (slot, number) = (upstream.slot, self.next);
        self.next += 1;
        count(&self.route.engine.counters.udp_sessions);
        count(&self.route.engine.counters.udp_sessions_active);
        let session = Session::new(upstream, number, client, candidate, now);
        self.slots.put(session);
        self.by_client.insert(client, slot);
        self.unsettled.push_back((slot, number));
        Some(slot)
    }

    /// A socket for a session with this backend; in the place of another session if the kernel has no port left (EAGAIN):
    /// ephemeral ones may be fewer than sessions.
    fn upstream_in_place(&mut self, address: SocketAddr, now: u64) -> io::Result<Upstream> {
        match self.upstream(address) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.evict(now).ok_or(error)?;
                self.upstream(address)
            }
            opened => opened,
        }
    }

    /// One that rested costs a third of a new one, and has a new port, too.
    fn upstream(&mut self, address: SocketAddr) -> io::Result<Upstream> {
        let rested = if self.resting.len() > RESTING {
            self.resting.pop_front()
        } else {
            None
        };
        let upstream = match rested {
            Some(rested) if rested.is_fit_for(address) => rested,
            other => {
                self.close(other);
                let slot = self.slots.reserve();
                let opened = Upstream::open(address, slot, &self.sockets.get_ref().0);
                opened.inspect_err(|_| self.slots.release(slot))?
            }
        };
        if let Err(error) = upstream.connect(address) {
            self.close(Some(upstream));
            return Err(error);
        }
        Ok(upstream)
    }

    fn close(&mut self, upstreams: impl IntoIterator<Item = Upstream>) {
        for upstream in upstreams {
            self.slots.release(upstream.slot);
        }
    }

    /// When there are as many as there may be, one makes room.
    fn make_room(&mut self, now: u64) -> Option<()> {
        while self.is_full() {
            self.evict(now)?;
        }
        // Most of what is behind the oldest live one ended already.
        while let Some((slot, number)) = self.unsettled.front().copied() {
            if self.numbered(slot, number).is_some() {
                break;
            }
            self.unsettled.pop_front();
        }
        Some(())
    }

    /// The oldest session that was hardly more than a question and its answer ends, as in the kernel's connection tracking: a
    /// flood of invented clients drives out itself.
    fn evict(&mut self, now: u64) -> Option<()> {
        loop {
            let (slot, number) = self.unsettled.pop_front()?;
            let session = self.numbered(slot, number);
            if session.is_none_or(|session| session.is_settled && !session.is_over(now)) {
                continue;
            }
            count(&self.route.engine.counters.udp_sessions_evicted);
            match self.end(slot) {
                Some(upstream) if upstream.rest().is_ok() => self.resting.push_back(upstream),
                other => self.close(other),
            }
            return Some(());
        }
    }

    fn numbered(&self, slot: Slot, number: u64) -> Option<&Session> {
        self.slots
            .get(slot)
            .filter(|session| session.number == number)
    }

    fn is_full(&self) -> bool {
        let engine = &self.route.engine;
        let all = engine.counters.udp_sessions_active.load(Ordering::Relaxed);
        let all = usize::try_from(all).unwrap_or(usize::MAX);
        engine.session_room.is_full(self.by_client.len(), all)
    }

    /// Ends a session, and leaves its socket.
    fn end(&mut self, slot: Slot) -> Option<Upstream> {
        let session = self.slots.take(slot)?;
        uncount(&self.route.engine.counters.udp_sessions_active);
        self.by_client.remove(&session.client);
        Some(session.upstream)
    }

    fn remove(&mut self, slot: Slot) {
        let ended = self.end(slot);
        self.close(ended);
    }

    /// The client's backend does not listen.
    pub(super) fn refused(&mut self, client: SocketAddr, error: &io::Error) {
        if let Some(slot) = self.by_client.get(&client).copied() {
            self.fail(slot, error);
        }
    }

    fn fail(&mut self, slot: Slot, error: &io::Error) {
        if let Some(session) = self.slots.get(slot) {
            self.route.failed(&session.candidate, error);
        }
        self.remove(slot);
    }

    /// Waits until there may be replies.
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
        let now = self.route.engine.now();
        while batch.room() > 0 {
            let Some(slot) = self.pending.pop_front() else {
                break;
            };
            let Some(session) = self.slots.get_mut(slot) else {
                continue;
            };
            let (first, most) = (BATCH - batch.room(), share.min(batch.room()));
            match batch.receive(&session.upstream.socket, most) {
                Ok(received) => {
                    session.replied(now);
                    if received == most {
                        // There may be more, which is not told again.
                        self.pending.push_back(slot);
                    }
                    for index in first..first + received {
                        batch.address(index, session.client);
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => self.fail(slot, &error),
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
                let slots = self.events[..told].iter().map(EpollEvent::data);
                self.pending
                    .extend(slots.filter_map(|slot| Slot::try_from(slot).ok()));
                Ok(true)
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(false),
            Err(error) => Err(error),
        }
    }

    pub(super) fn sweep(&mut self) {
        let now = self.route.engine.now();
        self.retain(|session, _| !session.is_over(now));
        let resting = std::mem::take(&mut self.resting);
        self.close(resting);
    }

    /// Ends the sessions with backends that left, so that their clients' next datagrams go elsewhere.
    pub(super) fn leave_withdrawn(&mut self) {
        self.retain(|session, route| route.offers(session.client.ip(), &session.candidate));
    }

    fn retain(&mut self, stays: impl Fn(&Session, &Route) -> bool) {
        let route = &self.route;
        let gone = self.slots.iter().filter(|session| !stays(session, route));
        let gone: Vec<_> = gone.map(|session| session.upstream.slot).collect();
        for slot in gone {
            self.remove(slot);
        }
        let (slots, unsettled) = (&self.slots, &mut self.unsettled);
        unsettled.retain(|(slot, number)| {
            let session = slots.get(*slot);
            session.is_some_and(|session| session.number == *number && !session.is_settled)
        });
    }
}

impl Drop for Sessions {
    fn drop(&mut self) {
        self.retain(|_, _| false);
        self.route.engine.session_room.leave();
    }
}
