//! Workloads and their probes.

use portolan_model::{
    HttpHeader, Name, Probe, ProbeAction, ProbePort, Violations, Workload, WorkloadPort,
    WorkloadSpec,
};

use super::fields::{addresses, count, optional, port, protocol, protocol_out};
use super::meta::{generation, timestamp};
use crate::v1;

/// A specification from its wire form. `field` is its path in the request.
pub fn spec(field: &str, m: &v1::WorkloadSpec, violations: &mut Violations) -> WorkloadSpec {
    let ports = m.ports.iter().enumerate().map(|(i, p)| WorkloadPort {
        name: p.name.clone(),
        port: port(&format!("{field}.ports[{i}].port"), p.port, violations),
        protocol: protocol(
            &format!("{field}.ports[{i}].protocol"),
            p.protocol,
            violations,
        ),
    });
    let ports = ports.collect();
    let probe = m
        .readiness_probe
        .as_ref()
        .and_then(|p| probe(&format!("{field}.readiness_probe"), p, violations));
    WorkloadSpec {
        addresses: addresses(&format!("{field}.addresses"), &m.addresses, violations),
        node: node_name(&format!("{field}.node"), &m.node, violations),
        ports,
        probe,
        hostname: optional(&m.hostname),
        subdomain: optional(&m.subdomain),
        draining: m.draining,
        reported_ready: m.reported_ready,
    }
}

/// The name of a node that need not exist; empty: none. What is no name is kept beside its violation: it may be stored.
pub(super) fn node_name(field: &str, text: &str, violations: &mut Violations) -> Option<Name> {
    if text.is_empty() {
        None
    } else {
        let name = super::name::new_subdomain(field, text, violations);
        name.or_else(|| Some(Name::trusted(text)))
    }
}

fn probe(field: &str, m: &v1::Probe, violations: &mut Violations) -> Option<Probe> {
    let initial_delay = count(
        &format!("{field}.initial_delay_seconds"),
        m.initial_delay_seconds,
        0,
        violations,
    );
    let period = count(
        &format!("{field}.period_seconds"),
        m.period_seconds,
        10,
        violations,
    );
    let timeout = count(
        &format!("{field}.timeout_seconds"),
        m.timeout_seconds,
        1,
        violations,
    );
    let successes = count(
        &format!("{field}.success_threshold"),
        m.success_threshold,
        1,
        violations,
    );
    let failures = count(
        &format!("{field}.failure_threshold"),
        m.failure_threshold,
        3,
        violations,
    );
    Some(Probe {
        action: action(field, m, violations)?,
        initial_delay_seconds: initial_delay,
        period_seconds: period,
        timeout_seconds: timeout,
        success_threshold: successes,
        failure_threshold: failures,
    })
}

fn action(field: &str, m: &v1::Probe, violations: &mut Violations) -> Option<ProbeAction> {
    use v1::{probe::Action, tcp_connect};
    match m.action.as_ref() {
        Some(Action::HttpGet(get)) => http_get(&format!("{field}.http_get"), get, violations),
        Some(Action::TcpConnect(tcp)) => {
            let field = format!("{field}.tcp_connect");
            let port = match &tcp.target {
                Some(tcp_connect::Target::Port(number)) => {
                    ProbePort::Number(port(&format!("{field}.port"), *number, violations))
                }
                Some(tcp_connect::Target::PortName(name)) => ProbePort::Name(name.clone()),
                None => missing_port(&field, violations)?,
            };
            Some(ProbeAction::TcpConnect { port })
        }
        Some(Action::GrpcCheck(grpc)) => {
            let port = port(&format!("{field}.grpc_check.port"), grpc.port, violations);
            Some(ProbeAction::GrpcCheck {
                port,
                service: grpc.service.clone(),
            })
        }
        None => {
            violations.add(
                field,
                "one of http_get, tcp_connect and grpc_check is needed",
            );
            None
        }
    }
}

fn http_get(field: &str, get: &v1::HttpGet, violations: &mut Violations) -> Option<ProbeAction> {
    let port = match &get.target {
        Some(v1::http_get::Target::Port(number)) => {
            ProbePort::Number(port(&format!("{field}.port"), *number, violations))
        }
        Some(v1::http_get::Target::PortName(name)) => ProbePort::Name(name.clone()),
        None => missing_port(field, violations)?,
    };
    let path = if get.path.is_empty() {
        "/".to_owned()
    } else {
        get.path.clone()
    };
    let headers = get.headers.iter().map(|h| HttpHeader {
        name: h.name.clone(),
        value: h.value.clone(),
    });
    Some(ProbeAction::HttpGet {
        port,
        path,
        host: get.host.clone(),
        headers: headers.collect(),
    })
}

fn missing_port(field: &str, violations: &mut Violations) -> Option<ProbePort> {
    violations.add(
        format!("{field}.port"),
        "a port, or the name of one, is needed",
    );
    None
}

/// A workload on the wire, without status.
pub fn to_wire(cluster: &str, workload: &Workload) -> v1::Workload {
    let meta = &workload.meta;
    v1::Workload {
        name: format!(
            "clusters/{cluster}/namespaces/{}/workloads/{}",
            workload.namespace, meta.name
        ),
        uid: meta.uid.to_string(),
        labels: meta.labels.clone(),
        annotations: meta.annotations.clone(),
        generation: generation(meta.generation),
        etag: meta.etag(&workload.spec),
        revision: meta.revision.0,
        create_time: Some(timestamp(meta.created_at)),
        update_time: Some(timestamp(meta.updated_at)),
        delete_time: None,
        spec: Some(spec_to_wire(&workload.spec)),
        status: None,
        warnings: Vec::new(),
    }
}

/// A specification on the wire.
pub fn spec_to_wire(spec: &WorkloadSpec) -> v1::WorkloadSpec {
    let ports = spec.ports.iter().map(|p| v1::WorkloadPort {
        name: p.name.clone(),
        port: p.port.into(),
        protocol: protocol_out(p.protocol),
    });
    v1::WorkloadSpec {
        addresses: spec.addresses.iter().map(ToString::to_string).collect(),
        node: spec
            .node
            .as_ref()
            .map(ToString::to_string)
            .unwrap_or_default(),
        ports: ports.collect(),
        readiness_probe: spec.probe.as_ref().map(probe_to_wire),
        hostname: spec.hostname.clone().unwrap_or_default(),
        subdomain: spec.subdomain.clone().unwrap_or_default(),
        draining: spec.draining,
        reported_ready: spec.reported_ready,
    }
}

fn probe_to_wire(probe: &Probe) -> v1::Probe {
    let action = match &probe.action {
        ProbeAction::HttpGet {
            port,
            path,
            host,
            headers,
        } => v1::probe::Action::HttpGet(v1::HttpGet {
            path: path.clone(),
            target: Some(match port {
                ProbePort::Number(number) => v1::http_get::Target::Port(i32::from(*number)),
                ProbePort::Name(name) => v1::http_get::Target::PortName(name.clone()),
            }),
            host: host.clone(),
            headers: headers
                .iter()
                .map(|h| v1::HttpHeader {
                    name: h.name.clone(),
                    value: h.value.clone(),
                })
                .collect(),
        }),
        ProbeAction::TcpConnect { port } => v1::probe::Action::TcpConnect(v1::TcpConnect {
            target: Some(match port {
                ProbePort::Number(number) => v1::tcp_connect::Target::Port(i32::from(*number)),
                ProbePort::Name(name) => v1::tcp_connect::Target::PortName(name.clone()),
            }),
        }),
        ProbeAction::GrpcCheck { port, service } => v1::probe::Action::GrpcCheck(v1::GrpcCheck {
            port: i32::from(*port),
            service: service.clone(),
        }),
    };
    let seconds = |value: u32| i32::try_from(value).unwrap_or(i32::MAX);
    v1::Probe {
        action: Some(action),
        initial_delay_seconds: seconds(probe.initial_delay_seconds),
        period_seconds: seconds(probe.period_seconds),
        timeout_seconds: seconds(probe.timeout_seconds),
        success_threshold: seconds(probe.success_threshold),
        failure_threshold: seconds(probe.failure_threshold),
    }
}
