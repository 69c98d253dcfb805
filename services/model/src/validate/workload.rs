//! Workloads and their probes.

use std::collections::HashSet;

use super::service::{PORT_NAME_RULE, dns_label, is_port_name, port_number};
use crate::{
    Family, HttpHeader, Probe, ProbeAction, ProbePort, Protocol, Violations, WorkloadSpec,
};

const MAX_PORTS: usize = 250;
/// A day: longer waits are typing errors.
const MAX_SECONDS: u32 = 86_400;
const MAX_HEADERS: usize = 32;

/// Everything that can be said about a workload alone. `field` is the path of its specification.
pub fn workload(field: &str, spec: &WorkloadSpec, violations: &mut Violations) {
    let mut families = HashSet::new();
    for (i, address) in spec.addresses.iter().enumerate() {
        if !families.insert(Family::of(*address)) {
            violations.add(
                format!("{field}.addresses[{i}]"),
                "at most one address a family is allowed",
            );
        }
    }
    if spec.addresses.is_empty() {
        violations.add(
            format!("{field}.addresses"),
            "at least one address is needed",
        );
    }
    ports(field, spec, violations);
    for (name, value) in [("hostname", &spec.hostname), ("subdomain", &spec.subdomain)] {
        if let Some(value) = value {
            dns_label(&format!("{field}.{name}"), value, violations);
        }
    }
    if let Some(value) = &spec.probe {
        probe(&format!("{field}.readiness_probe"), value, spec, violations);
    }
}

fn ports(field: &str, spec: &WorkloadSpec, violations: &mut Violations) {
    if spec.ports.len() > MAX_PORTS {
        violations.add(
            format!("{field}.ports"),
            format!(
                "{} ports; at most {MAX_PORTS} are allowed",
                spec.ports.len()
            ),
        );
        return;
    }
    let mut names = HashSet::new();
    for (i, port) in spec.ports.iter().enumerate() {
        port_number(&format!("{field}.ports[{i}].port"), port.port, violations);
        let path = format!("{field}.ports[{i}].name");
        if !is_port_name(&port.name) {
            violations.add(path, PORT_NAME_RULE);
        } else if !names.insert((&port.name, port.protocol)) {
            violations.add(
                path,
                format!("{:?} is there twice for {}", port.name, port.protocol),
            );
        }
    }
}

fn probe(field: &str, probe: &Probe, spec: &WorkloadSpec, violations: &mut Violations) {
    for (name, value, least) in [
        ("initial_delay_seconds", probe.initial_delay_seconds, 0),
        ("period_seconds", probe.period_seconds, 1),
        ("timeout_seconds", probe.timeout_seconds, 1),
        ("success_threshold", probe.success_threshold, 1),
        ("failure_threshold", probe.failure_threshold, 1),
    ] {
        if !(least..=MAX_SECONDS).contains(&value) {
            violations.add(
                format!("{field}.{name}"),
                format!("must be between {least} and {MAX_SECONDS}"),
            );
        }
    }
    action(field, &probe.action, spec, violations);
}

fn action(field: &str, action: &ProbeAction, spec: &WorkloadSpec, violations: &mut Violations) {
    match action {
        ProbeAction::HttpGet {
            port,
            path,
            host,
            headers,
        } => {
            let field = format!("{field}.http_get");
            probe_port(&field, port, spec, violations);
            if !path.starts_with('/') || !path.bytes().all(|b| b.is_ascii_graphic()) {
                violations.add(
                    format!("{field}.path"),
                    "must start with '/' and have no blanks or control characters",
                );
            }
            if !host.bytes().all(|b| b.is_ascii_graphic()) {
                violations.add(
                    format!("{field}.host"),
                    "must have no blanks or control characters",
                );
            }
            if headers.len() > MAX_HEADERS {
                violations.add(
                    format!("{field}.headers"),
                    format!("at most {MAX_HEADERS} headers are allowed"),
                );
            }
            for (i, value) in headers.iter().enumerate() {
                header(&format!("{field}.headers[{i}]"), value, violations);
            }
        }
        ProbeAction::TcpConnect { port } => {
            probe_port(&format!("{field}.tcp_connect"), port, spec, violations);
        }
        ProbeAction::GrpcCheck { port, .. } => {
            port_number(&format!("{field}.grpc_check.port"), *port, violations);
        }
    }
}

fn probe_port(field: &str, port: &ProbePort, spec: &WorkloadSpec, violations: &mut Violations) {
    match port {
        ProbePort::Number(number) => port_number(&format!("{field}.port"), *number, violations),
        ProbePort::Name(name) if spec.named_port(name, Protocol::Tcp).is_none() => {
            violations.add(
                format!("{field}.port_name"),
                format!("no TCP port of the workload is named {name:?}"),
            );
        }
        ProbePort::Name(_) => {}
    }
}

fn header(field: &str, header: &HttpHeader, violations: &mut Violations) {
    let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    if header.name.is_empty() || !header.name.bytes().all(token) {
        violations.add(
            format!("{field}.name"),
            "must be an HTTP header name (RFC 9110 token)",
        );
    }
    if !header
        .value
        .bytes()
        .all(|b| b == b' ' || b.is_ascii_graphic())
    {
        violations.add(format!("{field}.value"), "must be printable ASCII");
    }
}
