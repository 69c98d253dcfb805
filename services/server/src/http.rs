//! Metrics, liveness and readiness over HTTP.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use axum::routing::get;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use prometheus_client::registry::Registry;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use crate::accept::Acceptor;
use crate::error::ServerError;
use crate::pulse::Pulse;

/// A replica that has not heard from its store for so long is not sent new clients; streams and reads go on.
pub(super) const STALE: Duration = Duration::from_secs(10);

/// How long a peer may take to ask. Scrapers that ask less often connect again.
const SILENCE: Duration = Duration::from_secs(10);
/// Connections at once; whoever looks has few.
const CONNECTIONS: usize = 64;

/// What is looked at.
pub(super) struct Inspected {
    pub(super) registry: Registry,
    pub(super) pulse: Pulse,
}

/// Serves until `shutdown` is done.
pub(super) async fn serve(
    listener: TcpListener,
    inspected: Inspected,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<(), ServerError> {
    let router = Router::new()
        .route("/metrics", get(metrics))
        .route("/livez", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .with_state(Arc::new(inspected));
    let mut server = http1::Builder::new();
    server.timer(TokioTimer::new()).header_read_timeout(SILENCE);
    let mut acceptor = Acceptor::new(listener, "--http-listen");
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        let (stream, _) = tokio::select! {
            () = &mut shutdown => return Ok(()),
            accepted = acceptor.next() => accepted,
        };
        // Without a place it is closed: silent ones make way within their time.
        let Ok(place) = places.clone().try_acquire_owned() else {
            continue;
        };
        let service = TowerToHyperService::new(router.clone());
        let connection = server.serve_connection(TokioIo::new(stream), service);
        tokio::spawn(async move {
            // Errors are the peer's own.
            let _ = connection.await;
            drop(place);
        });
    }
}

async fn metrics(State(inspected): State<Arc<Inspected>>, asked: HeaderMap) -> impl IntoResponse {
    portolan_process::metrics::page(&inspected.registry, &asked)
}

async fn ready(State(inspected): State<Arc<Inspected>>) -> impl IntoResponse {
    let age = inspected.pulse.age();
    let code = if age > STALE {
        StatusCode::SERVICE_UNAVAILABLE
    } else {
        StatusCode::OK
    };
    (code, format!("store seen {} ms ago\n", age.as_millis()))
}
