//! Links what a node does to the request that asked for it.

use portolan_process::trace;
use portolan_proto::trace::TraceParent;
use portolan_subscriber::Update;
use tracing::Span;

/// A span for applying an update, as a child of its oldest commit's request.
pub(crate) fn apply_span(update: &Update) -> Span {
    let oldest = update.commits.first();
    let traceparent = oldest.map_or("", |commit| commit.traceparent.as_str());
    let span = tracing::info_span!("apply", revision = update.mark.revision().0, traceparent);
    if let Ok(parent) = traceparent.parse::<TraceParent>() {
        trace::adopt(&span, &parent);
    }
    span
}
