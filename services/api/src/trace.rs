//! W3C trace context: from the request's header into the span, and from the span into the log.

use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState};
use tonic::metadata::MetadataMap;
use tracing_opentelemetry::OpenTelemetrySpanExt;

const HEADER: &str = "traceparent";

/// The context that a write is recorded under: that of the current span if spans are exported, else the caller's own.
pub(crate) fn traceparent(metadata: &MetadataMap) -> String {
    let context = tracing::Span::current().context();
    let span = context.span().span_context().clone();
    if span.is_valid() {
        let flags = span.trace_flags().to_u8();
        return format!("00-{}-{}-{flags:02x}", span.trace_id(), span.span_id());
    }
    let sent = metadata.get(HEADER).and_then(|value| value.to_str().ok());
    sent.filter(|text| parse(text).is_some())
        .unwrap_or_default()
        .to_owned()
}

/// Makes the caller's context the parent of a span.
pub fn adopt(span: &tracing::Span, headers: &http::HeaderMap) {
    let Some(parent) = headers
        .get(HEADER)
        .and_then(|value| value.to_str().ok())
        .and_then(parse)
    else {
        return;
    };
    let context = opentelemetry::Context::new().with_remote_span_context(parent);
    // Fails only where no exporter is installed: then nobody looks for a parent.
    let _ = span.set_parent(context);
}

/// `00-{trace id}-{span id}-{flags}` (W3C Trace Context, version 00).
fn parse(text: &str) -> Option<SpanContext> {
    let mut parts = text.split('-');
    let (version, trace, span, flags) =
        (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let shape = version == "00" && trace.len() == 32 && span.len() == 16 && flags.len() == 2;
    let flags = u8::from_str_radix(flags, 16).ok()?;
    let context = SpanContext::new(
        TraceId::from_hex(trace).ok()?,
        SpanId::from_hex(span).ok()?,
        TraceFlags::new(flags),
        true,
        TraceState::default(),
    );
    (shape && context.is_valid()).then_some(context)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_well_formed_header_is_taken_over() {
        for (text, ok) in [
            (
                "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
                true,
            ),
            (
                "00-00000000000000000000000000000000-b7ad6b7169203331-01",
                false,
            ),
            (
                "01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
                false,
            ),
            (
                "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
                false,
            ),
            ("", false),
            ("ä-ö", false),
        ] {
            assert_eq!(parse(text).is_some(), ok, "{text:?}");
        }
    }
}
