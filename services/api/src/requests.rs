//! What every request passes, whatever it asks for: it has a deadline, room and a turn, its errors are completed, and it
//! is counted.
//!
//! ```text
//! connection --bounded body--> deadline --turn of large answers--> handler --> errors completed --> counted body
//! ```
//! Every error carries details, those too that are made before a handler is reached: an unknown method, a message that
//! is too large or is none. And where a request has a trace, its errors name it (`RequestInfo`). Errors that end a stream
//! which has begun travel in trailers, and are left as they are.

mod answers;
mod body;
mod connection;
mod deadline;
mod framing;
mod incoming;
mod metrics;
mod room;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::future::BoxFuture;
use http::{HeaderMap, Request, Response};
use portolan_process::trace;
use portolan_proto::trace::TraceParent;
use tonic::Status;
use tower::{Layer, Service};
use tracing::{Instrument, Span};

use crate::status::{self, complete::complete};
use answers::{Answers, Turn};
pub use body::CountedBody;
pub use connection::{Connection, Crowd, Idleness};
pub use incoming::BoundedBody;
pub use metrics::Metrics;
use metrics::{Answer, Kind};
use room::Room;

/// Goes around all services.
#[derive(Clone)]
pub struct Requests {
    metrics: Metrics,
    room: Room,
    answers: Answers,
}

impl Requests {
    /// Counts into these metrics.
    pub fn new(metrics: Metrics) -> Self {
        let (room, answers) = metrics.limits();
        Self {
            metrics,
            room,
            answers,
        }
    }

    /// Whether a request may go on, and its turn if its answer is large.
    async fn admit(
        &self,
        kind: Kind,
        connection: Option<&Connection>,
    ) -> Result<Option<Turn>, Status> {
        if connection.is_some_and(Connection::is_crowded) && !kind.is_essential {
            return Err(status::busy(
                "the server has as many connections as it can serve",
            ));
        }
        if kind.answer != Answer::Large {
            return Ok(None);
        }
        self.answers.turn(connection).await.map(Some)
    }
}

/// A service that [`Requests`] went around.
#[derive(Clone)]
pub struct RequestService<S> {
    inner: S,
    around: Requests,
}

impl<S> Layer<S> for Requests {
    type Service = RequestService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        RequestService {
            inner,
            around: self.clone(),
        }
    }
}

impl<S, B, R> Service<Request<B>> for RequestService<S>
where
    S: Service<Request<BoundedBody<B>>, Response = Response<R>> + Clone + Send + 'static,
    S::Future: Send + 'static,
    B: Send + 'static,
    R: Default,
{
    type Response = Response<CountedBody<R>>;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<Self::Response, S::Error>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let fresh = self.inner.clone();
        // The one that is ready.
        let mut inner = std::mem::replace(&mut self.inner, fresh);
        let sent = trace::sent(request.headers());
        let path = request.uri().path();
        let span = span(path, sent.as_ref());
        let connection = request.extensions().get::<Arc<Connection>>().cloned();
        let limit = deadline::of(request.headers());
        let around = self.around.clone();
        let mut handling = around.metrics.begin(path, connection.as_ref());
        let (kind, held) = (handling.kind(), around.room.request(connection.clone()));
        let request = request.map(|body| BoundedBody::new(body, kind.takes_stream, held));
        let answer = async move {
            let admitted = async {
                match around.admit(kind, connection.as_deref()).await {
                    Ok(turn) => (inner.call(request).await, turn),
                    Err(refused) => (Ok(refused.into_http()), None),
                }
            };
            let (answer, turn) = match limit {
                None => admitted.await,
                Some(limit) => match tokio::time::timeout(limit, admitted).await {
                    Ok(done) => done,
                    Err(_) => (Ok(status::deadline_exceeded().into_http()), None),
                },
            };
            let mut response = answer?;
            if is_error(response.headers()) {
                let trace = trace::current().or(sent);
                complete(response.headers_mut(), trace.map(|trace| trace.trace()));
            }
            // An answer that is only trailers has its code in front.
            handling.look(response.headers());
            let delivery = connection.filter(|_| kind.answer != Answer::Stream);
            let delivery = delivery.map(|connection| connection.deliver());
            Ok(response.map(|body| CountedBody::new(body, handling, turn, delivery)))
        };
        Box::pin(answer.instrument(span))
    }
}

fn is_error(headers: &HeaderMap) -> bool {
    let code = headers.get("grpc-status");
    code.is_some_and(|code| code != "0")
}

/// One span a request, below the caller's if it sent its trace context.
fn span(path: &str, parent: Option<&TraceParent>) -> Span {
    let span = tracing::debug_span!("rpc", method = path, otel.kind = "server");
    if let Some(parent) = parent {
        trace::adopt(&span, parent);
    }
    span
}
