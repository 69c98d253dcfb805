//! Workloads and their probes.

use portolan_model::view::WorkloadView;
use portolan_model::{HttpHeader, Name, Probe, ProbeAction, ProbePort};

use super::values::{ViewError, address_bytes, addresses, port};
use crate::node::v1 as wire;

pub(super) fn workload(v: &WorkloadView) -> wire::Workload {
    wire::Workload {
        namespace: v.namespace.to_string(),
        name: v.name.to_string(),
        node: v.node.to_string(),
        addresses: v.addresses.iter().copied().map(address_bytes).collect(),
        probe: Some(probe(&v.probe)),
        probe_generation: v.probe_generation,
    }
}

pub(super) fn from_workload(m: wire::Workload) -> Result<WorkloadView, ViewError> {
    Ok(WorkloadView {
        namespace: Name::trusted(m.namespace),
        name: Name::trusted(m.name),
        node: Name::trusted(m.node),
        addresses: addresses(&m.addresses)?,
        probe: from_probe(m.probe.ok_or(ViewError::Unknown("probe"))?)?,
        probe_generation: m.probe_generation,
    })
}

fn probe(v: &Probe) -> wire::Probe {
    let number = |port: &ProbePort| match port {
        ProbePort::Number(number) => u32::from(*number),
        // The projection resolves names; an unresolved one would fail as port 0 does.
        ProbePort::Name(_) => 0,
    };
    let action = match &v.action {
        ProbeAction::HttpGet {
            port,
            path,
            host,
            headers,
        } => wire::probe::Action::HttpGet(wire::HttpGet {
            port: number(port),
            path: path.clone(),
            host: host.clone(),
            headers: headers
                .iter()
                .map(|h| wire::HttpHeader {
                    name: h.name.clone(),
                    value: h.value.clone(),
                })
                .collect(),
        }),
        ProbeAction::TcpConnect { port } => {
            wire::probe::Action::TcpConnect(wire::TcpConnect { port: number(port) })
        }
        ProbeAction::GrpcCheck { port, service } => {
            wire::probe::Action::GrpcCheck(wire::GrpcCheck {
                port: (*port).into(),
                service: service.clone(),
            })
        }
    };
    wire::Probe {
        action: Some(action),
        initial_delay_ms: v.initial_delay_seconds.saturating_mul(1000),
        period_ms: v.period_seconds.saturating_mul(1000),
        timeout_ms: v.timeout_seconds.saturating_mul(1000),
        success_threshold: v.success_threshold,
        failure_threshold: v.failure_threshold,
    }
}

fn from_probe(m: wire::Probe) -> Result<Probe, ViewError> {
    let action = match m.action.ok_or(ViewError::Unknown("action"))? {
        wire::probe::Action::HttpGet(get) => ProbeAction::HttpGet {
            port: ProbePort::Number(port(get.port)?),
            path: get.path,
            host: get.host,
            headers: get
                .headers
                .into_iter()
                .map(|h| HttpHeader {
                    name: h.name,
                    value: h.value,
                })
                .collect(),
        },
        wire::probe::Action::TcpConnect(tcp) => ProbeAction::TcpConnect {
            port: ProbePort::Number(port(tcp.port)?),
        },
        wire::probe::Action::GrpcCheck(grpc) => ProbeAction::GrpcCheck {
            port: port(grpc.port)?,
            service: grpc.service,
        },
    };
    Ok(Probe {
        action,
        initial_delay_seconds: m.initial_delay_ms / 1000,
        period_seconds: (m.period_ms / 1000).max(1),
        timeout_seconds: (m.timeout_ms / 1000).max(1),
        success_threshold: m.success_threshold.max(1),
        failure_threshold: m.failure_threshold.max(1),
    })
}
