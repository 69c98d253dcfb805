//! Metrics and health for those who watch a node.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use portolan_subscriber::Status;
use prometheus_client::registry::Registry;
use tokio::sync::watch;

use crate::AgentStatus;
use crate::status::Report;

/// What is shown.
#[derive(Clone)]
pub(crate) struct Watched {
    pub(crate) registry: Arc<Registry>,
    /// Of the dataplane.
    pub(crate) kind: &'static str,
    pub(crate) agent: watch::Receiver<AgentStatus>,
    pub(crate) stream: watch::Receiver<Status>,
}

/// /metrics, /healthz, /mode, which names the dataplane, and /livez, which answers as long as the process runs.
pub(crate) fn router(watched: Watched) -> Router {
    Router::new()
        .route("/metrics", get(metrics))
        .route("/healthz", get(health))
        .route("/livez", get(async || "ok\n"))
        .route("/mode", get(mode))
        .with_state(watched)
}

async fn metrics(State(watched): State<Watched>, asked: HeaderMap) -> Response {
    portolan_process::metrics::page(&watched.registry, &asked)
}

async fn mode(State(watched): State<Watched>) -> String {
    format!("{}\n", watched.kind)
}

async fn health(State(watched): State<Watched>) -> Response {
    let report = Report::new(&watched.agent.borrow(), &watched.stream.borrow());
    let code = if report.healthy {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    match serde_json::to_string(&report) {
        Ok(text) => (code, [(header::CONTENT_TYPE, "application/json")], text).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}
