//! What a refusal carries beside its message (google.rpc).

use tonic::Status;
use tonic_types::StatusExt;

/// Why, for programs.
pub(crate) fn reason(status: &Status) -> String {
    let info = status.get_details_error_info();
    let info = info.unwrap_or_else(|| panic!("no ErrorInfo in {status:?}"));
    assert_eq!(info.domain, portolan_proto::DOMAIN);
    info.reason
}

/// Paths of the fields that a `BadRequest` names; each comes with an explanation.
pub(crate) fn fields(status: &Status) -> Vec<String> {
    let bad_request = status.get_details_bad_request();
    let bad_request = bad_request.unwrap_or_else(|| panic!("no BadRequest in {status:?}"));
    let described = |v: &tonic_types::FieldViolation| !v.description.is_empty();
    assert!(bad_request.field_violations.iter().all(described));
    bad_request
        .field_violations
        .into_iter()
        .map(|violation| violation.field)
        .collect()
}
