use http::HeaderMap;
use tonic::{Code, Status};
use tonic_types::StatusExt;

use super::complete;

#[test]
fn what_no_handler_explained_is_explained() {
    for (made, code, reason) in [
        (
            Status::cancelled("late"),
            Code::Cancelled,
            "DEADLINE_EXCEEDED",
        ),
        (
            Status::deadline_exceeded(""),
            Code::DeadlineExceeded,
            "DEADLINE_EXCEEDED",
        ),
        (
            Status::unimplemented(""),
            Code::Unimplemented,
            "METHOD_UNKNOWN",
        ),
        (
            Status::out_of_range(""),
            Code::ResourceExhausted,
            "MESSAGE_TOO_LARGE",
        ),
        (Status::internal("a panic"), Code::Internal, "UNEXPLAINED"),
    ] {
        let mut headers = HeaderMap::new();
        made.add_header(&mut headers).expect("it is encoded");
        complete(&mut headers, None);
        let completed = Status::from_header_map(&headers).expect("it is a status");
        let info = completed.get_details_error_info().expect(reason);
        assert_eq!((completed.code(), info.reason.as_str()), (code, reason));
    }
}
