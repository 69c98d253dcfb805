//! Of requests that no handler answers: there is no room for them, or no time.

use std::time::Duration;

use tonic::{Code, Status};

use super::{bound::status, info};

/// There is too much to do at the moment, for this peer or for all.
pub(crate) fn busy(what: &str) -> Status {
    let mut details = info("SERVER_BUSY", []);
    details.set_retry_info(Some(Duration::from_secs(1)));
    let message = format!("{what}; try again a little later, or ask for less at once");
    status(Code::ResourceExhausted, &message, details)
}

/// The request began, and did not go on.
pub(crate) fn half_sent() -> Status {
    let message = "the request was not sent to its end in time: no pause may be longer than 10 s, and no message may take longer than 60 s; send it again";
    status(
        Code::DeadlineExceeded,
        message,
        info("REQUEST_HALF_SENT", []),
    )
}

/// The caller's own time limit passed. What was handed on is not taken back by that.
pub(crate) fn deadline_exceeded() -> Status {
    let message = "the caller's deadline passed first; whether a write took place is unknown: repeat it with the same request_id, or read";
    status(
        Code::DeadlineExceeded,
        message,
        info("DEADLINE_EXCEEDED", []),
    )
}
