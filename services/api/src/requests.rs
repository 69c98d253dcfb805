//! What every request passes, whatever it asks for: its errors are completed, and it is counted.
//!
//! Every error carries details, those too that are made before a handler is reached: an unknown method, a message that
//! is too large or is none. And where a request has a trace, its errors name it (`RequestInfo`). Errors that end a stream
//! which has begun travel in trailers, and are left as they are.

mod body;
mod metrics;

use std::task::{Context, Poll};

use futures_util::future::BoxFuture;
use http::{HeaderMap, Request, Response};
use portolan_process::trace;
use tower::{Layer, Service};

use crate::status::complete::complete;
pub use body::CountedBody;
pub use metrics::Metrics;

/// Goes around all services.
#[derive(Clone)]
pub struct Requests(Metrics);

impl Requests {
    /// Counts into these metrics.
    pub fn new(metrics: Metrics) -> Self {
        Self(metrics)
    }
}

/// A service that [`Requests`] went around.
#[derive(Clone)]
pub struct Counted<S> {
    inner: S,
    metrics: Metrics,
}

impl<S> Layer<S> for Requests {
    type Service = Counted<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Counted {
            inner,
            metrics: self.0.clone(),
        }
    }
}

impl<S, B, R> Service<Request<B>> for Counted<S>
where
    S: Service<Request<B>, Response = Response<R>>,
    S::Future: Send + 'static,
{
    type Response = Response<CountedBody<R>>;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<Self::Response, S::Error>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let sent = trace::sent(request.headers());
        let mut handling = self.metrics.begin(request.uri().path());
        let answer = self.inner.call(request);
        Box::pin(async move {
            let mut response = answer.await?;
            if is_error(response.headers()) {
                let trace = trace::current().or(sent);
                complete(response.headers_mut(), trace.map(|trace| trace.trace()));
            }
            // An answer that is only trailers has its code in front.
            handling.look(response.headers());
            Ok(response.map(|body| CountedBody::new(body, handling)))
        })
    }
}

fn is_error(headers: &HeaderMap) -> bool {
    let code = headers.get("grpc-status");
    code.is_some_and(|code| code != "0")
}
