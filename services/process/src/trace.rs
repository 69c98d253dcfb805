//! Trace context (W3C `traceparent`): from a request's header or a commit into a span, and from a span into the log.

use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState};
use portolan_proto::trace::TraceParent;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

const HEADER: &str = "traceparent";

/// The context that a write is recorded under: that of the current span if spans are exported, else the caller's own.
/// Empty if there is neither.
pub fn recorded(headers: &http::HeaderMap) -> String {
    let parent = current().or_else(|| sent(headers));
    parent.map(|parent| parent.to_string()).unwrap_or_default()
}

/// The context of the current span, if spans are exported.
pub fn current() -> Option<TraceParent> {
    let context = Span::current().context();
    let span = context.span().span_context().clone();
    span.is_valid().then(|| TraceParent {
        trace_id: span.trace_id().to_bytes(),
        span_id: span.span_id().to_bytes(),
        flags: span.trace_flags().to_u8(),
    })
}

/// The context that the caller sent.
pub fn sent(headers: &http::HeaderMap) -> Option<TraceParent> {
    headers.get(HEADER)?.to_str().ok()?.parse().ok()
}

/// Makes a context that came from elsewhere the parent of a span.
pub fn adopt(span: &Span, parent: &TraceParent) {
    let parent = SpanContext::new(
        TraceId::from_bytes(parent.trace_id),
        SpanId::from_bytes(parent.span_id),
        TraceFlags::new(parent.flags),
        true,
        TraceState::default(),
    );
    // Fails only where no exporter is installed: then nobody looks for a parent.
    let _ = span.set_parent(Context::new().with_remote_span_context(parent));
}
