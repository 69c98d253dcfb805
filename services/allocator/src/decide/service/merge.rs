//! What a Service shall be: what is asked for, completed by what is there.

use portolan_model::{
    Labels, Refusal, Service, ServiceSpec, ServiceType, SessionAffinity, State, Violations,
    validate,
};

use super::super::ports;
use super::super::ratchet::{self, is_key_kept, part};
use super::SPEC;
use super::families;
use super::wipe::wipe;
use crate::{ServiceField, ServiceParams};

/// How long a client keeps its backend where nothing is said: three hours, as in Kubernetes.
const AFFINITY_SECONDS: u32 = 10_800;

/// A Service as it shall be, before it is made whole.
pub(super) struct Wanted {
    pub(super) labels: Labels,
    pub(super) annotations: Labels,
    pub(super) spec: ServiceSpec,
}

/// What is there, with the fields that the request names replaced. What is created is taken as a whole, whatever the mask
/// says (AIP-134).
pub(super) fn merge(before: Option<&Service>, params: &ServiceParams) -> Wanted {
    let Some(before) = before else {
        return Wanted {
            labels: params.labels.clone(),
            annotations: params.annotations.clone(),
            spec: params.spec.clone(),
        };
    };
    let mut wanted = Wanted {
        labels: before.meta.labels.clone(),
        annotations: before.meta.annotations.clone(),
        spec: before.spec.clone(),
    };
    for field in params.fields.iter().copied() {
        match field {
            ServiceField::Labels => wanted.labels.clone_from(&params.labels),
            ServiceField::Annotations => wanted.annotations.clone_from(&params.annotations),
            field => copy(field, &mut wanted.spec, &params.spec),
        }
    }
    wanted
}

fn copy(field: ServiceField, to: &mut ServiceSpec, from: &ServiceSpec) {
    use ServiceField as F;
    match field {
        F::Labels | F::Annotations => {}
        F::Type => to.kind = from.kind,
        F::Selector => to.selector.clone_from(&from.selector),
        F::Ports => to.ports.clone_from(&from.ports),
        F::ClusterIps => to.cluster_ips.clone_from(&from.cluster_ips),
        F::IpFamilies => to.families.clone_from(&from.families),
        F::IpFamilyPolicy => to.family_policy = from.family_policy,
        F::SessionAffinity => to.session_affinity = from.session_affinity,
        F::SessionAffinityConfig => to.affinity_timeout = from.affinity_timeout,
        F::TrafficDistribution => to.traffic_distribution = from.traffic_distribution,
        F::HealthCheckNodePort => to.health_check_node_port = from.health_check_node_port,
        F::AllocateNodePorts => to.allocate_node_ports = from.allocate_node_ports,
        F::LoadBalancerClass => to.load_balancer_class.clone_from(&from.load_balancer_class),
        F::SourceRanges => to.source_ranges.clone_from(&from.source_ranges),
        F::RequestedLoadBalancerIps => to
            .requested_load_balancer_ips
            .clone_from(&from.requested_load_balancer_ips),
        F::ExternalTrafficPolicy => to.external_traffic_policy = from.external_traffic_policy,
        F::InternalTrafficPolicy => to.internal_traffic_policy = from.internal_traffic_policy,
        F::ExternalName => to.external_name.clone_from(&from.external_name),
        F::PublishNotReadyAddresses => {
            to.publish_not_ready_addresses = from.publish_not_ready_addresses;
        }
    }
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
    if spec.session_affinity == SessionAffinity::ClientIP {
        spec.affinity_timeout = Some(spec.affinity_timeout.unwrap_or(AFFINITY_SECONDS));
    }
    if spec.kind == ServiceType::ExternalName {
        spec.internal_traffic_policy = None;
        return Ok(());
    }
    let addressed = old.filter(|old| old.kind != ServiceType::ExternalName);
    families::settle(state, spec, addressed)?;
    spec.internal_traffic_policy = Some(spec.internal_traffic_policy.unwrap_or_default());
    if spec.is_external() {
        spec.external_traffic_policy = Some(spec.external_traffic_policy.unwrap_or_default());
        ports::carry_over(spec, before);
    }
    if spec.kind == ServiceType::LoadBalancer {
        spec.allocate_node_ports = Some(spec.allocate_node_ports.unwrap_or(true));
    }
    if spec.needs_health_check() && spec.health_check_node_port.is_none() {
        spec.health_check_node_port = old
            .filter(|old| old.needs_health_check())
            .and_then(|old| old.health_check_node_port);
    }
    Ok(())
}

/// The rules that hold whatever else is there.
pub(super) fn check(wanted: &Wanted, before: Option<&Service>) -> Result<(), Refusal> {
    let before = before.map(|before| merge(Some(before), &ServiceParams::default()));
    let rules = |wanted: &Wanted, violations: &mut Violations| {
        validate::labels("service.labels", &wanted.labels, violations);
        validate::annotations("service.annotations", &wanted.annotations, violations);
        validate::service(SPEC, &wanted.spec, violations);
    };
    ratchet::check(wanted, before.as_ref(), rules, is_kept)
}

fn is_kept(field: &str, before: &Wanted, wanted: &Wanted) -> bool {
    if field.starts_with("service.labels") {
        return is_key_kept(field, &before.labels, &wanted.labels);
    }
    if field.starts_with("service.annotations") {
        return is_key_kept(field, &before.annotations, &wanted.annotations);
    }
    let (old, new) = (&before.spec, &wanted.spec);
    match part(SPEC, field) {
        "selector" => is_key_kept(field, old.selector.iter(), new.selector.iter()),
        "ports" => old.ports == new.ports,
        "cluster_ips" => old.cluster_ips == new.cluster_ips,
        "ip_families" => old.families == new.families,
        "ip_family_policy" => old.family_policy == new.family_policy,
        "session_affinity_config" => old.affinity_timeout == new.affinity_timeout,
        "external_name" => old.external_name == new.external_name,
        "health_check_node_port" => old.health_check_node_port == new.health_check_node_port,
        "load_balancer_class" => old.load_balancer_class == new.load_balancer_class,
        "load_balancer_source_ranges" => old.source_ranges == new.source_ranges,
        "requested_load_balancer_ips" => {
            old.requested_load_balancer_ips == new.requested_load_balancer_ips
        }
        _ => old == new,
    }
}
