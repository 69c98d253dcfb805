//! Conditions: functions of the committed state and of what nodes report, computed when somebody reads.

mod node;
mod service;
mod service_cidr;
mod workload;

use portolan_model::{ConditionReason, Timestamp};
use portolan_proto::convert::meta::timestamp;
use portolan_proto::v1;

pub(crate) use node::node_conditions;
pub(crate) use service::service_status;
pub(crate) use service_cidr::service_cidr_conditions;
pub(crate) use workload::workload_status;

/// Status, reason and message of a condition.
struct Word(v1::ConditionStatus, ConditionReason, String);

impl Word {
    /// As a condition of an object's generation, since then as far as that is known.
    fn condition(
        self,
        kind: &str,
        generation: u64,
        since: impl Into<Option<Timestamp>>,
    ) -> v1::Condition {
        let Self(status, reason, message) = self;
        v1::Condition {
            r#type: kind.to_owned(),
            status: status.into(),
            reason: reason.as_str().to_owned(),
            message,
            observed_generation: i64::try_from(generation).unwrap_or(i64::MAX),
            last_transition_time: since.into().map(timestamp),
        }
    }
}

fn count(n: usize) -> i32 {
    i32::try_from(n).unwrap_or(i32::MAX)
}
