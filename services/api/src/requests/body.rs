//! An answer's body, followed to its trailers.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Buf;
use http_body::{Body, Frame, SizeHint};

use super::answers::Turn;
use super::connection::Delivery;
use super::metrics::Handling;

/// A body whose request counts as handled with its trailers, or as cancelled when it is dropped before.
pub struct CountedBody<B> {
    inner: B,
    handling: Handling,
    /// Of a large answer: its turn, for as long as it takes up memory.
    _turn: Option<Turn>,
    /// Of a single answer: how far the peer has taken it. What streams send waits for events, too.
    delivery: Option<Delivery>,
}

impl<B> CountedBody<B> {
    pub(super) fn new(
        inner: B,
        handling: Handling,
        turn: Option<Turn>,
        delivery: Option<Delivery>,
    ) -> Self {
        Self {
            inner,
            handling,
            _turn: turn,
            delivery,
        }
    }
}

impl<B: Body + Unpin> Body for CountedBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let this = self.get_mut();
        // HTTP/2 asks for more only once the peer's window is open.
        if let Some(delivery) = &mut this.delivery {
            delivery.took();
        }
        let polled = Pin::new(&mut this.inner).poll_frame(context);
        if let Poll::Ready(Some(Ok(frame))) = &polled {
            if let Some(trailers) = frame.trailers_ref() {
                this.handling.look(trailers);
            }
            if let (Some(delivery), Some(data)) = (&mut this.delivery, frame.data_ref()) {
                delivery.hand(u64::try_from(data.remaining()).unwrap_or(u64::MAX));
            }
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
