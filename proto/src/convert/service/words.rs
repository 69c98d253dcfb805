//! The words and addresses of a specification, inwards and outwards.

use portolan_model::{
    ClusterIps, Family, FamilyPolicy, FieldPath, ServiceSpec, ServiceType, SessionAffinity,
    TrafficDistribution, TrafficPolicy, Violations, parse_address,
};

use super::super::fields::enumeration;
use crate::v1;

pub(super) fn kind(field: impl FieldPath, number: i32, violations: &mut Violations) -> ServiceType {
    match enumeration(field, number, violations) {
        Some(v1::ServiceType::NodePort) => ServiceType::NodePort,
        Some(v1::ServiceType::ExternalName) => ServiceType::ExternalName,
        Some(v1::ServiceType::LoadBalancer) => ServiceType::LoadBalancer,
        Some(v1::ServiceType::Unspecified | v1::ServiceType::ClusterIp) | None => {
            ServiceType::ClusterIP
        }
    }
}

pub(super) fn kind_out(kind: ServiceType) -> v1::ServiceType {
    match kind {
        ServiceType::ClusterIP => v1::ServiceType::ClusterIp,
        ServiceType::NodePort => v1::ServiceType::NodePort,
        ServiceType::LoadBalancer => v1::ServiceType::LoadBalancer,
        ServiceType::ExternalName => v1::ServiceType::ExternalName,
    }
}

pub(super) fn cluster_ips(
    field: impl FieldPath,
    texts: &[String],
    violations: &mut Violations,
) -> ClusterIps {
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

pub(super) fn cluster_ips_out(cluster_ips: &ClusterIps) -> Vec<String> {
    match cluster_ips {
        ClusterIps::None => vec!["None".to_owned()],
        ClusterIps::Addresses(addresses) => addresses.iter().map(ToString::to_string).collect(),
    }
}

pub(in crate::convert) fn families(
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

pub(super) fn policy(
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

pub(super) fn policy_out(policy: Option<TrafficPolicy>) -> v1::TrafficPolicy {
    match policy {
        None => v1::TrafficPolicy::Unspecified,
        Some(TrafficPolicy::Cluster) => v1::TrafficPolicy::Cluster,
        Some(TrafficPolicy::Local) => v1::TrafficPolicy::Local,
    }
}

pub(super) fn family_policy(
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

/// Rows from before the policy was stored have one family.
pub(super) fn family_policy_out(spec: &ServiceSpec) -> v1::IpFamilyPolicy {
    match spec.family_policy {
        None if spec.kind == ServiceType::ExternalName => v1::IpFamilyPolicy::Unspecified,
        None | Some(FamilyPolicy::SingleStack) => v1::IpFamilyPolicy::SingleStack,
        Some(FamilyPolicy::PreferDualStack) => v1::IpFamilyPolicy::PreferDualStack,
        Some(FamilyPolicy::RequireDualStack) => v1::IpFamilyPolicy::RequireDualStack,
    }
}

pub(super) fn affinity(
    field: impl FieldPath,
    number: i32,
    violations: &mut Violations,
) -> SessionAffinity {
    match enumeration(field, number, violations) {
        Some(v1::SessionAffinity::ClientIp) => SessionAffinity::ClientIP,
        Some(v1::SessionAffinity::Unspecified | v1::SessionAffinity::None) | None => {
            SessionAffinity::None
        }
    }
}

pub(super) fn affinity_out(affinity: SessionAffinity) -> v1::SessionAffinity {
    match affinity {
        SessionAffinity::None => v1::SessionAffinity::None,
        SessionAffinity::ClientIP => v1::SessionAffinity::ClientIp,
    }
}

/// What does not fit is out of range, too: 0, which validation refuses.
pub(super) fn affinity_timeout(
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

pub(super) fn affinity_timeout_out(timeout: Option<u32>) -> Option<v1::SessionAffinityConfig> {
    let seconds = i32::try_from(timeout?).unwrap_or(i32::MAX);
    Some(v1::SessionAffinityConfig {
        client_ip_timeout_seconds: Some(seconds),
    })
}

pub(super) fn distribution(
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

pub(super) fn distribution_out(wish: Option<TrafficDistribution>) -> v1::TrafficDistribution {
    match wish {
        None => v1::TrafficDistribution::Unspecified,
        Some(TrafficDistribution::PreferSameZone) => v1::TrafficDistribution::PreferSameZone,
        Some(TrafficDistribution::PreferSameNode) => v1::TrafficDistribution::PreferSameNode,
    }
}
