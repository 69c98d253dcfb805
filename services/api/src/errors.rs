//! Every error carries details, those too that are made before a handler is reached: an unknown method, a message that
//! is too large or is none. And where a request has a trace, its errors name it (`RequestInfo`).
//!
//! Errors that end a stream which has begun travel in trailers, and are left as they are.

use std::task::{Context, Poll};

use futures_util::future::BoxFuture;
use http::{HeaderMap, Request, Response};
use tower::{Layer, Service};

use crate::status::complete::complete;
use portolan_process::trace;

/// Completes errors. For around all services.
#[derive(Copy, Clone, Default)]
pub struct CompleteErrors;

/// A service whose errors are complete.
#[derive(Clone)]
pub struct Complete<S>(S);

impl<S> Layer<S> for CompleteErrors {
    type Service = Complete<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Complete(inner)
    }
}

impl<S, B, R> Service<Request<B>> for Complete<S>
where
    S: Service<Request<B>, Response = Response<R>>,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<S::Response, S::Error>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let sent = trace::sent(request.headers());
        let answer = self.0.call(request);
        Box::pin(async move {
            let mut response = answer.await?;
            if is_error(response.headers()) {
                let trace = trace::current().or(sent);
                complete(response.headers_mut(), trace.map(|trace| trace.trace()));
            }
            Ok(response)
        })
    }
}

fn is_error(headers: &HeaderMap) -> bool {
    let code = headers.get("grpc-status");
    code.is_some_and(|code| code != "0")
}
