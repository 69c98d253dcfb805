//! Conditions, of whatever they are conditions.

use portolan_proto::v1::{Condition, ConditionStatus};

use super::age;
use super::yaml::{Document, Fields};

/// `True`, `False` or `Unknown`.
pub(crate) fn status(condition: &Condition) -> &'static str {
    match condition.status() {
        ConditionStatus::True => "True",
        ConditionStatus::False => "False",
        ConditionStatus::Unknown | ConditionStatus::Unspecified => "Unknown",
    }
}

/// The status of the condition of that type; `Unknown` if nobody said.
pub(crate) fn status_of(conditions: &[Condition], kind: &str) -> &'static str {
    let found = conditions.iter().find(|condition| condition.r#type == kind);
    found.map_or("Unknown", status)
}

pub(crate) fn documents(conditions: &[Condition]) -> Document {
    let document = |condition: &Condition| {
        let since = condition.last_transition_time.as_ref();
        Fields::new()
            .field("type", condition.r#type.as_str())
            .field("status", status(condition))
            .field("reason", condition.reason.as_str())
            .field("message", condition.message.as_str())
            .field("observedGeneration", condition.observed_generation)
            .optional("lastTransitionTime", since.map(age::rfc3339))
            .end()
    };
    Document::List(conditions.iter().map(document).collect())
}
