//! Both directions of a connection, and when to give it up.

use std::future::poll_fn;
use std::io;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use socket2::Socket;
use tokio::time::{Instant, sleep};

use super::flow::Flow;
use super::stream::Stream;
use super::vanished::{keep_alive, vanished};
use crate::counters::count;
use crate::route::Shared;

/// How often a relay that moves nothing is looked at. Short connections never see it.
const LOOK: Duration = Duration::from_secs(15);

/// Looks without a byte after which a connection ends, however alive its ends are: a day, what kube-proxy gives
/// established connections.
const IDLE_LOOKS: u32 = 24 * 60 * 4;

/// The same once one side has sent its end: an hour, as there.
const HALF_CLOSED_LOOKS: u32 = 60 * 4;

/// Relays until both sides sent their end, one of them fails or vanishes, or nothing moved for too long.
pub(super) async fn relay(
    client: &mut Stream,
    backend: &mut Stream,
    mut up: Flow,
    shared: &Shared,
) -> io::Result<()> {
    let mut down = Flow::down();
    let mut watch = Watch::default();
    let mut look = pin!(sleep(LOOK));
    poll_fn(|cx| {
        let pipes = &shared.pipes;
        let sent = up.poll(cx, (&*client, &mut *backend), down.ended, pipes)?;
        let received = down.poll(cx, (&*backend, &mut *client), up.ended, pipes)?;
        if sent.is_ready() && received.is_ready() {
            return Poll::Ready(Ok(()));
        }
        while look.as_mut().poll(cx).is_ready() {
            watch.look([client.socket(), backend.socket()], [&up, &down], shared)?;
            look.as_mut().reset(Instant::now() + LOOK);
        }
        Poll::Pending
    })
    .await
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
    fn look(&mut self, ends: [&Socket; 2], flows: [&Flow; 2], shared: &Shared) -> io::Result<()> {
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
            count(&shared.counters.connections_vanished);
            return Err(io::ErrorKind::TimedOut.into());
        }
        let half_closed = flows.iter().any(|flow| flow.ended);
        let most = if half_closed {
            HALF_CLOSED_LOOKS
        } else {
            IDLE_LOOKS
        };
        if self.idle >= most {
            count(&shared.counters.connections_idle);
            return Err(io::ErrorKind::TimedOut.into());
        }
        Ok(())
    }
}
