//! A stream as the transport pulls it: a position in the ring, and nothing that grows with what it has not read.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body, Frame};
use portolan_model::{Digest, Revision};
use portolan_proto::node::v1::resync::Reason;
use tokio::time::{Instant, Sleep};

use crate::distributor::{Distributor, Following, Start};
use crate::line::{Ending, Send, StreamHandle, StreamState};
use crate::sessions::SessionGuard;
use crate::snapshot::Snapshot;
use crate::wire::{self, HEARTBEAT};

/// The response body of one stream. It is polled only when the transport has room, so a slow reader holds nobody up and
/// keeps nothing but its position; one that falls off the ring is told to connect again.
pub struct StreamBody {
    line: Arc<StreamState>,
    trailers: fn(Ending) -> HeaderMap,
    cursor: Option<Cursor>,
    is_over: bool,
}

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

impl StreamBody {
    pub(crate) fn new(line: Arc<StreamState>, trailers: fn(Ending) -> HeaderMap) -> Self {
        Self {
            line,
            trailers,
            cursor: None,
            is_over: false,
        }
    }
}

impl Body for StreamBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let this = self.get_mut();
        if this.is_over {
            return Poll::Ready(None);
        }
        loop {
            match this.line.next(context) {
                Send::Control(bytes) => return Poll::Ready(Some(Ok(Frame::data(bytes)))),
                Send::End(ending) => {
                    this.is_over = true;
                    let trailers = (this.trailers)(ending);
                    return Poll::Ready(Some(Ok(Frame::trailers(trailers))));
                }
                Send::Begin(cursor) => this.cursor = Some(cursor),
                Send::Continue => {
                    let Some(cursor) = &mut this.cursor else {
                        return Poll::Pending;
                    };
                    match cursor.poll_next(&this.line, context) {
                        Poll::Ready(Ok(bytes)) => {
                            return Poll::Ready(Some(Ok(Frame::data(bytes))));
                        }
                        // The line has an ending now.
                        Poll::Ready(Err(reason)) => cursor.resync(&this.line, reason),
                        Poll::Pending => return Poll::Pending,
                    }
                }
            }
        }
    }
}

impl Drop for StreamBody {
    fn drop(&mut self) {
        self.line.close();
    }
}

impl Cursor {
    pub(crate) fn new(
        distributor: Arc<Distributor>,
        start: Start,
        guard: SessionGuard,
        stream: &StreamHandle,
    ) -> Self {
        let number = distributor.add_stream(stream.line().clone());
        if start.snapshot.is_none() {
            stream.line().note_sent(start.held.0);
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

    fn poll_next(
        &mut self,
        line: &StreamState,
        context: &mut Context<'_>,
    ) -> Poll<Result<Bytes, Reason>> {
        if let Some(piece) = self.next_piece(line) {
            return self.count(piece);
        }
        match self.distributor.following(self.epoch, self.position) {
            Following::Frame(frame) => {
                self.position += 1;
                self.held = frame.to();
                line.note_sent(self.held.0);
                self.distributor.metrics().frames.inc();
                self.count(frame.bytes.clone())
            }
            Following::Nothing => self.poll_bookmark(context),
            Following::Gone(reason) => Poll::Ready(Err(reason)),
        }
    }

    fn next_piece(&mut self, line: &StreamState) -> Option<Bytes> {
        let (snapshot, next) = self.snapshot.as_mut()?;
        let piece = snapshot.pieces.get(*next).cloned();
        *next += 1;
        if *next >= snapshot.pieces.len() {
            line.note_sent(self.held.0);
            self.snapshot = None;
        }
        piece
    }

    /// At the head: at once after catching up, and then at intervals.
    fn poll_bookmark(&mut self, context: &mut Context<'_>) -> Poll<Result<Bytes, Reason>> {
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

    fn count(&self, bytes: Bytes) -> Poll<Result<Bytes, Reason>> {
        self.distributor.metrics().bytes.inc_by(bytes.len() as u64);
        Poll::Ready(Ok(bytes))
    }

    fn resync(&self, line: &Arc<StreamState>, reason: Reason) {
        self.distributor.metrics().resync(reason);
        StreamHandle::of(line.clone()).resync(reason);
    }
}

impl Drop for Cursor {
    fn drop(&mut self) {
        self.distributor.remove_stream(self.number);
    }
}
