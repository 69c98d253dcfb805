//! Metrics, liveness and readiness over HTTP.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use axum::routing::get;
use prometheus_client::registry::Registry;
use tokio::net::TcpListener;

use crate::error::ServerError;
use crate::pulse::Pulse;

/// A replica that has not heard from its store for so long is not sent new clients; streams and reads go on.
pub(super) const STALE: Duration = Duration::from_secs(10);

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
    axum::serve(listener, router)
        .with_graceful_shutdown(shutdown)
        .await
        .map_err(|error| ServerError::Start(format!("HTTP: {error}")))
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
