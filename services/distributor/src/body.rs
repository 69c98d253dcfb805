//! A stream as the transport pulls it: a position in the ring, and nothing that grows with what it has not read.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use crate::stream::{Ending, Feed, Next, StreamHandle, StreamState};
use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body, Frame};

/// The response body of one stream. It is polled only when the transport has room, so a slow reader holds nobody up and
/// keeps nothing but its position; one that falls off the ring is told to connect again (decision 8).
pub struct StreamBody {
    stream: Arc<StreamState>,
    trailers: fn(Ending) -> HeaderMap,
    feed: Option<Box<dyn Feed>>,
    is_over: bool,
}

/// A stream that says nothing yet, and the handle that it is controlled by. `trailers` says what each ending means in
/// terms of the RPC.
pub fn stream(trailers: fn(Ending) -> HeaderMap) -> (StreamHandle, StreamBody) {
    let state = Arc::new(StreamState::default());
    (
        StreamHandle::of(state.clone()),
        StreamBody::new(state, trailers),
    )
}

impl StreamBody {
    fn new(stream: Arc<StreamState>, trailers: fn(Ending) -> HeaderMap) -> Self {
        Self {
            stream,
            trailers,
            feed: None,
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
            match this.stream.next(context) {
                Next::Control(bytes) => return Poll::Ready(Some(Ok(Frame::data(bytes)))),
                Next::End(ending) => {
                    this.is_over = true;
                    let trailers = (this.trailers)(ending);
                    return Poll::Ready(Some(Ok(Frame::trailers(trailers))));
                }
                Next::Begin(feed) => this.feed = Some(feed),
                Next::Continue => {
                    let Some(feed) = &mut this.feed else {
                        return Poll::Pending;
                    };
                    match feed.poll_next(&this.stream, context) {
                        Poll::Ready(Some(bytes)) => {
                            return Poll::Ready(Some(Ok(Frame::data(bytes))));
                        }
                        Poll::Ready(None) => {}
                        Poll::Pending => return Poll::Pending,
                    }
                }
            }
        }
    }
}

impl Drop for StreamBody {
    fn drop(&mut self) {
        self.stream.close();
    }
}
