//! Workloads and their probes.

use std::collections::HashSet;

use super::address::usable;
use super::service::{PORT_NAME_RULE, dns_label, is_port_name, port_number};
use crate::limits::{
    HEADER_NAME, HEADER_VALUE, PROBE_HEADERS, PROBE_NAME, PROBE_PATH, SECONDS, WORKLOAD_PORTS,
};
use crate::{
    Family, HttpHeader, Probe, ProbeAction, ProbePort, Protocol, Violations, WorkloadSpec,
};

/// Everything that can be said about a workload alone. `field` is the path of its specification.
pub fn workload(field: &str, spec: &WorkloadSpec, violations: &mut Violations) {
    let mut families = HashSet::new();
    for (i, address) in spec.addresses.iter().enumerate() {
        let path = format!("{field}.addresses[{i}]");
        violations.check(&path, usable(*address));
        if !families.insert(Family::of(*address)) {
            violations.add(path, "at most one address a family is allowed");
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
    if !WORKLOAD_PORTS.check(format_args!("{field}.ports"), spec.ports.len(), violations) {
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
        if value < least || value as usize > SECONDS.value {
            violations.add(
                format!("{field}.{name}"),
                format!("must be between {least} and {}", SECONDS.value),
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
            let at = format!("{field}.path");
            if PROBE_PATH.check(&at, path.len(), violations)
                && !(path.starts_with('/') && is_graphic(path))
            {
                let rule = "must start with '/' and have no blanks or control characters";
                violations.add(at, rule);
            }
            name(&format!("{field}.host"), host, violations);
            let at = format!("{field}.headers");
            if PROBE_HEADERS.check(&at, headers.len(), violations) {
                for (i, value) in headers.iter().enumerate() {
                    header(&format!("{at}[{i}]"), value, violations);
                }
            }
        }
        ProbeAction::TcpConnect { port } => {
            probe_port(&format!("{field}.tcp_connect"), port, spec, violations);
        }
        ProbeAction::GrpcCheck { port, service } => {
            let field = format!("{field}.grpc_check");
            port_number(&format!("{field}.port"), *port, violations);
            name(&format!("{field}.service"), service, violations);
        }
    }
}

fn is_graphic(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_graphic())
}

/// A host, or a service of gRPC.
fn name(field: &str, text: &str, violations: &mut Violations) {
    if PROBE_NAME.check(field, text.len(), violations) && !is_graphic(text) {
        violations.add(field, "must have no blanks or control characters");
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
    let at = format!("{field}.name");
    if HEADER_NAME.check(&at, header.name.len(), violations)
        && (header.name.is_empty() || !header.name.bytes().all(token))
    {
        violations.add(at, "must be an HTTP header name (RFC 9110 token)");
    }
    let at = format!("{field}.value");
    let printable = |b: u8| b == b' ' || b.is_ascii_graphic();
    if HEADER_VALUE.check(&at, header.value.len(), violations)
        && !header.value.bytes().all(printable)
    {
        violations.add(at, "must be printable ASCII");
    }
}
