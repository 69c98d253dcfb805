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
use crate::image::Image;
use crate::line::{Ending, Line, Order, StreamHandle};
use crate::sessions::Attendance;
use crate::wire::{self, HEARTBEAT};

/// The response body of one stream. It is polled only when the transport has room, so a slow reader holds nobody up and
/// keeps nothing but its position; one that falls off the ring is told to connect again.
pub struct StreamBody {
    line: Arc<Line>,
    trailers: fn(Ending) -> HeaderMap,
    journey: Option<Journey>,
    is_over: bool,
}

/// Where a stream is in its cluster's history.
pub(crate) struct Journey {
    distributor: Arc<Distributor>,
    /// Pieces of a snapshot that are still to be sent.
    snapshot: Option<(Arc<Image>, usize)>,
    epoch: u64,
    position: u64,
    /// What the node holds when it has applied everything so far.
    held: (Revision, Digest),
    bookmark: Pin<Box<Sleep>>,
    /// It has not reached the head yet.
    is_behind: bool,
    /// Counts as present for as long as this lives.
    _attendance: Attendance,
    number: u64,
}

impl StreamBody {
    pub(crate) fn new(line: Arc<Line>, trailers: fn(Ending) -> HeaderMap) -> Self {
        Self {
            line,
            trailers,
            journey: None,
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
                Order::Control(bytes) => return Poll::Ready(Some(Ok(Frame::data(bytes)))),
                Order::End(ending) => {
                    this.is_over = true;
                    let trailers = (this.trailers)(ending);
                    return Poll::Ready(Some(Ok(Frame::trailers(trailers))));
                }
                Order::Begin(journey) => this.journey = Some(journey),
                Order::Continue => {
                    let Some(journey) = &mut this.journey else {
                        return Poll::Pending;
                    };
                    match journey.poll_next(&this.line, context) {
                        Poll::Ready(Ok(bytes)) => {
                            return Poll::Ready(Some(Ok(Frame::data(bytes))));
                        }
                        // The line has an ending now.
                        Poll::Ready(Err(reason)) => journey.resync(&this.line, reason),
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

impl Journey {
    pub(crate) fn new(
        distributor: Arc<Distributor>,
        start: Start,
        attendance: Attendance,
        stream: &StreamHandle,
    ) -> Self {
        let number = distributor.add_line(stream.line().clone());
        if start.image.is_none() {
            stream.line().note_sent(start.held.0);
        }
        // Spread over the interval, so that nodes which connected together don't hear of it together.
        let first =
            HEARTBEAT.mul_f64(0.5 + f64::from(u8::try_from(number % 64).unwrap_or(0)) / 128.0);
        Self {
            distributor,
            snapshot: start.image.map(|image| (image, 0)),
            epoch: start.epoch,
            position: start.position,
            held: start.held,
            bookmark: Box::pin(tokio::time::sleep(first)),
            is_behind: true,
            _attendance: attendance,
            number,
        }
    }

    fn poll_next(&mut self, line: &Line, context: &mut Context<'_>) -> Poll<Result<Bytes, Reason>> {
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

    fn next_piece(&mut self, line: &Line) -> Option<Bytes> {
        let (image, next) = self.snapshot.as_mut()?;
        let piece = image.pieces.get(*next).cloned();
        *next += 1;
        if *next >= image.pieces.len() {
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

    fn resync(&self, line: &Arc<Line>, reason: Reason) {
        self.distributor.metrics().resync(reason);
        StreamHandle::of(line.clone()).resync(reason);
    }
}

impl Drop for Journey {
    fn drop(&mut self) {
        self.distributor.remove_line(self.number);
    }
}
