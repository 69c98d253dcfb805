//! A client of a UDP frontend and its backend.

use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::os::fd::AsRawFd;
use std::sync::Arc;

use nix::sys::socket::{ControlMessage, MsgFlags, sendmsg};

use super::take_together;
use super::upstream::Upstream;
use crate::pool::Candidate;
use crate::sys::Run;

/// Idle time after which a session ends: QUIC's usual idle time-out is 30 seconds, and keepalives through NAT come every 15
/// to 30.
const IDLE_MS: u64 = 60_000;

/// The same before it has shown to be more than one question and its answer; conntrack's figure for such flows.
const SHORT_IDLE_MS: u64 = 30_000;

/// Replies after which the kernel is asked to put them together: one more system call is worth it only for long sessions.
const MANY: u32 = 16;

/// One client and the backend that has its datagrams.
pub(super) struct Session {
    pub(super) upstream: Upstream,
    /// Never used twice.
    pub(super) number: u64,
    pub(super) client: SocketAddr,
    pub(super) candidate: Arc<Candidate>,
    last: u64,
    replies: u32,
    /// The client went on after a reply: no invented address does.
    pub(super) is_settled: bool,
}

/// What became of a datagram.
pub(super) enum Sent {
    /// It is on its way.
    Away,
    /// The kernel has no room for it.
    Dropped,
}

impl Session {
    pub(super) fn new(
        upstream: Upstream,
        number: u64,
        client: SocketAddr,
        candidate: Arc<Candidate>,
        now: u64,
    ) -> Self {
        Self {
            upstream,
            number,
            client,
            candidate,
            last: now,
            replies: 0,
            is_settled: false,
        }
    }

    /// An error says that the backend does not listen (ICMP port unreachable to an earlier datagram).
    pub(super) fn send(&mut self, run: &Run<'_>, now: u64) -> io::Result<Sent> {
        self.last = now;
        self.is_settled |= self.replies > 0;
        let sent = if run.count() > 1 {
            self.send_together(run)
        } else {
            self.send_apart(run)
        };
        match sent {
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => Err(error),
            Err(_) => Ok(Sent::Dropped),
            Ok(()) => Ok(Sent::Away),
        }
    }

    /// Several datagrams in one call; one by one where the way does not allow it, for example for its smaller MTU.
    fn send_together(&self, run: &Run<'_>) -> io::Result<()> {
        let segment = u16::try_from(run.segment()).unwrap_or(u16::MAX);
        let controls = [ControlMessage::UdpGsoSegments(&segment)];
        let vectors: Vec<_> = run.payloads().map(IoSlice::new).collect();
        let flags = MsgFlags::empty();
        let socket = self.upstream.socket.as_raw_fd();
        match sendmsg::<()>(socket, &vectors, &controls, flags, None).map_err(io::Error::from) {
            Err(error) if error.kind() != io::ErrorKind::ConnectionRefused => self.send_apart(run),
            sent => sent.map(drop),
        }
    }

    fn send_apart(&self, run: &Run<'_>) -> io::Result<()> {
        let mut datagrams = run.datagrams();
        datagrams.try_for_each(|one| self.upstream.socket.send(one).map(drop))
    }

    pub(super) fn replied(&mut self, now: u64) {
        self.last = now;
        self.replies = self.replies.saturating_add(1);
        if self.replies == MANY {
            take_together(&self.upstream.socket);
        }
    }

    pub(super) fn is_over(&self, now: u64) -> bool {
        let most = if self.is_settled {
            IDLE_MS
        } else {
            SHORT_IDLE_MS
        };
        now.saturating_sub(self.last) >= most
    }
}
