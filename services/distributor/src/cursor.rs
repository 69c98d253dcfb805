//! Where a stream is in its cluster's history, and what it sends next.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use portolan_model::{Digest, Revision};
use portolan_proto::node::v1::sync_response;
use tokio::time::{Instant, Sleep};

use crate::distributor::{Distributor, Following};
use crate::sessions::SessionGuard;
use crate::snapshot::Snapshot;
use crate::start::Start;
use crate::stream::{Feed, StreamHandle, StreamState};
use crate::wire::{self, HEARTBEAT};

/// Where a stream is in its cluster's history.
pub(crate) struct Cursor {
    distributor: Arc<Distributor>,
    /// Pieces of a snapshot that are still to be sent.
    snapshot: Option<(Arc<Snapshot>, usize)>,
    epoch: u64,
    position: u64,
    /// What the node holds when it has applied everything so far.
    held: (Revision, Digest),
    bookmark: Pin<Box<Sleep>>,
    /// It has not reached the head yet.
    is_behind: bool,
    /// Counts as present for as long as this lives.
    _guard: SessionGuard,
    number: u64,
}

impl Distributor {
    /// Lets a stream begin: the Welcome, then state.
    pub fn admit(
        self: &Arc<Self>,
        stream: &StreamHandle,
        start: Start,
        guard: SessionGuard,
        welcome: sync_response::Message,
    ) {
        self.sessions().begin(guard.session(), &start);
        let cursor = Cursor::new(self.clone(), start, guard, stream);
        stream.begin(welcome, Box::new(cursor));
    }
}

impl Cursor {
    fn new(
        distributor: Arc<Distributor>,
        start: Start,
        guard: SessionGuard,
        stream: &StreamHandle,
    ) -> Self {
        let number = distributor.add_stream(stream.state().clone());
        if start.snapshot.is_none() {
            stream.state().note_sent(start.held.0);
        }
        // Spread over the interval, so that nodes which connected together don't hear of it together.
        let first =
            HEARTBEAT.mul_f64(0.5 + f64::from(u8::try_from(number % 64).unwrap_or(0)) / 128.0);
        Self {
            distributor,
            snapshot: start.snapshot.map(|snapshot| (snapshot, 0)),
            epoch: start.epoch,
            position: start.position,
            held: start.held,
            bookmark: Box::pin(tokio::time::sleep(first)),
            is_behind: true,
            _guard: guard,
            number,
        }
    }
}

impl Feed for Cursor {
    fn poll_next(
        &mut self,
        stream: &Arc<StreamState>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Bytes>> {
        if let Some(piece) = self.next_piece(stream) {
            return self.count(piece);
        }
        match self.distributor.following(self.epoch, self.position) {
            Following::Frame(frame) => {
                self.position += 1;
                self.held = frame.to();
                stream.note_sent(self.held.0);
                self.distributor.metrics().frames.inc();
                self.count(frame.bytes.clone())
            }
            Following::Nothing => self.poll_bookmark(context),
            Following::Gone(reason) => {
                self.distributor.metrics().resync(reason);
                StreamHandle::of(stream.clone()).resync(reason);
                Poll::Ready(None)
            }
        }
    }
}

impl Cursor {
    fn next_piece(&mut self, stream: &StreamState) -> Option<Bytes> {
        let (snapshot, next) = self.snapshot.as_mut()?;
        let piece = snapshot.pieces.get(*next).cloned();
        *next += 1;
        if *next >= snapshot.pieces.len() {
            stream.note_sent(self.held.0);
            self.snapshot = None;
        }
        piece
    }

    /// At the head: at once after catching up, and then at intervals.
    fn poll_bookmark(&mut self, context: &mut Context<'_>) -> Poll<Option<Bytes>> {
        if self.is_behind {
            self.is_behind = false;
        } else {
            std::task::ready!(self.bookmark.as_mut().poll(context));
            self.bookmark.as_mut().reset(Instant::now() + HEARTBEAT);
        }
        let (revision, digest) = self.held;
        let staleness = self.distributor.cache().staleness();
        self.count(wire::bookmark(revision, digest, staleness))
    }

    fn count(&self, bytes: Bytes) -> Poll<Option<Bytes>> {
        self.distributor.metrics().bytes.inc_by(bytes.len() as u64);
        Poll::Ready(Some(bytes))
    }
}

impl Drop for Cursor {
    fn drop(&mut self) {
        self.distributor.remove_stream(self.number);
    }
}
