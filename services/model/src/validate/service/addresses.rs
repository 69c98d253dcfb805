//! Virtual addresses and families: they must agree position by position.

use crate::{ClusterIps, Family, FamilyPolicy, FieldPath, ServiceSpec, ServiceType, Violations};

pub(super) fn addresses(field: impl FieldPath, spec: &ServiceSpec, violations: &mut Violations) {
    match (spec.kind, &spec.cluster_ips) {
        (ServiceType::ExternalName, _) => none_at_all(field, spec, violations),
        (ServiceType::NodePort | ServiceType::LoadBalancer, ClusterIps::None) => {
            violations.add(
                format!("{field}.cluster_ips"),
                format!(
                    "must not be None for type {}: it needs a virtual address behind it",
                    spec.kind.as_str()
                ),
            );
        }
        (_, ClusterIps::None) => families(field, spec, violations),
        (_, ClusterIps::Addresses(_)) => {
            families(field, spec, violations);
            agree(field, spec, violations);
        }
    }
}

fn none_at_all(field: impl FieldPath, spec: &ServiceSpec, violations: &mut Violations) {
    let rows = [
        ("cluster_ips", spec.cluster_ips != ClusterIps::default()),
        ("ip_families", !spec.families.is_empty()),
        ("ip_family_policy", spec.family_policy.is_some()),
    ];
    for (name, is_set) in rows {
        if is_set {
            violations.add(
                format!("{field}.{name}"),
                "must not be set for type ExternalName",
            );
        }
    }
}

fn families(field: impl FieldPath, spec: &ServiceSpec, violations: &mut Violations) {
    if spec.families.len() > 2 {
        violations.add(
            format!("{field}.ip_families"),
            "must have at most two entries",
        );
    } else if let [first, second] = spec.families[..]
        && first == second
    {
        violations.add(
            format!("{field}.ip_families[1]"),
            format!("{second} is there twice"),
        );
    }
    let two = spec.families.len() > 1 || spec.cluster_ips.addresses().len() > 1;
    // Left out, the policy is not known before the request meets what is stored.
    if two && spec.family_policy == Some(FamilyPolicy::SingleStack) {
        violations.add(
            format!("{field}.ip_family_policy"),
            "must be PreferDualStack or RequireDualStack where two families or two addresses are asked for",
        );
    }
}

fn agree(field: impl FieldPath, spec: &ServiceSpec, violations: &mut Violations) {
    let addresses = spec.cluster_ips.addresses();
    if addresses.len() > 2 {
        violations.add(
            format!("{field}.cluster_ips"),
            "must have at most two entries, one a family",
        );
        return;
    }
    if let [first, second] = addresses
        && Family::of(*first) == Family::of(*second)
    {
        violations.add(
            format!("{field}.cluster_ips[1]"),
            format!(
                "{second} is a second {} address; there may be one a family",
                Family::of(*second)
            ),
        );
    }
    for (i, (address, family)) in addresses.iter().zip(&spec.families).enumerate() {
        if Family::of(*address) != *family {
            violations.add(
                format!("{field}.cluster_ips[{i}]"),
                format!("{address} is no {family} address, but ip_families[{i}] asks for {family}"),
            );
        }
    }
}
