//! From a request's circumstances to an operation's, and from an outcome to a response.

use portolan_allocator::{Context, Verb};
use portolan_model::{Digest, Uid, Violations};
use portolan_process::trace;
use prost::Message;
use tonic::metadata::MetadataValue;
use tonic::{Request, Response};
use uuid::Uuid;

/// Response header that says `created`, `configured`, `unchanged` or `deleted`.
const OUTCOME_HEADER: &str = "portolan-outcome";

/// Circumstances of a write.
pub(crate) fn context<M: Message>(
    method: &'static str,
    request: &Request<M>,
    request_id: &str,
    validate_only: bool,
    violations: &mut Violations,
) -> Context {
    let principal = request.remote_addr().map_or_else(
        || "local".to_owned(),
        |peer| format!("anonymous@{}", peer.ip()),
    );
    let request_id = request_uuid(request_id, violations);
    // Only a repetition is ever compared, and that needs an id.
    let body_hash = request_id.map(|_| {
        let body = request.get_ref().encode_to_vec();
        Digest::of(&[method.as_bytes(), &body]).to_string()
    });
    Context {
        principal,
        method,
        request_id,
        body_hash: body_hash.unwrap_or_default(),
        validate_only,
        traceparent: trace::recorded(request.metadata().as_ref()),
    }
}

fn request_uuid(text: &str, violations: &mut Violations) -> Option<Uuid> {
    if text.is_empty() {
        return None;
    }
    violations.check(
        "request_id",
        Uuid::parse_str(text).map_err(|_| "must be a UUID"),
    )
}

/// A uid that must match; empty: none.
pub(crate) fn expected_uid(text: &str, violations: &mut Violations) -> Option<Uid> {
    if text.is_empty() {
        return None;
    }
    violations.check(
        "expected_uid",
        text.parse::<Uid>().map_err(|_| "must be a UUID"),
    )
}

/// A text that stands for nothing if it is empty.
pub(crate) fn optional(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

/// A response that tells what happened.
pub(crate) fn respond<M>(message: M, verb: Verb) -> Response<M> {
    let mut response = Response::new(message);
    response
        .metadata_mut()
        .insert(OUTCOME_HEADER, MetadataValue::from_static(verb.as_str()));
    response
}
