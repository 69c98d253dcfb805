//! What a Service shall be: what is asked for, completed by what is there.

use portolan_model::{Refusal, Service, ServiceSpec, ServiceType, SessionAffinity, State};

use super::families;
use super::immutable::check_immutable;
use super::node_ports;

/// How long a client keeps its backend where nothing is said: three hours, as in Kubernetes.
pub(super) const AFFINITY_SECONDS: u32 = 10_800;

/// Completes a specification, from which is wiped what no longer applies, by what was allocated before and by defaults.
/// Refuses to change what can't be changed, while it is still in the words of the request.
pub(super) fn settle(
    state: &State,
    spec: &mut ServiceSpec,
    before: Option<&Service>,
) -> Result<(), Refusal> {
    let old = before.map(|before| &before.spec);
    if spec.session_affinity == SessionAffinity::ClientIP {
        spec.affinity_timeout = Some(spec.affinity_timeout.unwrap_or(AFFINITY_SECONDS));
    }
    if spec.kind == ServiceType::ExternalName {
        spec.internal_traffic_policy = None;
        return old.map_or(Ok(()), |old| check_immutable(old, spec));
    }
    let addressed = old.filter(|old| old.kind != ServiceType::ExternalName);
    if let Some(old) = addressed {
        families::keep(spec, old);
    }
    if let Some(old) = old {
        families::check_alone(old, spec)?;
        check_immutable(old, spec)?;
    }
    families::settle(state, spec, addressed)?;
    spec.internal_traffic_policy = Some(spec.internal_traffic_policy.unwrap_or_default());
    if spec.is_external() {
        spec.external_traffic_policy = Some(spec.external_traffic_policy.unwrap_or_default());
        node_ports::carry_over(spec, before);
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
