//! Services: what can be said about a specification alone.

mod addresses;
mod external;
mod ports;

use super::labels::labels;
use crate::limits::{NAME, SECONDS};
use crate::name::is_label;
use crate::{FieldPath, ServiceSpec, ServiceType, SessionAffinity, Violations};
pub use ports::port_number;
pub(super) use ports::{PORT_NAME_RULE, SERVICE_PORT_RULE, is_port_name, is_service_port};

/// Everything that can be said about a Service's specification alone. `field` is its path in the request.
pub fn service(field: impl FieldPath, spec: &ServiceSpec, violations: &mut Violations) {
    labels(
        format_args!("{field}.selector"),
        spec.selector.iter(),
        violations,
    );
    ports::ports(field, spec, violations);
    addresses::addresses(field, spec, violations);
    if spec.kind == ServiceType::ExternalName {
        external::name(field, spec, violations);
    } else if let Some(name) = &spec.external_name {
        NAME.check(
            format_args!("{field}.external_name"),
            name.len(),
            violations,
        );
    }
    external::load_balancer(field, spec, violations);
    affinity(field, spec, violations);
    if !spec.is_external() && spec.external_traffic_policy.is_some() {
        violations.add(
            format!("{field}.external_traffic_policy"),
            "may only be set for types that are reachable from outside (NodePort, LoadBalancer); leave it out, or change the type",
        );
    }
}

fn affinity(field: impl FieldPath, spec: &ServiceSpec, violations: &mut Violations) {
    let Some(seconds) = spec.affinity_timeout else {
        return;
    };
    if spec.session_affinity.is_none() {
        violations.add(
            format!("{field}.session_affinity_config"),
            format!(
                "may only be set with session_affinity {:?}; leave it out, or set that",
                SessionAffinity::ClientIP
            ),
        );
    } else if seconds < 1 || seconds as usize > SECONDS.value {
        violations.add(
            format!("{field}.session_affinity_config.client_ip_timeout_seconds"),
            format!("must be between 1 and {}", SECONDS.value),
        );
    }
}

/// A DNS label, for host names and the like.
pub fn dns_label(path: impl FieldPath, text: &str, violations: &mut Violations) {
    if !is_label(text) {
        violations.add(path, crate::NameError::Label.to_string());
    }
}
