//! Both directions of a connection, and when to give it up.

use std::future::poll_fn;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use socket2::Socket;
use tokio::time::{Instant, sleep};

use super::flow::{Ends, Flow};
use super::pipe::Pipes;
use super::stream::Stream;
use super::vanished::{keep_alive, vanished};
use crate::counters::count;
use crate::engine::Engine;

/// How often a relay that moves nothing is looked at. Short connections never see it.
const LOOK: Duration = Duration::from_secs(15);

/// Looks without a byte after which a connection ends, however alive its ends are: a day, what kube-proxy gives
/// established connections.
const IDLE_LOOKS: u32 = 24 * 60 * 4;

/// The same once one side has sent its end: an hour, as there.
const HALF_CLOSED_LOOKS: u32 = 60 * 4;

/// A connection that is relayed.
#[derive(Debug)]
pub(super) struct Relay {
    client: Stream,
    backend: Stream,
    up: Flow,
    down: Flow,
    watch: Watch,
}

/// Why a relay stopped.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Both sides sent their end.
    Ended,
    /// It showed that it lasts: bytes enough to be spliced, or a look.
    Lasts,
}

impl Relay {
    pub(super) fn new(client: Stream, backend: Stream, up: Flow) -> Self {
        Self {
            client,
            backend,
            up,
            down: Flow::down(),
            watch: Watch::default(),
        }
    }

    /// Relays until both sides sent their end, one of them fails or vanishes, or nothing moved for too long. If it stops
    /// because it `lasts`, it can go on.
    pub(super) async fn run(
        &mut self,
        engine: &Engine,
        mut lasts: impl FnMut() -> bool,
    ) -> io::Result<Outcome> {
        let mut was_asked = false;
        let mut look = pin!(sleep(LOOK));
        poll_fn(|cx| {
            if self.poll_flows(cx, &engine.pipes)?.is_ready() {
                return Poll::Ready(Ok(Outcome::Ended));
            }
            let mut is_long = self.up.is_long() || self.down.is_long();
            while look.as_mut().poll(cx).is_ready() {
                is_long = true;
                self.look(engine)?;
                look.as_mut().reset(Instant::now() + LOOK);
            }
            if is_long && !was_asked {
                was_asked = true;
                if lasts() {
                    return Poll::Ready(Ok(Outcome::Lasts));
                }
            }
            Poll::Pending
        })
        .await
    }

    fn poll_flows(&mut self, cx: &mut Context<'_>, pipes: &Arc<Pipes>) -> Poll<io::Result<()>> {
        let (client, backend) = (&mut self.client, &mut self.backend);
        let (up, down) = (&mut self.up, &mut self.down);
        let ends = Ends {
            from: &*client,
            to: &mut *backend,
        };
        let sent = up.poll(cx, ends, down.has_ended(), pipes)?;
        let ends = Ends {
            from: &*backend,
            to: &mut *client,
        };
        let received = down.poll(cx, ends, up.has_ended(), pipes)?;
        if sent.is_ready() && received.is_ready() {
            return Poll::Ready(Ok(()));
        }
        Poll::Pending
    }

    fn look(&mut self, engine: &Engine) -> io::Result<()> {
        let ends = [self.client.socket(), self.backend.socket()];
        self.watch.look(ends, [&self.up, &self.down], engine)
    }

    /// To another runtime: no events arrive any more.
    pub(super) fn leave(&mut self) {
        self.client.leave();
        self.backend.leave();
    }

    /// Events arrive at the runtime that this is called on.
    pub(super) fn arrive(&mut self) -> io::Result<()> {
        self.client.arrive()?;
        self.backend.arrive()
    }

    /// A clean end would make what arrived so far look complete.
    pub(super) fn reset(&self) {
        reset(self.client.socket());
        reset(self.backend.socket());
    }
}

/// Makes closing send a reset instead of a clean end. Fails only on a socket that is gone already.
pub(super) fn reset(socket: &Socket) {
    if let Err(error) = socket.set_linger(Some(Duration::ZERO)) {
        tracing::debug!(%error, "can't reset a connection");
    }
}

/// What the looks at a connection saw.
#[derive(Debug, Default)]
struct Watch {
    moved: u64,
    /// Looks since something moved.
    idle: u32,
    is_kept_alive: bool,
}

impl Watch {
    /// An error if the connection should end.
    fn look(&mut self, ends: [&Socket; 2], flows: [&Flow; 2], engine: &Engine) -> io::Result<()> {
        if !self.is_kept_alive {
            self.is_kept_alive = true;
            ends.into_iter().for_each(keep_alive);
        }
        let moved = flows[0].moved + flows[1].moved;
        if moved != self.moved {
            self.moved = moved;
            self.idle = 0;
            return Ok(());
        }
        self.idle += 1;
        if ends.into_iter().any(vanished) {
            count(&engine.counters.connections_vanished);
            return Err(io::ErrorKind::TimedOut.into());
        }
        let half_closed = flows.iter().any(|flow| flow.has_ended());
        let most = if half_closed {
            HALF_CLOSED_LOOKS
        } else {
            IDLE_LOOKS
        };
        if self.idle >= most {
            count(&engine.counters.connections_idle);
            return Err(io::ErrorKind::TimedOut.into());
        }
        Ok(())
    }
}
