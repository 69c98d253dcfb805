//! Trace context: from the request's header into the span, and from the span into the log.

use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState};
use portolan_proto::trace::TraceParent;
use tonic::metadata::MetadataMap;
use tracing_opentelemetry::OpenTelemetrySpanExt;

const HEADER: &str = "traceparent";

/// The context that a write is recorded under: that of the current span if spans are exported, else the caller's own.
pub(crate) fn traceparent(metadata: &MetadataMap) -> String {
    let text = metadata.get(HEADER).and_then(|value| value.to_str().ok());
    let sent = || text?.parse().ok();
    let parent = current().or_else(sent);
    parent.map(|parent| parent.to_string()).unwrap_or_default()
}

/// That of the current span, if spans are exported.
pub(crate) fn current() -> Option<TraceParent> {
    let context = tracing::Span::current().context();
    let span = context.span().span_context().clone();
    span.is_valid().then(|| TraceParent {
        trace_id: span.trace_id().to_bytes(),
        span_id: span.span_id().to_bytes(),
        flags: span.trace_flags().to_u8(),
    })
}

/// What the caller sent.
pub(crate) fn sent(headers: &http::HeaderMap) -> Option<TraceParent> {
    let text = headers.get(HEADER)?.to_str().ok()?;
    text.parse().ok()
}

/// Makes the caller's context the parent of a span.
pub fn adopt(span: &tracing::Span, headers: &http::HeaderMap) {
    let Some(parent) = sent(headers) else {
        return;
    };
    let parent = SpanContext::new(
        TraceId::from_bytes(parent.trace_id),
        SpanId::from_bytes(parent.span_id),
        TraceFlags::new(parent.flags),
        true,
        TraceState::default(),
    );
    let context = opentelemetry::Context::new().with_remote_span_context(parent);
    // Fails only where no exporter is installed: then nobody looks for a parent.
    let _ = span.set_parent(context);
}
