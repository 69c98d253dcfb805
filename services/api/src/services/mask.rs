//! Field masks of Services (AIP-134, AIP-161).

use std::collections::BTreeSet;

use portolan_allocator::ServiceField;
use portolan_model::Violations;
use portolan_proto::v1;

/// Paths below `spec`, and what they mean. `None`: known, but not carried out yet; a value there is refused anyway.
const SPEC: [(&str, Option<ServiceField>); 18] = [
    ("type", Some(ServiceField::Type)),
    ("selector", Some(ServiceField::Selector)),
    ("ports", Some(ServiceField::Ports)),
    ("cluster_ips", Some(ServiceField::ClusterIps)),
    ("ip_families", Some(ServiceField::IpFamilies)),
    (
        "external_traffic_policy",
        Some(ServiceField::ExternalTrafficPolicy),
    ),
    (
        "internal_traffic_policy",
        Some(ServiceField::InternalTrafficPolicy),
    ),
    ("external_name", Some(ServiceField::ExternalName)),
    (
        "publish_not_ready_addresses",
        Some(ServiceField::PublishNotReadyAddresses),
    ),
    ("ip_family_policy", None),
    ("session_affinity", None),
    ("session_affinity_config", None),
    ("traffic_distribution", None),
    ("health_check_node_port", None),
    ("allocate_load_balancer_node_ports", None),
    ("load_balancer_class", None),
    ("load_balancer_source_ranges", None),
    ("requested_load_balancer_ips", None),
];

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
            "spec" => fields.extend(SPEC.iter().filter_map(|(_, field)| *field)),
            path if is_output_only(path) => {}
            path => match path.strip_prefix("spec.").and_then(|name| SPEC.iter().find(|(known, _)| *known == name)) {
                Some((_, field)) => fields.extend(*field),
                None => violations.add(
                    format!("update_mask.paths[{i}]"),
                    format!("{path:?} is no field of a Service; name one such as spec.ports or labels, or * alone for all"),
                ),
            },
        }
    }
    fields
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
        use ServiceField::{Labels, Ports};
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
                "not carried out yet",
                vec!["spec.session_affinity"],
                Some(vec![]),
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
