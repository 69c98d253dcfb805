//! Conditions of ranges for virtual addresses.

use portolan_model::{ConditionReason as Why, ServiceCidr, State};
use portolan_proto::v1;
use portolan_proto::v1::ConditionStatus::{False, True};

use super::Word;

/// Conditions of a range.
pub(crate) fn service_cidr_conditions(
    state: &State,
    service_cidr: &ServiceCidr,
) -> Vec<v1::Condition> {
    let ready = if service_cidr.is_ready() {
        let message = "addresses are allocated from it".to_owned();
        Word(True, Why::Ready, message)
    } else {
        let message = match state.stranded(service_cidr).count() {
            0 => "it is drained, and about to go".to_owned(),
            held => format!(
                "nothing is allocated from it any more; addresses in use that lie in no other range: {held}"
            ),
        };
        Word(False, Why::Terminating, message)
    };
    let meta = &service_cidr.meta;
    vec![ready.condition("Ready", meta.generation, meta.updated_at)]
}
