//! What goes when it no longer applies.
//!
//! A value is wiped only if the system may have filled it in and the request did not give it a new value: a new value
//! stays, and validation then says why it can't be.

use std::collections::BTreeSet;

use portolan_model::{ClusterIps, ServiceSpec, ServiceType};

use super::settle::AFFINITY_SECONDS;

/// Takes away what the former specification needed and the new one does not. `says_timeout`: the write itself says how long
/// a client keeps its backend.
pub(super) fn wipe(spec: &mut ServiceSpec, old: Option<&ServiceSpec>, says_timeout: bool) {
    let Some(old) = old else {
        return;
    };
    if old.is_external() && !spec.is_external() {
        let known: BTreeSet<_> = old.ports.iter().filter_map(|port| port.node_port).collect();
        for port in &mut spec.ports {
            port.node_port = port.node_port.filter(|number| !known.contains(number));
        }
        unset(
            &mut spec.external_traffic_policy,
            old.external_traffic_policy.as_ref(),
        );
    }
    if old.kind == ServiceType::LoadBalancer && spec.kind != ServiceType::LoadBalancer {
        unset(
            &mut spec.allocate_node_ports,
            old.allocate_node_ports.as_ref(),
        );
        unset(
            &mut spec.load_balancer_class,
            old.load_balancer_class.as_ref(),
        );
    }
    if old.needs_health_check() && !spec.needs_health_check() {
        unset(
            &mut spec.health_check_node_port,
            old.health_check_node_port.as_ref(),
        );
    }
    // What the write itself says is refused, as it is by the next one; unless the system may have filled it in.
    let says_timeout = says_timeout && old.affinity_timeout != Some(AFFINITY_SECONDS);
    if !says_timeout && !old.session_affinity.is_none() && spec.session_affinity.is_none() {
        unset(&mut spec.affinity_timeout, old.affinity_timeout.as_ref());
    }
    if spec.kind == ServiceType::ExternalName && old.kind != ServiceType::ExternalName {
        if spec.cluster_ips == old.cluster_ips {
            spec.cluster_ips = ClusterIps::default();
        }
        if spec.families == old.families {
            spec.families.clear();
        }
        unset(&mut spec.family_policy, old.family_policy.as_ref());
    }
}

fn unset<T: PartialEq>(value: &mut Option<T>, old: Option<&T>) {
    if value.as_ref() == old {
        *value = None;
    }
}
