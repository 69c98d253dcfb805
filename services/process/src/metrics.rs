//! The page of metrics, in the format that the scraper asks for, and what it says of the process itself.

mod accept;
mod process;
mod text;

use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use prometheus_client::registry::Registry;

/// As `OpenMetrics` asks for.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
/// As Prometheus reads it since its first release, and `promtool check metrics` still does.
const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// A registry that has what is told of every process: `process_*` as Prometheus' own clients name it, and which build it is.
pub fn registry() -> Registry {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(process::Process::begun()));
    registry
}

/// Answers a request for `/metrics` with everything that the registry holds: as `OpenMetrics` for those whose `Accept`
/// prefers it, as Prometheus' text for all others.
pub fn page(registry: &Registry, asked: &HeaderMap) -> Response {
    let mut page = String::new();
    if let Err(error) = prometheus_client::encoding::text::encode(&mut page, registry) {
        return (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response();
    }
    if accept::prefers_open_metrics(asked) {
        ([(header::CONTENT_TYPE, OPEN_METRICS)], page).into_response()
    } else {
        (
            [(header::CONTENT_TYPE, TEXT)],
            text::from_open_metrics(&page),
        )
            .into_response()
    }
}

#[cfg(test)]
mod tests;
