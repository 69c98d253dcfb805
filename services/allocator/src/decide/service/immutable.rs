//! What a Service keeps for good.

use portolan_model::{Refusal, ServiceSpec, ServiceType, Violation};

use super::SPEC;
use super::families;

/// Refuses to change what can't be changed: all of it at once. Sending back the same value is no change, and neither is
/// leaving it out.
pub(super) fn check_immutable(old: &ServiceSpec, new: &ServiceSpec) -> Result<(), Refusal> {
    let mut violations = Vec::new();
    let is_alias = |spec: &ServiceSpec| spec.kind == ServiceType::ExternalName;
    if !is_alias(old) && !is_alias(new) {
        violations.extend(families::immutable(old, new));
    }
    let mut fixed = |field: &str, description: &str| {
        violations.push(Violation {
            field: format!("{SPEC}.{field}"),
            description: description.to_owned(),
        });
    };
    let both = old.kind == ServiceType::LoadBalancer && new.kind == ServiceType::LoadBalancer;
    if both && old.load_balancer_class != new.load_balancer_class {
        fixed(
            "load_balancer_class",
            "can only be set by the write that makes the Service a LoadBalancer; change the type to NodePort first",
        );
    }
    let needed = old.needs_health_check() && new.needs_health_check();
    let given = new.health_check_node_port;
    if needed && given.is_some() && old.health_check_node_port != given {
        fixed(
            "health_check_node_port",
            "can't be changed while it is needed: load balancers have been told; set the policy to Cluster first",
        );
    }
    if violations.is_empty() {
        Ok(())
    } else {
        Err(Refusal::Immutable { violations })
    }
}
