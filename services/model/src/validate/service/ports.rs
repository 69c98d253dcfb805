//! Ports of a Service.

use std::collections::HashSet;

use super::super::labels::is_key;
use crate::limits::{PORT_NAME, SERVICE_PORTS, TARGET_PORT_NAME};
use crate::name::is_label;
use crate::{FieldPath, ServicePort, ServiceSpec, ServiceType, TargetPort, Violations};

pub(super) fn ports(field: impl FieldPath, spec: &ServiceSpec, violations: &mut Violations) {
    let path = format_args!("{field}.ports");
    let optional = spec.kind == ServiceType::ExternalName || spec.cluster_ips.is_headless();
    if spec.ports.is_empty() && !optional {
        violations.add(path, "at least one port is needed");
    }
    if !SERVICE_PORTS.check(path, spec.ports.len(), violations) {
        return;
    }
    let (mut names, mut numbers, mut node_ports) = (HashSet::new(), HashSet::new(), HashSet::new());
    for (i, port) in spec.ports.iter().enumerate() {
        let path = format_args!("{path}[{i}]");
        port_number(format_args!("{path}.port"), port.port, violations);
        one_port(path, spec, port, violations);
        if !port.name.is_empty() && !names.insert(&port.name) {
            violations.add(
                format!("{path}.name"),
                format!("{:?} is used by another port of this Service", port.name),
            );
        }
        if port.port != 0 && !numbers.insert((port.port, port.protocol)) {
            violations.add(
                format!("{path}.port"),
                format!("{}/{} is there twice", port.port, port.protocol),
            );
        }
        if let Some(number) = port.node_port
            && !node_ports.insert((number, port.protocol))
        {
            violations.add(
                format!("{path}.node_port"),
                format!("{number}/{} is there twice", port.protocol),
            );
        }
    }
}

fn one_port(
    path: impl FieldPath,
    spec: &ServiceSpec,
    port: &ServicePort,
    violations: &mut Violations,
) {
    if port.name.is_empty() && spec.ports.len() > 1 {
        violations.add(
            format!("{path}.name"),
            "is needed on every port once there are two",
        );
    } else if !is_service_port(&port.name) {
        violations.add(format!("{path}.name"), SERVICE_PORT_RULE);
    }
    match &port.target {
        TargetPort::Number(number) => {
            port_number(format_args!("{path}.target_port"), *number, violations);
        }
        TargetPort::Name(name) if !is_port_name(name) => {
            violations.add(format!("{path}.target_port_name"), PORT_NAME_RULE);
        }
        TargetPort::Name(_) => {}
    }
    if port.app_protocol.as_ref().is_some_and(|text| !is_key(text)) {
        violations.add(
            format!("{path}.app_protocol"),
            "must be an IANA service name, or a name with a DNS prefix such as kubernetes.io/h2c",
        );
    }
    if port.node_port.is_some() && !spec.is_external() {
        violations.add(
            format!("{path}.node_port"),
            "may only be set for the types NodePort and LoadBalancer",
        );
    }
}

/// A port that is there and not 0.
pub fn port_number(path: impl FieldPath, port: u16, violations: &mut Violations) {
    if port == 0 {
        violations.add(path, "must be between 1 and 65535");
    }
}

pub(in super::super) const SERVICE_PORT_RULE: &str = "must be a DNS label of at most 62 characters";

/// The name of a Service's port, which may be empty. An SRV owner label is `_` and the name, and a DNS label has at most 63
/// octets.
pub(in super::super) fn is_service_port(name: &str) -> bool {
    name.is_empty() || (is_label(name) && name.len() <= PORT_NAME.value)
}

pub(in super::super) const PORT_NAME_RULE: &str = "must be a port name (RFC 6335): at most 15 lower-case letters, digits and '-', at least one letter, no '-' at an edge or doubled";

pub(in super::super) fn is_port_name(name: &str) -> bool {
    name.len() <= TARGET_PORT_NAME.value
        && is_label(name)
        && name.bytes().any(|b| b.is_ascii_lowercase())
        && !name.contains("--")
}
