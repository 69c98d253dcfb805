//! The statuses that end a node's stream.

use http::HeaderMap;
use portolan_distributor::{Ending, NotAdmitted};
use portolan_model::view::{OLDEST_PROJECTION_VERSION, PROJECTION_VERSION};
use tonic::{Code, Status};

use super::{bound, info, unavailable};

/// The trailers that say how a stream ended.
pub(crate) fn trailers(ending: Ending) -> HeaderMap {
    match ending {
        Ending::Complete => headers(&Status::new(Code::Ok, "")),
        Ending::Replaced => headers(&status(
            Code::Aborted,
            "STREAM_REPLACED",
            "a newer stream of this node took the place of this one",
        )),
        Ending::Unregistered => headers(&status(
            Code::FailedPrecondition,
            "NODE_DELETED",
            "the node was deleted; create it again, or stop its plugin",
        )),
        Ending::Stuck => headers(&status(
            Code::Aborted,
            "STREAM_STUCK",
            "the node does not read its stream",
        )),
        Ending::Failed(headers) => *headers,
    }
}

pub(crate) fn failed(status: &Status) -> Ending {
    Ending::Failed(Box::new(headers(status)))
}

fn headers(status: &Status) -> HeaderMap {
    let mut headers = HeaderMap::new();
    if status.add_header(&mut headers).is_err() {
        // Never of ours, whose texts are percent-encoded.
        headers.insert("grpc-status", http::HeaderValue::from_static("13"));
    }
    headers
}

/// A status with ErrorInfo.
pub(crate) fn status(code: Code, reason: &str, message: impl Into<String>) -> Status {
    bound::status(code, &message.into(), info(reason, []))
}

/// The node broke a rule of the stream.
pub(crate) fn violation(message: impl Into<String>) -> Status {
    status(Code::InvalidArgument, "STREAM_RULE_BROKEN", message)
}

/// What ended a stream, in the same words as elsewhere: tonic's of a message that is too large would mean to start again.
pub(crate) fn explained(ended: Status) -> Status {
    if ended.code() == Code::OutOfRange {
        return status(
            Code::ResourceExhausted,
            "MESSAGE_TOO_LARGE",
            ended.message(),
        );
    }
    ended
}

pub(crate) fn silent() -> Status {
    status(
        Code::DeadlineExceeded,
        "HELLO_MISSING",
        "the first message of a stream must be a Hello, and come at once",
    )
}

pub(crate) fn draining() -> Status {
    unavailable(
        "SHUTTING_DOWN",
        "this server is about to end; connect to another one, or a little later",
    )
}

pub(crate) fn too_many(limit: usize) -> Status {
    let message =
        format!("this server has {limit} open streams, its limit; connect to another one");
    status(Code::ResourceExhausted, "TOO_MANY_STREAMS", message)
}

pub(crate) fn projection(asked: u32) -> Status {
    let message = format!(
        "the plugin understands version {asked} of what nodes are told, this server speaks versions \
         {OLDEST_PROJECTION_VERSION} to {PROJECTION_VERSION}; upgrade the older of the two"
    );
    status(Code::FailedPrecondition, "PROJECTION_UNSUPPORTED", message)
}

pub(crate) fn not_registered(cluster: &str, node: &str) -> Status {
    let message = format!(
        "node {node} is not registered in cluster {cluster}; create it, or start the server with --auto-register"
    );
    status(Code::FailedPrecondition, "NODE_NOT_REGISTERED", message)
}

pub(crate) fn not_admitted(refused: NotAdmitted) -> Status {
    match refused {
        NotAdmitted::Superseded { .. } => {
            status(Code::Aborted, "SESSION_SUPERSEDED", refused.to_string())
        }
        NotAdmitted::TooMany => status(
            Code::ResourceExhausted,
            "TOO_MANY_STREAMS",
            refused.to_string(),
        ),
    }
}
