//! Services.

use std::collections::HashSet;

use super::labels::{is_key, labels};
use crate::name::is_label;
use crate::{
    ClusterIps, Family, Name, ServicePort, ServiceSpec, ServiceType, TargetPort, Violations,
};

const MAX_PORTS: usize = 250;

/// Everything that can be said about a Service's specification alone. `field` is its path in the request.
pub fn service(field: &str, spec: &ServiceSpec, violations: &mut Violations) {
    labels(&format!("{field}.selector"), &spec.selector, violations);
    ports(field, spec, violations);
    match spec.kind {
        ServiceType::ExternalName => external_name(field, spec, violations),
        ServiceType::NodePort if spec.cluster_ips.is_headless() => {
            violations.add(
                format!("{field}.cluster_ips"),
                "must not be None for type NodePort: a node port needs a virtual address behind it",
            );
        }
        ServiceType::ClusterIP | ServiceType::NodePort | ServiceType::LoadBalancer => {
            addresses(field, spec, violations)
        }
    }
    if spec.kind != ServiceType::NodePort && spec.external_traffic_policy.is_some() {
        violations.add(
            format!("{field}.external_traffic_policy"),
            "may only be set for types that are reachable from outside (NodePort); leave it out, or change the type",
        );
    }
}

fn ports(field: &str, spec: &ServiceSpec, violations: &mut Violations) {
    let path = format!("{field}.ports");
    let optional = spec.kind == ServiceType::ExternalName || spec.cluster_ips.is_headless();
    if spec.ports.is_empty() && !optional {
        violations.add(&path, "at least one port is needed");
    }
    if spec.ports.len() > MAX_PORTS {
        violations.add(
            &path,
            format!(
                "{} ports; at most {MAX_PORTS} are allowed",
                spec.ports.len()
            ),
        );
        return;
    }
    let (mut names, mut numbers, mut node_ports) = (HashSet::new(), HashSet::new(), HashSet::new());
    for (i, port) in spec.ports.iter().enumerate() {
        let path = format!("{path}[{i}]");
        port_number(&format!("{path}.port"), port.port, violations);
        one_port(&path, spec, port, violations);
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

fn one_port(path: &str, spec: &ServiceSpec, port: &ServicePort, violations: &mut Violations) {
    if port.name.is_empty() && spec.ports.len() > 1 {
        violations.add(
            format!("{path}.name"),
            "is needed on every port once there are two",
        );
    } else if !port.name.is_empty() && (!is_label(&port.name) || port.name.len() > 62) {
        // An SRV owner label is `_` and the name, and a DNS label has at most 63 octets.
        violations.add(
            format!("{path}.name"),
            "must be a DNS label of at most 62 characters",
        );
    }
    match &port.target {
        TargetPort::Number(number) => {
            port_number(&format!("{path}.target_port"), *number, violations);
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
    if port.node_port.is_some() && spec.kind != ServiceType::NodePort {
        violations.add(
            format!("{path}.node_port"),
            "may only be set for type NodePort",
        );
    }
}

fn addresses(field: &str, spec: &ServiceSpec, violations: &mut Violations) {
    let ClusterIps::Addresses(addresses) = &spec.cluster_ips else {
        return;
    };
    if addresses.len() > 1 || spec.families.len() > 1 {
        violations.add(
            format!("{field}.ip_families"),
            "two families (dual-stack) are not supported yet: name one",
        );
    }
    if let (Some(address), Some(family)) = (addresses.first(), spec.families.first())
        && Family::of(*address) != *family
    {
        violations.add(
            format!("{field}.cluster_ips[0]"),
            format!("{address} is no {family} address, but ip_families[0] asks for {family}"),
        );
    }
}

fn external_name(field: &str, spec: &ServiceSpec, violations: &mut Violations) {
    let path = format!("{field}.external_name");
    let Some(name) = &spec.external_name else {
        violations.add(
            path,
            "is needed for type ExternalName: the DNS name that the Service stands for",
        );
        return;
    };
    let name = name.strip_suffix('.').unwrap_or(name);
    if name.parse::<std::net::IpAddr>().is_ok() {
        violations.add(path, "must be a DNS name: an address can't be the target of a CNAME; use a Service without selector and hand-written endpoints");
    } else if Name::subdomain(name).is_err() {
        violations.add(
            path,
            "must be a DNS name: labels of lower-case letters, digits and '-', joined by '.'",
        );
    }
    if spec.cluster_ips != ClusterIps::default() {
        violations.add(
            format!("{field}.cluster_ips"),
            "must not be set for type ExternalName",
        );
    }
    if !spec.families.is_empty() {
        violations.add(
            format!("{field}.ip_families"),
            "must not be set for type ExternalName",
        );
    }
}

/// A port that is there and not 0.
pub fn port_number(path: &str, port: u16, violations: &mut Violations) {
    if port == 0 {
        violations.add(path, "must be between 1 and 65535");
    }
}

/// A DNS label, for host names and the like.
pub fn dns_label(path: &str, text: &str, violations: &mut Violations) {
    if !is_label(text) {
        violations.add(path, crate::NameError::Label.to_string());
    }
}

pub(super) const PORT_NAME_RULE: &str = "must be a port name (RFC 6335): at most 15 lower-case letters, digits and '-', at least one letter, no '-' at an edge or doubled";

pub(super) fn is_port_name(name: &str) -> bool {
    name.len() <= 15
        && is_label(name)
        && name.bytes().any(|b| b.is_ascii_lowercase())
        && !name.contains("--")
}
