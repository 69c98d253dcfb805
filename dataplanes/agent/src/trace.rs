//! Links what a node does to the request that asked for it.

use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState};
use portolan_proto::trace::TraceParent;
use portolan_subscriber::Update;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

/// A span for applying an update, as a child of its oldest commit's request.
pub(crate) fn apply_span(update: &Update) -> Span {
    let oldest = update.commits.first();
    let traceparent = oldest.map_or("", |commit| commit.traceparent.as_str());
    let span = tracing::info_span!("apply", revision = update.mark.revision().0, traceparent);
    if let Ok(parent) = traceparent.parse::<TraceParent>() {
        let parent = SpanContext::new(
            TraceId::from_bytes(parent.trace_id),
            SpanId::from_bytes(parent.span_id),
            TraceFlags::new(parent.flags),
            true,
            TraceState::default(),
        );
        // An error says that nobody listens to spans.
        let _ = span.set_parent(Context::new().with_remote_span_context(parent));
    }
    span
}
