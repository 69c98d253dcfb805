//! What a Service shall be: what is asked for, completed by what is there.

use std::collections::BTreeSet;
use std::net::IpAddr;

use portolan_model::{
    ClusterIps, Family, Labels, Refusal, Service, ServiceSpec, ServiceType, State, Violation,
    Violations, validate,
};

use super::super::draft::Draft;
use super::super::ports;
use super::super::preconditions::cluster_spec;
use super::SPEC;
use crate::{ServiceField, ServiceParams};

/// A Service as it shall be, before it is made whole.
pub(super) struct Wanted {
    pub(super) labels: Labels,
    pub(super) annotations: Labels,
    pub(super) spec: ServiceSpec,
}

/// What is there, with the fields that the request names replaced.
pub(super) fn merge(before: Option<&Service>, params: &ServiceParams) -> Wanted {
    let mut wanted = Wanted {
        labels: before.map(|b| b.meta.labels.clone()).unwrap_or_default(),
        annotations: before
            .map(|b| b.meta.annotations.clone())
            .unwrap_or_default(),
        spec: before.map(|b| b.spec.clone()).unwrap_or_default(),
    };
    let (to, from) = (&mut wanted.spec, &params.spec);
    // What is created is taken as a whole, whatever the mask says (AIP-134).
    let all = ServiceField::ALL.into_iter().filter(|_| before.is_none());
    for field in params.fields.iter().copied().chain(all) {
        match field {
            ServiceField::Labels => wanted.labels.clone_from(&params.labels),
            ServiceField::Annotations => wanted.annotations.clone_from(&params.annotations),
            ServiceField::Type => to.kind = from.kind,
            ServiceField::Selector => to.selector.clone_from(&from.selector),
            ServiceField::Ports => to.ports.clone_from(&from.ports),
            ServiceField::ClusterIps => to.cluster_ips.clone_from(&from.cluster_ips),
            ServiceField::IpFamilies => to.families.clone_from(&from.families),
            ServiceField::ExternalTrafficPolicy => {
                to.external_traffic_policy = from.external_traffic_policy;
            }
            ServiceField::InternalTrafficPolicy => {
                to.internal_traffic_policy = from.internal_traffic_policy;
            }
            ServiceField::ExternalName => to.external_name.clone_from(&from.external_name),
            ServiceField::PublishNotReadyAddresses => {
                to.publish_not_ready_addresses = from.publish_not_ready_addresses;
            }
        }
    }
    wanted
}

/// Completes a specification by what was allocated before and by defaults, and wipes what the system filled in and
/// what no longer applies.
pub(super) fn settle(
    state: &State,
    spec: &mut ServiceSpec,
    before: Option<&Service>,
) -> Result<(), Refusal> {
    let old = before.map(|before| &before.spec);
    wipe(spec, old);
    if spec.kind == ServiceType::ExternalName {
        spec.internal_traffic_policy = None;
        return Ok(());
    }
    // Left out means: as it is. An address is only given up together with its Service, or for an ExternalName.
    if let Some(old) = old.filter(|old| old.kind != ServiceType::ExternalName) {
        if spec.cluster_ips == ClusterIps::default() {
            spec.cluster_ips.clone_from(&old.cluster_ips);
        }
        if spec.families.is_empty() {
            spec.families.clone_from(&old.families);
        }
    }
    if spec.families.is_empty() {
        let given: Vec<Family> = spec
            .cluster_ips
            .addresses()
            .iter()
            .copied()
            .map(Family::of)
            .collect();
        spec.families = if given.is_empty() {
            cluster_spec(state)?
                .families
                .iter()
                .take(1)
                .copied()
                .collect()
        } else {
            given
        };
    }
    spec.internal_traffic_policy = Some(spec.internal_traffic_policy.unwrap_or_default());
    if spec.kind == ServiceType::NodePort {
        spec.external_traffic_policy = Some(spec.external_traffic_policy.unwrap_or_default());
        ports::carry_over(spec, before);
    }
    Ok(())
}

/// Takes away what a former type needed, unless the request gives it a new value: then validation speaks.
fn wipe(spec: &mut ServiceSpec, old: Option<&ServiceSpec>) {
    let Some(old) = old.filter(|old| old.kind != spec.kind) else {
        return;
    };
    if spec.kind != ServiceType::NodePort {
        let known: BTreeSet<_> = old.ports.iter().filter_map(|port| port.node_port).collect();
        for port in &mut spec.ports {
            port.node_port = port.node_port.filter(|number| !known.contains(number));
        }
        if spec.external_traffic_policy == old.external_traffic_policy {
            spec.external_traffic_policy = None;
        }
    }
    if spec.kind == ServiceType::ExternalName {
        if spec.cluster_ips == old.cluster_ips {
            spec.cluster_ips = ClusterIps::default();
        }
        if spec.families == old.families {
            spec.families.clear();
        }
    }
}

pub(super) fn check(wanted: &Wanted) -> Result<(), Refusal> {
    let mut violations = Violations::new();
    validate::labels("service.labels", &wanted.labels, &mut violations);
    validate::annotations("service.annotations", &wanted.annotations, &mut violations);
    validate::service(SPEC, &wanted.spec, &mut violations);
    violations.into_result()
}

pub(super) fn check_immutable(old: &ServiceSpec, new: &ServiceSpec) -> Result<(), Refusal> {
    if old.kind == ServiceType::ExternalName || new.kind == ServiceType::ExternalName {
        return Ok(());
    }
    let mut violations = Vec::new();
    let mut fixed = |field: &str, description: String| {
        violations.push(Violation {
            field: format!("{SPEC}.{field}"),
            description,
        });
    };
    if old.cluster_ips.is_headless() != new.cluster_ips.is_headless() {
        let is = if old.cluster_ips.is_headless() {
            "headless"
        } else {
            "not headless"
        };
        fixed(
            "cluster_ips",
            format!("can't be changed: the Service is {is}; delete it and create it again"),
        );
    } else if old.cluster_ips != new.cluster_ips {
        let is: Vec<_> = old
            .cluster_ips
            .addresses()
            .iter()
            .map(IpAddr::to_string)
            .collect();
        fixed(
            "cluster_ips[0]",
            format!(
                "can't be changed: the Service has {}; leave it out, or delete the Service and create it again",
                is.join(", ")
            ),
        );
    } else if !old.cluster_ips.is_headless() && old.families != new.families {
        fixed(
            "ip_families[0]",
            "can't be changed; delete the Service and create it again".to_owned(),
        );
    }
    if violations.is_empty() {
        Ok(())
    } else {
        Err(Refusal::Immutable { violations })
    }
}

pub(super) fn check_families(draft: &Draft, spec: &ServiceSpec) -> Result<(), Refusal> {
    let configured = &cluster_spec(draft.state())?.families;
    let Some((i, family)) = spec
        .families
        .iter()
        .enumerate()
        .find(|(_, family)| !configured.contains(family))
    else {
        return Ok(());
    };
    let description = format!("the cluster is not configured for {family}; leave ip_families out");
    Err(Refusal::precondition(
        "FAMILY_NOT_CONFIGURED",
        format!("{SPEC}.ip_families[{i}]"),
        description,
    ))
}
