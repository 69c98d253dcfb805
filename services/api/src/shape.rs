//! Checking the shape of requests: every violation at once, then a value.

use portolan_model::{FieldPath, Refusal, Violations};
use tonic::Status;

use crate::status::{from_refusal, refused_in};

/// Runs a parser that collects violations; a value only if there were none.
pub(crate) fn parse<T>(parser: impl FnOnce(&mut Violations) -> Option<T>) -> Result<T, Status> {
    let mut violations = Violations::new();
    let value = parser(&mut violations);
    violations
        .into_result()
        .map_err(|refusal| from_refusal(&refusal))?;
    value.ok_or_else(|| from_refusal(&Refusal::invalid("", "the request lacks a required field")))
}

/// What a message must have; its absence is a violation.
pub(crate) fn required<'a, M>(
    field: impl FieldPath,
    message: Option<&'a M>,
    violations: &mut Violations,
) -> Option<&'a M> {
    if message.is_none() {
        violations.add(field, "is needed");
    }
    message
}

/// NOT_FOUND for a resource name.
pub(crate) fn not_found(name: &str) -> Status {
    // The cluster goes without saying: it was found.
    let mut parts = name.splitn(3, '/').skip(1);
    match (parts.next(), parts.next()) {
        (Some(cluster), Some(below)) => refused_in(cluster, &Refusal::not_found(below)),
        _ => from_refusal(&Refusal::not_found(name)),
    }
}
