//! Clusters and events.

use ipnet::IpNet;
use portolan_model::alloc::ServiceRange;
use portolan_model::{
    Cluster, ClusterSpec, DNS_DOMAIN, Event, EventType, Family, NODE_PORTS, PortRange, State,
    Violations,
};

use super::fields::{cidrs, family_out, optional, port};
use super::meta::{generation, timestamp};
use super::service::families as families_in;
use crate::v1;

/// A cluster on the wire, with the fill of its ranges.
pub fn to_wire(state: &State, cluster: &Cluster) -> v1::Cluster {
    let (meta, spec) = (&cluster.meta, &cluster.spec);
    v1::Cluster {
        name: format!("clusters/{}", meta.name),
        uid: meta.uid.to_string(),
        generation: generation(meta.generation),
        etag: meta.etag(spec),
        revision: meta.revision.0,
        create_time: Some(timestamp(meta.created_at)),
        update_time: Some(timestamp(meta.updated_at)),
        delete_time: None,
        spec: Some(spec_to_wire(spec)),
        status: Some(status(state, cluster)),
    }
}

/// Settings on the wire.
pub fn spec_to_wire(spec: &ClusterSpec) -> v1::ClusterSpec {
    let texts = |nets: &[IpNet]| nets.iter().map(ToString::to_string).collect();
    v1::ClusterSpec {
        node_port_range: Some(v1::PortRange {
            first: spec.node_ports.first.into(),
            last: spec.node_ports.last.into(),
        }),
        dns_domain: spec.dns_domain.clone(),
        ip_families: spec.families.iter().copied().map(family_out).collect(),
        endpoint_ranges: texts(&spec.endpoint_ranges),
        workload_ranges: texts(&spec.workload_ranges),
    }
}

/// What is known about a cluster.
fn status(state: &State, cluster: &Cluster) -> v1::ClusterStatus {
    let ports = state.port_fill(cluster.spec.node_ports);
    let port_count = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
    let ranges = state.service_ranges();
    v1::ClusterStatus {
        head_revision: state.revision().0,
        service_ranges: ranges.iter().map(|range| usage(state, range)).collect(),
        node_ports: Some(v1::PortUsage {
            used: port_count(ports.used),
            quarantined: port_count(ports.quarantined),
            capacity: port_count(ports.capacity),
        }),
        nodes: i32::try_from(state.node_count()).unwrap_or(i32::MAX),
    }
}

pub(super) fn usage(state: &State, range: &ServiceRange) -> v1::RangeUsage {
    let fill = state.address_fill(range);
    v1::RangeUsage {
        range: range.net().to_string(),
        used: fill.used,
        quarantined: fill.quarantined,
        capacity: fill.capacity,
    }
}

/// Settings from their wire form; what is left out has its default, and `families` of those that name none.
pub fn spec(
    field: &str,
    sent: &v1::ClusterSpec,
    families: &[Family],
    violations: &mut Violations,
) -> ClusterSpec {
    let node_ports = sent.node_port_range.map_or(NODE_PORTS, |range| {
        let mut bound = |name, number| {
            let field = format!("{field}.node_port_range.{name}");
            port(&field, number, violations)
        };
        PortRange {
            first: bound("first", range.first),
            last: bound("last", range.last),
        }
    });
    let named = families_in(
        &format!("{field}.ip_families"),
        &sent.ip_families,
        violations,
    );
    ClusterSpec {
        node_ports,
        dns_domain: optional(&sent.dns_domain).unwrap_or_else(|| DNS_DOMAIN.to_owned()),
        families: if sent.ip_families.is_empty() {
            families.to_vec()
        } else {
            named
        },
        endpoint_ranges: cidrs(
            &format!("{field}.endpoint_ranges"),
            &sent.endpoint_ranges,
            violations,
        ),
        workload_ranges: cidrs(
            &format!("{field}.workload_ranges"),
            &sent.workload_ranges,
            violations,
        ),
    }
}

/// An event on the wire.
pub fn event(cluster: &str, event: &Event) -> v1::Event {
    let event_type = match event.event_type {
        EventType::Normal => v1::EventType::Normal,
        EventType::Warning => v1::EventType::Warning,
    };
    v1::Event {
        object: format!("clusters/{cluster}/{}", event.object),
        object_uid: event.object_uid.to_string(),
        r#type: event_type.into(),
        reason: event.reason.clone(),
        message: event.message.clone(),
        component: event.component.clone(),
        count: event.count,
        first_time: Some(timestamp(event.first_at)),
        last_time: Some(timestamp(event.last_at)),
    }
}
