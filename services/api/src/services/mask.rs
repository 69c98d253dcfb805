//! Field masks of Services (AIP-134, AIP-161).

use std::collections::BTreeSet;

use portolan_allocator::ServiceField;
use portolan_model::Violations;
use portolan_proto::v1;

/// Paths below `spec`, and what they mean.
const SPEC: [(&str, ServiceField); 18] = [
    ("type", ServiceField::Type),
    ("selector", ServiceField::Selector),
    ("ports", ServiceField::Ports),
    ("cluster_ips", ServiceField::ClusterIps),
    ("ip_families", ServiceField::IpFamilies),
    ("ip_family_policy", ServiceField::IpFamilyPolicy),
    ("session_affinity", ServiceField::SessionAffinity),
    (
        "session_affinity_config",
        ServiceField::SessionAffinityConfig,
    ),
    (
        "external_traffic_policy",
        ServiceField::ExternalTrafficPolicy,
    ),
    (
        "internal_traffic_policy",
        ServiceField::InternalTrafficPolicy,
    ),
    ("traffic_distribution", ServiceField::TrafficDistribution),
    ("external_name", ServiceField::ExternalName),
    (
        "publish_not_ready_addresses",
        ServiceField::PublishNotReadyAddresses,
    ),
    ("health_check_node_port", ServiceField::HealthCheckNodePort),
    (
        "allocate_load_balancer_node_ports",
        ServiceField::AllocateNodePorts,
    ),
    ("load_balancer_class", ServiceField::LoadBalancerClass),
    ("load_balancer_source_ranges", ServiceField::SourceRanges),
    (
        "requested_load_balancer_ips",
        ServiceField::RequestedLoadBalancerIps,
    ),
];

/// The only field of its message: naming it is naming the message.
const TIMEOUT: &str = "session_affinity_config.client_ip_timeout_seconds";

/// Output only: naming them is no mistake, and has no effect.
const OUTPUT_ONLY: [&str; 10] = [
    "name",
    "uid",
    "generation",
    "etag",
    "revision",
    "create_time",
    "update_time",
    "delete_time",
    "status",
    "warnings",
];

/// The fields that a write means. Without a mask: those that are populated.
pub(super) fn fields(
    mask: Option<&prost_types::FieldMask>,
    sent: &v1::Service,
    violations: &mut Violations,
) -> BTreeSet<ServiceField> {
    let Some(mask) = mask.filter(|mask| !mask.paths.is_empty()) else {
        return populated(sent);
    };
    let mut fields = BTreeSet::new();
    for (i, path) in mask.paths.iter().enumerate() {
        match path.as_str() {
            "*" if mask.paths.len() == 1 => return ServiceField::ALL.into(),
            "labels" => drop(fields.insert(ServiceField::Labels)),
            "annotations" => drop(fields.insert(ServiceField::Annotations)),
            "spec" => fields.extend(SPEC.iter().map(|(_, field)| *field)),
            path if is_output_only(path) => {}
            path => match path.strip_prefix("spec.").and_then(spec_field) {
                Some(field) => drop(fields.insert(field)),
                None => violations.add(
                    format!("update_mask.paths[{i}]"),
                    format!("{path:?} is no field of a Service; name one such as spec.ports or labels, or * alone for all"),
                ),
            },
        }
    }
    fields
}

fn spec_field(name: &str) -> Option<ServiceField> {
    if name == TIMEOUT {
        return Some(ServiceField::SessionAffinityConfig);
    }
    let known = SPEC.iter().find(|(known, _)| *known == name)?;
    Some(known.1)
}

fn is_output_only(path: &str) -> bool {
    OUTPUT_ONLY.contains(&path.split('.').next().unwrap_or_default())
}

fn populated(sent: &v1::Service) -> BTreeSet<ServiceField> {
    let default = v1::ServiceSpec::default();
    let spec = sent.spec.as_ref().unwrap_or(&default);
    let given = [
        (ServiceField::Labels, !sent.labels.is_empty()),
        (ServiceField::Annotations, !sent.annotations.is_empty()),
        (ServiceField::Type, spec.r#type != 0),
        (ServiceField::Selector, !spec.selector.is_empty()),
        (ServiceField::Ports, !spec.ports.is_empty()),
        (ServiceField::ClusterIps, !spec.cluster_ips.is_empty()),
        (ServiceField::IpFamilies, !spec.ip_families.is_empty()),
        (ServiceField::IpFamilyPolicy, spec.ip_family_policy != 0),
        (ServiceField::SessionAffinity, spec.session_affinity != 0),
        (
            ServiceField::SessionAffinityConfig,
            spec.session_affinity_config.is_some(),
        ),
        (
            ServiceField::TrafficDistribution,
            spec.traffic_distribution != 0,
        ),
        (
            ServiceField::HealthCheckNodePort,
            spec.health_check_node_port != 0,
        ),
        (
            ServiceField::AllocateNodePorts,
            spec.allocate_load_balancer_node_ports.is_some(),
        ),
        (
            ServiceField::LoadBalancerClass,
            spec.load_balancer_class.is_some(),
        ),
        (
            ServiceField::SourceRanges,
            !spec.load_balancer_source_ranges.is_empty(),
        ),
        (
            ServiceField::RequestedLoadBalancerIps,
            !spec.requested_load_balancer_ips.is_empty(),
        ),
        (
            ServiceField::ExternalTrafficPolicy,
            spec.external_traffic_policy != 0,
        ),
        (
            ServiceField::InternalTrafficPolicy,
            spec.internal_traffic_policy != 0,
        ),
        (ServiceField::ExternalName, !spec.external_name.is_empty()),
        (
            ServiceField::PublishNotReadyAddresses,
            spec.publish_not_ready_addresses,
        ),
    ];
    given
        .into_iter()
        .filter_map(|(field, given)| given.then_some(field))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(paths: &[&str]) -> Result<BTreeSet<ServiceField>, Violations> {
        let mask = prost_types::FieldMask {
            paths: paths.iter().map(|p| (*p).to_owned()).collect(),
        };
        let mut violations = Violations::new();
        let fields = fields(Some(&mask), &v1::Service::default(), &mut violations);
        if violations.is_empty() {
            Ok(fields)
        } else {
            Err(violations)
        }
    }

    #[test]
    fn masks_name_what_they_mean() {
        use ServiceField::{Labels, Ports, SessionAffinityConfig};
        for (name, paths, expected) in [
            ("one field", vec!["spec.ports"], Some(vec![Ports])),
            (
                "two fields",
                vec!["labels", "spec.ports"],
                Some(vec![Labels, Ports]),
            ),
            (
                "output only has no effect",
                vec!["status.conditions", "uid", "labels"],
                Some(vec![Labels]),
            ),
            (
                "a field of a message",
                vec!["spec.session_affinity_config.client_ip_timeout_seconds"],
                Some(vec![SessionAffinityConfig]),
            ),
            ("unknown", vec!["spec.colour"], None),
            ("an index", vec!["spec.ports[0]"], None),
            ("star beside others", vec!["*", "labels"], None),
        ] {
            assert_eq!(
                with(&paths).ok(),
                expected.map(BTreeSet::from_iter),
                "{name}"
            );
        }
        assert_eq!(with(&["*"]).unwrap().len(), ServiceField::ALL.len());
        assert_eq!(with(&["spec"]).unwrap().len(), ServiceField::ALL.len() - 2);
    }
}
