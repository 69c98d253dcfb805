//! Which of two formats a scraper would rather have (RFC 9110, 12.5.1).

use axum::http::{HeaderMap, header};

/// Whether `Accept` names `OpenMetrics`, and ranks it no lower than plain text.
pub(super) fn prefers_open_metrics(asked: &HeaderMap) -> bool {
    let lines = asked.get_all(header::ACCEPT).iter();
    let lines = lines.filter_map(|line| line.to_str().ok());
    let ranges: Vec<_> = lines.flat_map(|line| line.split(',')).map(ranked).collect();
    let rank = |wanted: &str| {
        let of = ranges
            .iter()
            .filter(|(range, _)| range.eq_ignore_ascii_case(wanted));
        of.map(|(_, quality)| *quality).fold(0.0, f32::max)
    };
    let open = rank("application/openmetrics-text");
    open > 0.0 && open >= rank("text/plain")
}

/// A media range and its quality; 1 where none is said, 0 where it can't be read.
fn ranked(range: &str) -> (&str, f32) {
    let mut parts = range.split(';').map(str::trim);
    let name = parts.next().unwrap_or_default();
    let quality = parts.find_map(|part| part.strip_prefix("q="));
    (name, quality.map_or(1.0, |q| q.parse().unwrap_or(0.0)))
}
