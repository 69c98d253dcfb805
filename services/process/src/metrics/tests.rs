//! Both formats of one page.

use axum::body::to_bytes;
use axum::http::{HeaderMap, HeaderValue, header};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::histogram::Histogram;

use super::*;

/// As Prometheus 2 and 3 ask.
const PROMETHEUS: &str = "application/openmetrics-text;version=1.0.0;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2";

fn asked(accept: Option<&str>) -> HeaderMap {
    let accept = accept.map(|accept| HeaderValue::from_str(accept).unwrap());
    accept
        .map(|accept| (header::ACCEPT, accept))
        .into_iter()
        .collect()
}

async fn shown(registry: &Registry, accept: Option<&str>) -> (String, String) {
    let answer = page(registry, &asked(accept));
    let kind = answer.headers()[header::CONTENT_TYPE]
        .to_str()
        .unwrap()
        .to_owned();
    let body = to_bytes(answer.into_body(), usize::MAX).await.unwrap();
    (kind, String::from_utf8(body.to_vec()).unwrap())
}

#[test]
fn open_metrics_is_for_those_that_prefer_it() {
    for (accept, open) in [
        (None, false),
        (Some(""), false),
        (Some("*/*"), false),
        (Some("text/plain"), false),
        (Some("text/html, */*;q=0.1"), false),
        (Some(PROMETHEUS), true),
        (Some("application/openmetrics-text"), true),
        (Some("Application/OpenMetrics-Text; version=1.0.0"), true),
        (
            Some("application/openmetrics-text;q=0.2,text/plain;q=0.9"),
            false,
        ),
        (Some("application/openmetrics-text;q=0"), false),
        (Some("application/openmetrics-text;q=many"), false),
    ] {
        assert_eq!(
            accept::prefers_open_metrics(&asked(accept)),
            open,
            "{accept:?}"
        );
    }
}

#[tokio::test]
async fn a_page_has_two_formats() {
    let mut registry = Registry::default();
    let teas = Counter::<u64>::default();
    teas.inc();
    registry.register("cups", "Cups of tea", teas);
    registry.register("wait_seconds", "Until it is ready", Histogram::new([1.0]));
    let (kind, open) = shown(&registry, Some(PROMETHEUS)).await;
    assert_eq!(kind, OPEN_METRICS);
    assert!(
        open.contains("# TYPE cups counter\n") && open.ends_with("# EOF\n"),
        "{open}"
    );
    let (kind, text) = shown(&registry, None).await;
    assert_eq!(kind, TEXT);
    let counted = "# HELP cups_total Cups of tea.\n# TYPE cups_total counter\ncups_total 1\n";
    assert!(text.starts_with(counted), "{text}");
    assert!(text.contains("# TYPE wait_seconds histogram\n"), "{text}");
    assert!(!text.contains("EOF"), "{text}");
}

#[tokio::test]
async fn every_process_tells_of_itself() {
    let (_, text) = shown(&registry(), None).await;
    let value = |name: &str| {
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        let value = line.unwrap_or_else(|| panic!("no {name} in {text}"));
        value.parse::<f64>().unwrap()
    };
    for name in [
        "process_cpu_seconds_total",
        "process_start_time_seconds",
        "process_resident_memory_bytes",
        "process_virtual_memory_bytes",
        "process_open_fds",
        "process_max_fds",
    ] {
        assert!(value(name) > 0.0, "{name}");
    }
    let build = concat!(
        "portolan_build_info{version=\"",
        env!("CARGO_PKG_VERSION"),
        "\"}"
    );
    assert!((value(build) - 1.0).abs() < f64::EPSILON);
}
