//! Ranges for virtual addresses.

use portolan_model::alloc::ServiceRange;
use portolan_model::{Resource, ServiceCidr, State};

use super::cluster::usage;
use super::meta::{generation, timestamp};
use crate::v1;

pub use super::fields::cidrs;

/// A range on the wire, without its status.
pub fn to_wire(cluster: &str, service_cidr: &ServiceCidr) -> v1::ServiceCidr {
    let meta = &service_cidr.meta;
    v1::ServiceCidr {
        name: format!("clusters/{cluster}/serviceCidrs/{}", meta.name),
        uid: meta.uid.to_string(),
        generation: generation(meta.generation),
        etag: service_cidr.etag(),
        revision: meta.revision.0,
        create_time: Some(timestamp(meta.created_at)),
        delete_time: None,
        spec: Some(v1::ServiceCidrSpec {
            cidrs: service_cidr.cidrs.iter().map(ToString::to_string).collect(),
        }),
        status: None,
    }
}

/// How full a range is, without conditions.
pub fn status(state: &State, service_cidr: &ServiceCidr) -> v1::ServiceCidrStatus {
    let ranges = service_cidr.cidrs.iter().copied().map(ServiceRange::new);
    let cidr_state = if service_cidr.is_ready() {
        v1::ServiceCidrState::Ready
    } else {
        v1::ServiceCidrState::Draining
    };
    v1::ServiceCidrStatus {
        usage: ranges.map(|range| usage(state, &range)).collect(),
        conditions: Vec::new(),
        state: cidr_state.into(),
    }
}
