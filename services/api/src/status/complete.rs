//! Errors that were made before any handler was reached, completed.

use std::collections::HashMap;

use http::HeaderMap;
use tonic::{Code, Status};
use tonic_types::StatusExt;

use portolan_proto::DOMAIN;

/// How tonic starts an error of decoding.
const MALFORMED: &str = "failed to decode Protobuf message";

/// Completes an error in the headers of an answer: with ErrorInfo, if whoever made it gave none, and with its trace.
pub(crate) fn complete(headers: &mut HeaderMap, trace: Option<String>) {
    let Some(status) = Status::from_header_map(headers) else {
        return;
    };
    let (mut code, mut details) = (status.code(), status.get_error_details());
    if details.error_info().is_none() {
        let (known, reason) = unexplained(&status);
        code = known;
        details.set_error_info(reason, DOMAIN, HashMap::new());
    }
    if let Some(trace) = trace {
        details.set_request_info(trace, "");
    }
    let complete = Status::with_error_details(code, status.message(), details);
    let mut fresh = HeaderMap::new();
    // Never fails with texts of ours, which are percent-encoded; and if it did, the error would stay as it is.
    if complete.add_header(&mut fresh).is_ok() {
        headers.extend(fresh);
    }
}

/// Code and reason of an error that was made before any handler was reached. A message that is none is the caller's
/// mistake, whatever tonic calls it; and `OUT_OF_RANGE` tells a client to list again.
fn unexplained(status: &Status) -> (Code, &'static str) {
    match status.code() {
        Code::Unimplemented => (Code::Unimplemented, "METHOD_UNKNOWN"),
        Code::OutOfRange | Code::ResourceExhausted => {
            (Code::ResourceExhausted, "MESSAGE_TOO_LARGE")
        }
        Code::Internal if status.message().contains(MALFORMED) => {
            (Code::InvalidArgument, "MESSAGE_MALFORMED")
        }
        Code::DeadlineExceeded | Code::Cancelled => (status.code(), "DEADLINE_EXCEEDED"),
        code => (code, "UNEXPLAINED"),
    }
}

#[cfg(test)]
mod tests;
