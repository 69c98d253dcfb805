//! A request's body: it goes on, or it ends. What is sent and not complete is held in memory, so there is a limit to how
//! much of that there is, and for how long.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::time::{Instant, Sleep};
use tonic::Status;

use super::framing::Framing;
use super::room::Held;
use crate::status;

/// The longest pause within a message, or before the end of a request that has only one.
const PAUSE: Duration = Duration::from_secs(10);
/// The longest that a message may take in all.
const WHOLE: Duration = Duration::from_mins(1);

type Error = Box<dyn std::error::Error + Send + Sync>;

/// A body that is complete in time and leaves room for others, or fails.
pub struct BoundedBody<B> {
    inner: B,
    /// Many messages come, with pauses between them.
    is_stream: bool,
    framing: Framing,
    held: Held,
    /// When the message began, and when its last part came.
    began: Instant,
    last: Instant,
    sleep: Option<Pin<Box<Sleep>>>,
}

impl<B> BoundedBody<B> {
    pub(super) fn new(inner: B, is_stream: bool, held: Held) -> Self {
        let now = Instant::now();
        Self {
            inner,
            is_stream,
            framing: Framing::default(),
            held,
            began: now,
            last: now,
            sleep: None,
        }
    }

    fn received(&mut self, data: &[u8]) -> Result<(), Status> {
        let now = Instant::now();
        if self.is_stream && !self.framing.is_within() {
            self.began = now;
        }
        self.last = now;
        self.framing.feed(data);
        if self.is_stream && !self.framing.is_within() {
            self.held.release();
            return Ok(());
        }
        // No frame is as large as that.
        if self
            .held
            .take(i64::try_from(data.len()).unwrap_or(i64::MAX))
        {
            return Ok(());
        }
        Err(status::busy("requests that are half sent take up all room"))
    }

    /// Ready when the peer took too long.
    fn poll_late(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if self.is_stream && !self.framing.is_within() {
            self.sleep = None;
            return Poll::Pending;
        }
        let due = (self.last + PAUSE).min(self.began + WHOLE);
        let sleep = self
            .sleep
            .get_or_insert_with(|| Box::pin(tokio::time::sleep_until(due)));
        if sleep.deadline() != due {
            sleep.as_mut().reset(due);
        }
        sleep.as_mut().poll(context)
    }
}

impl<B> Body for BoundedBody<B>
where
    B: Body<Data = Bytes, Error: Into<Error>> + Unpin,
{
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let this = self.get_mut();
        match Pin::new(&mut this.inner).poll_frame(context) {
            Poll::Ready(Some(Ok(frame))) => {
                let received = frame.data_ref().map_or(Ok(()), |data| this.received(data));
                Poll::Ready(Some(received.map(|()| frame).map_err(Error::from)))
            }
            Poll::Ready(other) => Poll::Ready(other.map(|frame| frame.map_err(Into::into))),
            Poll::Pending => {
                ready!(this.poll_late(context));
                Poll::Ready(Some(Err(status::half_sent().into())))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
