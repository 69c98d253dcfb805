//! The one place where a gRPC status is made. The code follows from what the caller does next; every status carries
//! ErrorInfo, and details that name field, subject or quota (google.rpc, AIP-193), in no more bytes than proxies let
//! through.

mod bound;
pub(crate) mod complete;
mod named;
mod requests;
pub(crate) mod stream;

use std::collections::HashMap;

use portolan_allocator::SubmitError;
use portolan_model::{Name, Precondition, Refusal, Violation};
use portolan_proto::DOMAIN;
use portolan_store::{Compacted, StoreError};
use tonic::{Code, Status};
use tonic_types::ErrorDetails;

use bound::{clip, status};
use named::{full, resource_type};
pub(crate) use requests::{busy, deadline_exceeded, half_sent};

/// Of an operation of a cluster that has no outcome.
pub fn from_submit(cluster: &str, error: SubmitError) -> Status {
    let message = error.to_string();
    match error {
        SubmitError::Refused(refusal) => refused_in(cluster, &refusal),
        SubmitError::Overloaded => {
            let mut details = info("OVERLOADED", []);
            details.set_retry_info(Some(std::time::Duration::from_millis(100)));
            status(Code::ResourceExhausted, &message, details)
        }
        SubmitError::Unavailable => unavailable("STORE_UNAVAILABLE", &message),
        SubmitError::Unknown => unavailable("OUTCOME_UNKNOWN", &message),
        SubmitError::ShuttingDown => unavailable("SHUTTING_DOWN", &message),
        SubmitError::Internal => status(Code::Internal, &message, info("INCONSISTENT", [])),
    }
}

/// Of a request that was decided against before it reached a cluster.
pub fn from_refusal(refusal: &Refusal) -> Status {
    bound::fitting(refusal, explain)
}

/// Of a request that was decided against in a cluster: refusals name what is below it, details all of the name.
pub(crate) fn refused_in(cluster: &str, refusal: &Refusal) -> Status {
    bound::fitting(refusal, |part| explain(&full(cluster, part)))
}

fn explain(refusal: &Refusal) -> (Code, ErrorDetails) {
    let message = refusal.to_string();
    match refusal {
        Refusal::Invalid { violations } => bad_request("FIELD_INVALID", violations),
        Refusal::Immutable { violations } => bad_request("FIELD_IMMUTABLE", violations),
        Refusal::Precondition {
            reason,
            preconditions,
        } => (
            Code::FailedPrecondition,
            precondition_failure(reason.as_str(), preconditions),
        ),
        Refusal::NotFound { resource, .. } => (
            Code::NotFound,
            resource_info("NOT_FOUND", resource, &message),
        ),
        Refusal::AlreadyExists { resource } => (
            Code::AlreadyExists,
            resource_info("ALREADY_EXISTS", resource, &message),
        ),
        Refusal::Exhausted {
            reason,
            subject,
            description,
            used,
            quarantined,
            capacity,
        } => {
            let counts = [
                ("range", subject.clone()),
                ("used", used.to_string()),
                ("quarantined", quarantined.to_string()),
                ("capacity", capacity.to_string()),
            ];
            let mut details = info(reason.as_str(), counts);
            details.add_quota_failure_violation(clip(subject), clip(description));
            (Code::ResourceExhausted, details)
        }
        Refusal::Conflict { reason, .. } => (Code::Aborted, info(reason.as_str(), [])),
        Refusal::TooLarge { rows, limit } => {
            let counts = [("rows", rows.to_string()), ("limit", limit.to_string())];
            (Code::InvalidArgument, info("OPERATION_TOO_LARGE", counts))
        }
    }
}

/// Of a watch whose starting point is no longer kept.
pub fn from_compacted(compacted: Compacted) -> Status {
    let message = format!("{compacted}; list again, and watch from the revision of the list");
    let details = info(
        "REVISION_COMPACTED",
        [("oldest_revision", compacted.oldest.to_string())],
    );
    status(Code::OutOfRange, &message, details)
}

/// Of a watch that starts beyond what there is.
pub fn future_revision(asked: u64, head: u64) -> Status {
    let message = format!(
        "revision {asked} does not exist; the newest is {head}. List again, and watch from there"
    );
    let details = info("REVISION_UNKNOWN", [("head_revision", head.to_string())]);
    status(Code::OutOfRange, &message, details)
}

/// Of a watch that was read too slowly.
pub fn watch_too_slow() -> Status {
    let message = "the watch was read too slowly; resume from the last revision it delivered";
    status(Code::Aborted, message, info("WATCH_TOO_SLOW", []))
}

/// Of a watch whose store is not the one any more that counted its revision.
pub fn store_replaced() -> Status {
    let message = "the store was replaced or restored since; list again, and watch from the revision of the list";
    status(Code::OutOfRange, message, info("STORE_RELOADED", []))
}

/// Of a service name that has no health.
pub(crate) fn unknown_service(name: &str) -> Status {
    let message = format!("this server has no service {name:?}; reflection lists what it has");
    let details = info("NOT_FOUND", [("resource", name.to_owned())]);
    status(Code::NotFound, &message, details)
}

/// Of a watch that outlives its server.
pub fn shutting_down() -> Status {
    unavailable(
        "SHUTTING_DOWN",
        "the server is shutting down; resume at another one, or a little later",
    )
}

/// Of a watch whose cluster was deleted.
pub fn cluster_deleted(cluster: &Name) -> Status {
    from_refusal(&Refusal::NotFound {
        resource: format!("clusters/{cluster}"),
        remedy: "it was deleted".to_owned(),
    })
}

/// Of a read that waited in vain for a revision.
pub fn behind(asked: u64, head: u64) -> Status {
    unavailable(
        "REVISION_NOT_REACHED",
        &format!("this server has revision {head}, not yet {asked}; try again"),
    )
}

/// Of a read from the store itself.
pub fn from_store(error: &StoreError) -> Status {
    tracing::warn!(error = %error, "read from the store failed");
    unavailable(
        "STORE_UNAVAILABLE",
        "the store is unavailable; try again later",
    )
}

/// Of a call that may be repeated as it is.
pub fn unavailable(reason: &str, message: &str) -> Status {
    let mut details = info(reason, []);
    details.set_retry_info(Some(std::time::Duration::from_secs(1)));
    status(Code::Unavailable, message, details)
}

fn info<const N: usize>(reason: &str, metadata: [(&str, String); N]) -> ErrorDetails {
    let metadata: HashMap<String, String> = metadata
        .into_iter()
        .map(|(k, v)| (k.to_owned(), clip(&v)))
        .collect();
    ErrorDetails::with_error_info(reason, DOMAIN, metadata)
}

fn bad_request(reason: &str, violations: &[Violation]) -> (Code, ErrorDetails) {
    let mut details = info(reason, []);
    for violation in violations {
        details.add_bad_request_violation(&violation.field, &violation.description);
    }
    (Code::InvalidArgument, details)
}

fn precondition_failure(reason: &str, preconditions: &[Precondition]) -> ErrorDetails {
    let mut details = info(reason, []);
    for precondition in preconditions {
        details.add_precondition_failure_violation(
            precondition.kind.as_str(),
            &precondition.subject,
            &precondition.description,
        );
    }
    // An error has room for one resource: the first holder. The others are in the descriptions.
    let held = preconditions
        .iter()
        .find_map(|p| Some((p.holder.as_ref()?, p)));
    if let Some((holder, precondition)) = held {
        details.set_resource_info(
            clip(&resource_type(holder)),
            clip(holder),
            "",
            clip(&precondition.description),
        );
    }
    details
}

fn resource_info(reason: &str, resource: &str, message: &str) -> ErrorDetails {
    let mut details = info(reason, [("resource", resource.to_owned())]);
    let kind = clip(&resource_type(resource));
    details.set_resource_info(kind, clip(resource), "", clip(message));
    details
}
