//! What concerns the outside: names that a Service stands for, and load balancers.

use super::super::labels::is_key;
use crate::limits::SOURCE_RANGES;
use crate::{Family, FieldPath, Name, ServiceSpec, ServiceType, TrafficPolicy, Violations};

pub(super) fn name(field: impl FieldPath, spec: &ServiceSpec, violations: &mut Violations) {
    let path = format_args!("{field}.external_name");
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
}

/// What only a load balancer may have.
pub(super) fn load_balancer(
    field: impl FieldPath,
    spec: &ServiceSpec,
    violations: &mut Violations,
) {
    let is_one = spec.kind == ServiceType::LoadBalancer;
    let rows = [
        (
            "allocate_load_balancer_node_ports",
            spec.allocate_node_ports.is_some(),
        ),
        ("load_balancer_class", spec.load_balancer_class.is_some()),
        (
            "load_balancer_source_ranges",
            !spec.source_ranges.is_empty(),
        ),
    ];
    for (name, is_set) in rows {
        if is_set && !is_one {
            violations.add(
                format!("{field}.{name}"),
                "may only be set for type LoadBalancer; leave it out, or change the type",
            );
        }
    }
    let is_local = spec.external_traffic_policy == Some(TrafficPolicy::Local);
    if spec.health_check_node_port.is_some() && !(is_one && is_local) {
        violations.add(
            format!("{field}.health_check_node_port"),
            "may only be set for type LoadBalancer with external_traffic_policy Local",
        );
    }
    class(field, spec, violations);
    let ranges = format_args!("{field}.load_balancer_source_ranges");
    SOURCE_RANGES.check(ranges, spec.source_ranges.len(), violations);
    health_check_port(field, spec, violations);
    requested(field, spec, violations);
}

fn class(field: impl FieldPath, spec: &ServiceSpec, violations: &mut Violations) {
    let mut class = spec.load_balancer_class.iter();
    if class.any(|class| !is_key(class)) {
        violations.add(
            format!("{field}.load_balancer_class"),
            "must be a name, or a name with a DNS prefix such as example.com/internal",
        );
    }
}

/// The port for health checks is none of the Service's own.
fn health_check_port(field: impl FieldPath, spec: &ServiceSpec, violations: &mut Violations) {
    let own = |port| spec.ports.iter().position(|p| p.node_port == Some(port));
    if let Some(i) = spec.health_check_node_port.and_then(own) {
        violations.add(
            format!("{field}.health_check_node_port"),
            format!("is the same as ports[{i}].node_port"),
        );
    }
}

fn requested(field: impl FieldPath, spec: &ServiceSpec, violations: &mut Violations) {
    let path = format_args!("{field}.requested_load_balancer_ips");
    let addresses = &spec.requested_load_balancer_ips;
    if addresses.len() > 2 {
        violations.add(path, "must have at most two entries, one a family");
    } else if let [first, second] = addresses[..]
        && Family::of(first) == Family::of(second)
    {
        violations.add(
            format!("{path}[1]"),
            format!(
                "{second} is a second {} address; there may be one a family",
                Family::of(second)
            ),
        );
    }
}
