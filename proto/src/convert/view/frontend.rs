//! Frontends of Services.

use portolan_model::TrafficPolicy;
use portolan_model::view::{FrontendAt, FrontendView, Reach, WhenEmpty};

use super::values::{
    ViewError, address, address_bytes, family, from_family, from_nets, from_protocol, nets, port,
    protocol,
};
use crate::node::v1 as wire;

pub(in crate::convert) fn frontend(v: &FrontendView) -> wire::Frontend {
    let at = match v.at {
        FrontendAt::Address(address) => wire::frontend::At::Address(address_bytes(address)),
        FrontendAt::NodePort(at) => wire::frontend::At::NodePort(family(at).into()),
    };
    let reach = match v.reach {
        Reach::Internal => wire::Reach::Internal,
        Reach::External => wire::Reach::External,
    };
    let policy = match v.policy {
        TrafficPolicy::Cluster => wire::Policy::Cluster,
        TrafficPolicy::Local => wire::Policy::Local,
    };
    let when_empty = match v.when_empty {
        WhenEmpty::Reject => wire::WhenEmpty::Reject,
        WhenEmpty::Drop => wire::WhenEmpty::Drop,
    };
    wire::Frontend {
        at: Some(at),
        reach: reach.into(),
        policy: policy.into(),
        port: v.port.into(),
        protocol: protocol(v.protocol).into(),
        service_port: v.service_port.clone(),
        affinity_seconds: v.affinity_seconds,
        source_ranges: nets(&v.source_ranges),
        when_empty: when_empty.into(),
        node_hints_valid: v.node_hints_valid,
        zone_hints_valid: v.zone_hints_valid,
    }
}

pub(in crate::convert) fn from_frontend(m: wire::Frontend) -> Result<FrontendView, ViewError> {
    let (reach, policy, when_empty, protocol) =
        (m.reach(), m.policy(), m.when_empty(), m.protocol());
    let at = match m.at {
        Some(wire::frontend::At::Address(bytes)) => FrontendAt::Address(address(&bytes)?),
        Some(wire::frontend::At::NodePort(number)) => {
            let known = wire::Family::try_from(number).unwrap_or_default();
            FrontendAt::NodePort(from_family(known)?)
        }
        None => return Err(ViewError::Unknown("at")),
    };
    Ok(FrontendView {
        at,
        reach: match reach {
            wire::Reach::Internal => Reach::Internal,
            wire::Reach::External => Reach::External,
            wire::Reach::Unspecified => return Err(ViewError::Unknown("reach")),
        },
        policy: match policy {
            wire::Policy::Cluster => TrafficPolicy::Cluster,
            wire::Policy::Local => TrafficPolicy::Local,
            wire::Policy::Unspecified => return Err(ViewError::Unknown("policy")),
        },
        port: port(m.port)?,
        protocol: from_protocol(protocol)?,
        service_port: m.service_port,
        affinity_seconds: m.affinity_seconds,
        source_ranges: from_nets(&m.source_ranges)?,
        when_empty: match when_empty {
            wire::WhenEmpty::Reject => WhenEmpty::Reject,
            wire::WhenEmpty::Drop => WhenEmpty::Drop,
            wire::WhenEmpty::Unspecified => return Err(ViewError::Unknown("when_empty")),
        },
        node_hints_valid: m.node_hints_valid,
        zone_hints_valid: m.zone_hints_valid,
    })
}
