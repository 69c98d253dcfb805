//! The control side of a stream: what concerns one node alone, and how the stream begins and ends.

use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use portolan_model::Revision;
use portolan_proto::node;
use portolan_proto::node::v1::{resync, sync_response};
use tokio::sync::Notify;

use crate::wire;

/// Control messages that may wait for a node that does not read.
const MAX_WAITING: usize = 64;

/// How a stream ends.
#[derive(Clone, Debug)]
pub enum Ending {
    /// As it should: the node has ended it, or was told why it has to connect again.
    Complete,
    /// A newer stream of the node took its place.
    Replaced,
    /// The node was deleted.
    Unregistered,
    /// It reads nothing, not even what concerns it alone.
    Stuck,
    /// With the trailers of an RPC that failed.
    Failed(Box<HeaderMap>),
}

/// When nodes come back that are sent away.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Drain {
    /// The pause before they connect again.
    pub after: Duration,
    /// Each adds a random part of this, so that not all come at once.
    pub spread: Duration,
}

impl Drain {
    /// Soon, but not all at once.
    pub const SOON: Self = Self {
        after: Duration::from_millis(100),
        spread: Duration::from_secs(1),
    };

    fn message(self) -> node::v1::Drain {
        let ms = |time: Duration| u32::try_from(time.as_millis()).unwrap_or(u32::MAX);
        node::v1::Drain {
            reconnect_after_ms: ms(self.after),
            spread_ms: ms(self.spread),
        }
    }
}

/// Where the body gets state from once its stream has begun.
pub(crate) trait Feed: Send {
    /// The next bytes. `None`: there is nothing more to come, and the stream has an ending now.
    fn poll_next(
        &mut self,
        stream: &Arc<StreamState>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Bytes>>;
}

/// What a stream's two ends share.
#[derive(Default)]
pub(crate) struct StreamState {
    state: Mutex<State>,
    over: Notify,
    /// The newest revision that went out whole.
    sent: AtomicU64,
}

#[derive(Default)]
struct State {
    feed: Option<Box<dyn Feed>>,
    control: VecDeque<Bytes>,
    ending: Option<Ending>,
    /// The body is gone, or about to go.
    over: bool,
    waker: Option<Waker>,
}

/// What the body does next.
pub(crate) enum Next {
    /// Sends this.
    Control(Bytes),
    /// Starts to send state.
    Begin(Box<dyn Feed>),
    /// Ends.
    End(Ending),
    /// Goes on with what it is at; it is woken when that changes.
    Continue,
}

/// Controls one stream. Cheap to clone; dropping it does not end the stream.
#[derive(Clone)]
pub struct StreamHandle(Arc<StreamState>);

impl StreamHandle {
    /// Queues a message for this node alone. One that lets too many of them wait is cut off.
    pub fn send(&self, message: sync_response::Message) {
        let is_full = {
            let mut state = self.0.lock();
            let is_full = state.control.len() >= MAX_WAITING;
            if !is_full {
                state.control.push_back(wire::framed(message));
            }
            is_full
        };
        if is_full {
            self.end(Ending::Stuck);
        } else {
            self.0.wake();
        }
    }

    /// Ends the stream, after what is queued for it. The first ending counts.
    pub fn end(&self, ending: Ending) {
        self.0.lock().ending.get_or_insert(ending);
        self.0.wake();
        self.0.over.notify_waiters();
    }

    /// Waits until the stream has ended, or is about to.
    pub async fn ended(&self) {
        let over = self.0.over.notified();
        tokio::pin!(over);
        // Enabled before looking, so that an ending in between is not missed.
        over.as_mut().enable();
        if self.has_ended() {
            return;
        }
        over.await;
    }

    /// Whether the stream has ended, or is about to.
    pub fn has_ended(&self) -> bool {
        let state = self.0.lock();
        state.over || state.ending.is_some()
    }

    /// The newest revision that the node was sent whole, or went on from.
    pub fn sent(&self) -> Revision {
        Revision(self.0.sent.load(Ordering::Acquire))
    }

    /// Has the node connect again later, and ends the stream.
    pub fn drain(&self, drain: Drain) {
        self.send(sync_response::Message::Drain(drain.message()));
        self.end(Ending::Complete);
    }

    pub(crate) fn resync(&self, reason: resync::Reason) {
        self.0.lock().control.push_back(wire::resync(reason));
        self.end(Ending::Complete);
    }

    pub(crate) fn begin(&self, welcome: sync_response::Message, feed: Box<dyn Feed>) {
        let mut state = self.0.lock();
        if state.over {
            // Nobody would take it out again.
            drop(state);
            drop(feed);
            return;
        }
        state.control.push_back(wire::framed(welcome));
        state.feed = Some(feed);
        drop(state);
        self.0.wake();
    }

    pub(crate) fn of(state: Arc<StreamState>) -> Self {
        Self(state)
    }

    pub(crate) fn state(&self) -> &Arc<StreamState> {
        &self.0
    }
}

impl fmt::Debug for StreamHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamHandle")
            .field("sent", &self.sent())
            .field("ended", &self.has_ended())
            .finish()
    }
}

impl StreamState {
    /// What comes first. If it is nothing, the body's task is woken as soon as there is something.
    pub(crate) fn next(&self, context: &Context<'_>) -> Next {
        let mut state = self.lock();
        if let Some(bytes) = state.control.pop_front() {
            return Next::Control(bytes);
        }
        if let Some(ending) = state.ending.take() {
            state.over = true;
            return Next::End(ending);
        }
        if let Some(feed) = state.feed.take() {
            return Next::Begin(feed);
        }
        if !state
            .waker
            .as_ref()
            .is_some_and(|waker| waker.will_wake(context.waker()))
        {
            state.waker = Some(context.waker().clone());
        }
        Next::Continue
    }

    /// Has the body look again.
    pub(crate) fn wake(&self) {
        let waker = self.lock().waker.take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// The body is gone.
    pub(crate) fn close(&self) {
        let untaken = {
            let mut state = self.lock();
            state.over = true;
            state.feed.take()
        };
        drop(untaken);
        self.over.notify_waiters();
    }

    pub(crate) fn note_sent(&self, revision: Revision) {
        self.sent.store(revision.0, Ordering::Release);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
