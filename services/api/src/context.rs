//! From a request's circumstances to an operation's, and from an outcome to a response.

use portolan_allocator::{Context, Preconditions, Verb};
use portolan_model::limits::ETAG;
use portolan_model::{Digest, FieldPath, Uid, Violations, validate};
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
    let id = Uuid::parse_str(text).ok().filter(|id| !id.is_nil());
    let rule = "must be a UUID that is drawn anew for each request, and not all zeros";
    violations.check("request_id", id.ok_or(rule))
}

/// What must match; what is empty need not. `field` is that of the etag.
pub(crate) fn preconditions(
    field: impl FieldPath,
    etag: &str,
    expected_uid: &str,
    violations: &mut Violations,
) -> Preconditions {
    let given = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let uid = given(expected_uid).and_then(|text| {
        let uid = text.parse::<Uid>().map_err(|_| "must be a UUID");
        violations.check("expected_uid", uid)
    });
    validate::text(field, etag, ETAG, violations);
    Preconditions {
        etag: given(etag),
        expected_uid: uid,
    }
}

/// A response that tells what happened.
pub(crate) fn respond<M>(message: M, verb: Verb) -> Response<M> {
    let mut response = Response::new(message);
    response
        .metadata_mut()
        .insert(OUTCOME_HEADER, MetadataValue::from_static(verb.as_str()));
    response
}
