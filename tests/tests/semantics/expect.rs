//! What a refusal has to say.

use std::fmt::Debug;

use tonic::{Code, Status};
use tonic_types::StatusExt;

pub(crate) const INVALID: Code = Code::InvalidArgument;
pub(crate) const FAILED: Code = Code::FailedPrecondition;
pub(crate) const EXHAUSTED: Code = Code::ResourceExhausted;

/// What a table's row expects.
pub(crate) type Verdict = Result<(), (Code, &'static str)>;

/// An answer is as a table expects it.
pub(crate) fn assert_verdict<T: Debug>(row: &str, answer: Result<T, Status>, want: Verdict) {
    match want {
        Ok(()) => drop(answer.unwrap_or_else(|status| panic!("{row}: refused: {}", text(&status)))),
        Err((code, field)) => drop(assert_refused(row, answer, code, field)),
    }
}

/// A refusal with this code, at this field or subject (the end of its path); gives the ErrorInfo's reason.
pub(crate) fn assert_refused<T: Debug>(
    row: &str,
    answer: Result<T, Status>,
    code: Code,
    field: &str,
) -> String {
    let status = answer.expect_err(row);
    let shown = text(&status);
    assert_eq!(status.code(), code, "{row}: {shown}");
    let details = status.get_error_details();
    let info = details
        .error_info()
        .unwrap_or_else(|| panic!("{row}: no ErrorInfo: {shown}"));
    assert_eq!(info.domain, portolan_proto::DOMAIN, "{row}");
    let fields = fields(&status);
    assert!(
        field.is_empty() || fields.iter().any(|at| at.ends_with(field)),
        "{row}: {field} is none of {fields:?}: {shown}"
    );
    info.reason.clone()
}

/// Every field and subject that a refusal names.
pub(crate) fn fields(status: &Status) -> Vec<String> {
    let details = status.get_error_details();
    let bad = details.bad_request().into_iter();
    let bad = bad.flat_map(|bad| bad.field_violations.iter().map(|v| v.field.clone()));
    let failed = details.precondition_failure().into_iter();
    let failed = failed.flat_map(|failed| failed.violations.iter().map(|v| v.subject.clone()));
    let quota = details.quota_failure().into_iter();
    let quota = quota.flat_map(|quota| quota.violations.iter().map(|v| v.subject.clone()));
    bad.chain(failed).chain(quota).collect()
}

/// A number in the ErrorInfo of a refusal.
pub(crate) fn count(status: &Status, key: &str) -> u64 {
    let details = status.get_error_details();
    let info = details.error_info().expect("ErrorInfo");
    let text = info.metadata.get(key);
    text.and_then(|text| text.parse().ok())
        .unwrap_or_else(|| panic!("{key} is no number in {:?}", info.metadata))
}

fn text(status: &Status) -> String {
    format!("{:?}: {}", status.code(), status.message())
}
