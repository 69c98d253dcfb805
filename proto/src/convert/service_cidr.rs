//! Ranges for virtual addresses.

use portolan_model::alloc::ServiceRange;
use portolan_model::{ServiceCidr, State};

use super::cluster::usage;
use super::meta::{generation, timestamp};
use crate::v1;

pub use super::fields::cidrs;

/// A range on the wire, with its fill.
pub fn to_wire(cluster: &str, state: &State, service_cidr: &ServiceCidr) -> v1::ServiceCidr {
    let meta = &service_cidr.meta;
    let ranges = service_cidr.cidrs.iter().copied().map(ServiceRange::new);
    let condition = |status: v1::ConditionStatus, reason: &str, message: String| v1::Condition {
        r#type: "Ready".to_owned(),
        status: status.into(),
        reason: reason.to_owned(),
        message,
        observed_generation: generation(meta.generation),
        last_transition_time: Some(timestamp(meta.updated_at)),
    };
    let (ready, cidr_state) = if service_cidr.is_ready() {
        let message = "addresses are allocated from it".to_owned();
        let ready = condition(v1::ConditionStatus::True, "Ready", message);
        (ready, v1::ServiceCidrState::Ready)
    } else {
        let message = match state.stranded(service_cidr).count() {
            0 => "it is drained, and about to go".to_owned(),
            held => format!(
                "nothing is allocated from it any more; addresses in use that lie in no other range: {held}"
            ),
        };
        let ready = condition(v1::ConditionStatus::False, "Terminating", message);
        (ready, v1::ServiceCidrState::Draining)
    };
    v1::ServiceCidr {
        name: format!("clusters/{cluster}/serviceCidrs/{}", meta.name),
        uid: meta.uid.to_string(),
        generation: generation(meta.generation),
        etag: meta.etag(&service_cidr.cidrs),
        revision: meta.revision.0,
        create_time: Some(timestamp(meta.created_at)),
        delete_time: None,
        spec: Some(v1::ServiceCidrSpec {
            cidrs: service_cidr.cidrs.iter().map(ToString::to_string).collect(),
        }),
        status: Some(v1::ServiceCidrStatus {
            usage: ranges.map(|range| usage(state, &range)).collect(),
            conditions: vec![ready],
            state: cidr_state.into(),
        }),
    }
}
