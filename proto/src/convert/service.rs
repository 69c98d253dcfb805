//! Services.

mod load_balancer;
mod outwards;

use portolan_model::{
    ClusterIps, Family, FamilyPolicy, FieldPath, ServicePort, ServiceSpec, ServiceType,
    SessionAffinity, TargetPort, TrafficDistribution, TrafficPolicy, Violations, parse_address,
};

use super::fields::{addresses, enumeration, optional, port, protocol};
use crate::v1;
pub use outwards::{spec_to_wire, to_wire};

/// A specification from its wire form. `field` is its path in the request.
pub fn spec(
    field: impl FieldPath,
    m: &v1::ServiceSpec,
    violations: &mut Violations,
) -> ServiceSpec {
    let ports = m.ports.iter().enumerate();
    ServiceSpec {
        kind: kind(format_args!("{field}.type"), m.r#type, violations),
        selector: m.selector.clone().into(),
        ports: ports
            .map(|(i, port)| service_port(format_args!("{field}.ports[{i}]"), port, violations))
            .collect(),
        cluster_ips: cluster_ips(
            format_args!("{field}.cluster_ips"),
            &m.cluster_ips,
            violations,
        ),
        families: families(
            format_args!("{field}.ip_families"),
            &m.ip_families,
            violations,
        ),
        external_traffic_policy: policy(
            format_args!("{field}.external_traffic_policy"),
            m.external_traffic_policy,
            violations,
        ),
        internal_traffic_policy: policy(
            format_args!("{field}.internal_traffic_policy"),
            m.internal_traffic_policy,
            violations,
        ),
        external_name: optional(&m.external_name),
        publish_not_ready_addresses: m.publish_not_ready_addresses,
        family_policy: family_policy(
            format_args!("{field}.ip_family_policy"),
            m.ip_family_policy,
            violations,
        ),
        session_affinity: affinity(
            format_args!("{field}.session_affinity"),
            m.session_affinity,
            violations,
        ),
        affinity_timeout: affinity_timeout(field, m, violations),
        traffic_distribution: distribution(
            format_args!("{field}.traffic_distribution"),
            m.traffic_distribution,
            violations,
        ),
        health_check_node_port: load_balancer::health_check_port(field, m, violations),
        allocate_node_ports: m.allocate_load_balancer_node_ports,
        load_balancer_class: m.load_balancer_class.clone(),
        source_ranges: load_balancer::source_ranges(field, m, violations),
        requested_load_balancer_ips: addresses(
            format_args!("{field}.requested_load_balancer_ips"),
            &m.requested_load_balancer_ips,
            violations,
        ),
    }
}

fn kind(field: impl FieldPath, number: i32, violations: &mut Violations) -> ServiceType {
    match enumeration(field, number, violations) {
        Some(v1::ServiceType::NodePort) => ServiceType::NodePort,
        Some(v1::ServiceType::ExternalName) => ServiceType::ExternalName,
        Some(v1::ServiceType::LoadBalancer) => ServiceType::LoadBalancer,
        Some(v1::ServiceType::Unspecified | v1::ServiceType::ClusterIp) | None => {
            ServiceType::ClusterIP
        }
    }
}

fn service_port(
    field: impl FieldPath,
    m: &v1::ServicePort,
    violations: &mut Violations,
) -> ServicePort {
    let number = port(format_args!("{field}.port"), m.port, violations);
    let target = match &m.target {
        None | Some(v1::service_port::Target::TargetPort(0)) => TargetPort::Number(number),
        Some(v1::service_port::Target::TargetPort(target)) => TargetPort::Number(port(
            format_args!("{field}.target_port"),
            *target,
            violations,
        )),
        Some(v1::service_port::Target::TargetPortName(name)) if name.is_empty() => {
            TargetPort::Number(number)
        }
        Some(v1::service_port::Target::TargetPortName(name)) => TargetPort::Name(name.clone()),
    };
    let node_port = Some(m.node_port).filter(|p| *p != 0);
    let node_port = node_port
        .map(|p| port(format_args!("{field}.node_port"), p, violations))
        .filter(|p| *p != 0);
    ServicePort {
        name: m.name.clone(),
        port: number,
        protocol: protocol(format_args!("{field}.protocol"), m.protocol, violations),
        // An unset target of an invalid port has been said already.
        target: if target == TargetPort::Number(0) {
            TargetPort::Number(1)
        } else {
            target
        },
        app_protocol: m.app_protocol.clone(),
        node_port,
    }
}

fn cluster_ips(field: impl FieldPath, texts: &[String], violations: &mut Violations) -> ClusterIps {
    if let [only] = texts
        && only == "None"
    {
        return ClusterIps::None;
    }
    let mut addresses = Vec::new();
    for (i, text) in texts.iter().enumerate() {
        let path = format_args!("{field}[{i}]");
        if text == "None" {
            violations.add(path, "None must stand alone");
        } else if let Some(address) = violations.check(path, parse_address(text)) {
            addresses.push(address);
        }
    }
    ClusterIps::Addresses(addresses)
}

pub(super) fn families(
    field: impl FieldPath,
    numbers: &[i32],
    violations: &mut Violations,
) -> Vec<Family> {
    let mut families = Vec::new();
    for (i, number) in numbers.iter().enumerate() {
        match enumeration(format_args!("{field}[{i}]"), *number, violations) {
            Some(v1::IpFamily::Ipv4) => families.push(Family::V4),
            Some(v1::IpFamily::Ipv6) => families.push(Family::V6),
            Some(v1::IpFamily::Unspecified) => {
                violations.add(format!("{field}[{i}]"), "must be IPv4 or IPv6");
            }
            None => {}
        }
    }
    families
}

fn policy(
    field: impl FieldPath,
    number: i32,
    violations: &mut Violations,
) -> Option<TrafficPolicy> {
    match enumeration(field, number, violations)? {
        v1::TrafficPolicy::Unspecified => None,
        v1::TrafficPolicy::Cluster => Some(TrafficPolicy::Cluster),
        v1::TrafficPolicy::Local => Some(TrafficPolicy::Local),
    }
}

fn family_policy(
    field: impl FieldPath,
    number: i32,
    violations: &mut Violations,
) -> Option<FamilyPolicy> {
    match enumeration(field, number, violations)? {
        v1::IpFamilyPolicy::Unspecified => None,
        v1::IpFamilyPolicy::SingleStack => Some(FamilyPolicy::SingleStack),
        v1::IpFamilyPolicy::PreferDualStack => Some(FamilyPolicy::PreferDualStack),
        v1::IpFamilyPolicy::RequireDualStack => Some(FamilyPolicy::RequireDualStack),
    }
}

fn affinity(field: impl FieldPath, number: i32, violations: &mut Violations) -> SessionAffinity {
    match enumeration(field, number, violations) {
        Some(v1::SessionAffinity::ClientIp) => SessionAffinity::ClientIP,
        Some(v1::SessionAffinity::Unspecified | v1::SessionAffinity::None) | None => {
            SessionAffinity::None
        }
    }
}

/// What does not fit is out of range, too: 0, which validation refuses.
fn affinity_timeout(
    field: impl FieldPath,
    m: &v1::ServiceSpec,
    violations: &mut Violations,
) -> Option<u32> {
    let seconds = m.session_affinity_config?.client_ip_timeout_seconds?;
    let path = format_args!("{field}.session_affinity_config.client_ip_timeout_seconds");
    Some(u32::try_from(seconds).unwrap_or_else(|_| {
        violations.add(path, "must be between 1 and 86400");
        0
    }))
}

fn distribution(
    field: impl FieldPath,
    number: i32,
    violations: &mut Violations,
) -> Option<TrafficDistribution> {
    match enumeration(field, number, violations)? {
        v1::TrafficDistribution::Unspecified => None,
        v1::TrafficDistribution::PreferSameZone => Some(TrafficDistribution::PreferSameZone),
        v1::TrafficDistribution::PreferSameNode => Some(TrafficDistribution::PreferSameNode),
    }
}
