//! UDP: one socket a frontend, one session a client. One task does all of a frontend, in batches.

mod session;
mod sessions;
mod slots;
mod upstream;

use std::cell::RefCell;
use std::io;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::Duration;

use nix::sys::socket::{setsockopt, sockopt::UdpGroSegment};
use tokio::io::Interest;
use tokio::net::UdpSocket;
use tokio::time::{MissedTickBehavior, interval, sleep};

use crate::counters::{add, count};
use crate::route::Route;
use crate::sys::{BATCH, Batch, Run, overflowed};
use session::Sent;
use sessions::Sessions;

/// How often idle sessions are looked for; they may live this much longer.
const SWEEP: Duration = Duration::from_secs(5);

/// Pause after the socket itself failed.
const RECEIVE_PAUSE: Duration = Duration::from_millis(100);

/// Batches handled before other tasks get a turn.
const TURN: usize = 4;

/// Messages taken of one session at a time, so that a busy one leaves room in the batch for others.
const SHARE: usize = 8;

thread_local! {
    /// One a thread instead of one a frontend: it is only needed between two awaits.
    static BATCH_OF_THREAD: RefCell<Batch> = RefCell::new(Batch::new());
}

/// Relays until it is aborted; its sessions end with it.
pub(crate) async fn serve(socket: UdpSocket, route: Arc<Route>) {
    let mut frontend = match Frontend::new(socket, Arc::clone(&route)) {
        Ok(frontend) => frontend,
        Err(error) => {
            tracing::error!(frontend = %route.key, %error, "can't wait for replies");
            return;
        }
    };
    let mut sweep = interval(SWEEP);
    sweep.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let outcome = tokio::select! {
            ready = frontend.socket.readable() => ready.and_then(|()| frontend.receive()),
            ready = frontend.sessions.ready() => ready.and_then(|()| frontend.reply()),
            () = route.changed.notified() => {
                frontend.sessions.leave_withdrawn();
                Ok(())
            }
            _ = sweep.tick() => {
                frontend.sessions.sweep();
                frontend.count_overflow();
                Ok(())
            }
        };
        if let Err(error) = outcome {
            tracing::warn!(frontend = %route.key, %error, "can't relay datagrams");
            sleep(RECEIVE_PAUSE).await;
        }
        tokio::task::consume_budget().await;
    }
}

struct Frontend {
    socket: UdpSocket,
    sessions: Sessions,
    route: Arc<Route>,
    /// What the kernel is known to have dropped.
    overflowed: u32,
}

impl Frontend {
    fn new(socket: UdpSocket, route: Arc<Route>) -> io::Result<Self> {
        take_together(&socket);
        Ok(Self {
            socket,
            sessions: Sessions::new(Arc::clone(&route))?,
            route,
            overflowed: 0,
        })
    }

    /// Sends on what came from clients to backends.
    fn receive(&mut self) -> io::Result<()> {
        BATCH_OF_THREAD.with_borrow_mut(|batch| {
            for _ in 0..TURN {
                batch.clear();
                let socket = &self.socket;
                let received = socket.try_io(Interest::READABLE, || batch.receive(socket, BATCH));
                match received {
                    Ok(_) => {}
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                    Err(error) => return Err(error),
                }
                let now = self.route.engine.now();
                for run in batch.runs() {
                    self.forward(&run, now);
                }
            }
            Ok(())
        })
    }

    /// Sends a client's datagrams to its backend; to another one if the first is known not to listen.
    fn forward(&mut self, run: &Run<'_>, now: u64) {
        let client = run.peer();
        for _ in 0..2 {
            let Some(session) = self.sessions.of(client, now) else {
                break;
            };
            match session.send(run, now) {
                Ok(Sent::Away) => return,
                Ok(Sent::Dropped) => break,
                Err(error) => self.sessions.refused(client, &error),
            }
        }
        self.dropped(run);
    }

    /// Sends on what came from backends to clients.
    fn reply(&mut self) -> io::Result<()> {
        BATCH_OF_THREAD.with_borrow_mut(|batch| {
            for _ in 0..TURN {
                batch.clear();
                let more = self.sessions.replies(batch, SHARE)?;
                batch.send(&self.socket, |run, error| self.reply_apart(&run, &error));
                if !more {
                    return Ok(());
                }
            }
            Ok(())
        })
    }

    /// What can't be sent as one message may go as several: the way to the client can have a smaller MTU than the one from
    /// the backend, and then only single datagrams are cut into fragments.
    fn reply_apart(&self, run: &Run<'_>, error: &io::Error) {
        if run.count() == 1 || error.kind() == io::ErrorKind::WouldBlock {
            return self.dropped(run);
        }
        let socket = socket2::SockRef::from(&self.socket);
        let peer = run.peer().into();
        for datagram in run.datagrams() {
            if socket.send_to(datagram, &peer).is_err() {
                count(&self.route.engine.counters.udp_datagrams_dropped);
            }
        }
    }

    /// The kernel's figure grows from the socket's birth, and wraps.
    fn count_overflow(&mut self) {
        match overflowed(&self.socket) {
            Ok(now) => {
                let more = now.wrapping_sub(self.overflowed);
                self.overflowed = now;
                let figure = &self.route.engine.counters.udp_datagrams_overflowed;
                add(figure, usize::try_from(more).unwrap_or(usize::MAX));
            }
            Err(error) => tracing::debug!(frontend = %self.route.key, %error, "can't count drops"),
        }
    }

    fn dropped(&self, run: &Run<'_>) {
        let figure = &self.route.engine.counters.udp_datagrams_dropped;
        add(figure, run.count());
    }
}

/// Has the kernel hand over datagrams of one peer together. It knows this since 5.0, and without it they come one by one.
fn take_together(socket: &impl AsFd) {
    if let Err(error) = setsockopt(socket, UdpGroSegment, &true) {
        tracing::debug!(%error, "datagrams come one by one");
    }
}
