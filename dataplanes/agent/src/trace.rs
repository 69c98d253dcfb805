//! Links what a node does to the request that asked for it.

use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState};
use portolan_subscriber::Update;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

/// A span for applying an update, as a child of its oldest commit's request.
pub(crate) fn apply_span(update: &Update) -> Span {
    let oldest = update.commits.first();
    let traceparent = oldest.map_or("", |commit| commit.traceparent.as_str());
    let span = tracing::info_span!("apply", revision = update.mark.revision().0, traceparent);
    if let Some(parent) = parse(traceparent) {
        // An error says that nobody listens to spans.
        let _ = span.set_parent(Context::new().with_remote_span_context(parent));
    }
    span
}

/// W3C Trace Context: version-trace-parent-flags, in hexadecimal. Later versions may add parts.
fn parse(traceparent: &str) -> Option<SpanContext> {
    let mut parts = traceparent.split('-');
    let (version, trace, parent, flags) =
        (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let sized = version.len() == 2 && trace.len() == 32 && parent.len() == 16 && flags.len() == 2;
    let context = SpanContext::new(
        TraceId::from_hex(trace).ok()?,
        SpanId::from_hex(parent).ok()?,
        TraceFlags::new(u8::from_str_radix(flags, 16).ok()?),
        true,
        TraceState::default(),
    );
    (sized && version != "ff" && context.is_valid()).then_some(context)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_traceparent_is_a_traceparent() {
        let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
        let parent = "00f067aa0ba902b7";
        for (name, text, valid) in [
            ("version 0", format!("00-{trace}-{parent}-01"), true),
            (
                "a later version",
                format!("01-{trace}-{parent}-01-more"),
                true,
            ),
            (
                "forbidden version",
                format!("ff-{trace}-{parent}-01"),
                false,
            ),
            (
                "zero trace",
                format!("00-{}-{parent}-01", "0".repeat(32)),
                false,
            ),
            ("short parent", format!("00-{trace}-abc-01"), false),
            (
                "no hexadecimal",
                format!("00-{}-{parent}-01", "x".repeat(32)),
                false,
            ),
            ("empty", String::new(), false),
        ] {
            assert_eq!(parse(&text).is_some(), valid, "{name}");
        }
    }
}
