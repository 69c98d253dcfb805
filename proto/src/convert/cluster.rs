//! Clusters, their ranges and namespaces, and events.

use ipnet::IpNet;
use portolan_model::alloc::ServiceRange;
use portolan_model::{
    Cluster, Event, EventType, Meta, Namespace, ServiceCidr, State, Violations, canonical_cidr,
};

use super::fields::family_out;
use super::meta::{generation, timestamp};
use crate::v1;

/// A cluster on the wire, with the fill of its ranges.
pub fn to_wire(state: &State, cluster: &Cluster) -> v1::Cluster {
    let (meta, spec) = (&cluster.meta, &cluster.spec);
    let texts = |nets: &[IpNet]| nets.iter().map(ToString::to_string).collect();
    v1::Cluster {
        name: format!("clusters/{}", meta.name),
        uid: meta.uid.to_string(),
        generation: generation(meta.generation),
        etag: meta.etag(spec),
        revision: meta.revision.0,
        create_time: Some(timestamp(meta.created_at)),
        update_time: Some(timestamp(meta.updated_at)),
        spec: Some(v1::ClusterSpec {
            node_port_range: Some(v1::PortRange {
                first: spec.node_ports.first.into(),
                last: spec.node_ports.last.into(),
            }),
            dns_domain: spec.dns_domain.clone(),
            ip_families: spec.families.iter().copied().map(family_out).collect(),
            endpoint_ranges: texts(&spec.endpoint_ranges),
            workload_ranges: texts(&spec.workload_ranges),
        }),
        status: Some(status(state, cluster)),
    }
}

fn status(state: &State, cluster: &Cluster) -> v1::ClusterStatus {
    let ports = cluster.spec.node_ports;
    let quarantined = state
        .quarantined_ports()
        .filter(|claim| ports.contains(claim.port))
        .count();
    let taken = state
        .occupied_ports()
        .count(false, ports.first.into(), ports.last.into());
    let quarantined = u32::try_from(quarantined).unwrap_or(u32::MAX);
    v1::ClusterStatus {
        head_revision: state.revision().0,
        service_ranges: state
            .service_ranges()
            .iter()
            .map(|range| usage(state, range))
            .collect(),
        node_ports: Some(v1::PortUsage {
            used: u32::try_from(taken)
                .unwrap_or(u32::MAX)
                .saturating_sub(quarantined),
            quarantined,
            capacity: ports.size(),
        }),
        nodes: i32::try_from(state.node_count()).unwrap_or(i32::MAX),
    }
}

fn usage(state: &State, range: &ServiceRange) -> v1::RangeUsage {
    let waiting = state
        .quarantined_addresses()
        .filter(|claim| range.is_usable(claim.address))
        .count() as u64;
    v1::RangeUsage {
        range: range.net().to_string(),
        used: range
            .count(state.occupied_addresses())
            .saturating_sub(waiting),
        quarantined: waiting,
        capacity: range.capacity(),
    }
}

/// The ranges of a `ServiceCidr` from their wire form.
pub fn cidrs(field: &str, texts: &[String], violations: &mut Violations) -> Vec<IpNet> {
    let parse = |(i, text): (usize, &String)| {
        violations.check(&format!("{field}[{i}]"), canonical_cidr(text))
    };
    texts.iter().enumerate().filter_map(parse).collect()
}

/// A range on the wire, with its fill.
pub fn service_cidr(cluster: &str, state: &State, service_cidr: &ServiceCidr) -> v1::ServiceCidr {
    let meta = &service_cidr.meta;
    let usage = service_cidr
        .cidrs
        .iter()
        .copied()
        .map(ServiceRange::new)
        .map(|range| usage(state, &range));
    let ready = v1::Condition {
        r#type: "Ready".to_owned(),
        status: v1::ConditionStatus::True.into(),
        reason: "Ready".to_owned(),
        message: "addresses are allocated from it".to_owned(),
        observed_generation: generation(meta.generation),
        last_transition_time: Some(timestamp(meta.created_at)),
    };
    v1::ServiceCidr {
        name: format!("clusters/{cluster}/serviceCidrs/{}", meta.name),
        uid: meta.uid.to_string(),
        generation: generation(meta.generation),
        etag: meta.etag(&service_cidr.cidrs),
        revision: meta.revision.0,
        create_time: Some(timestamp(meta.created_at)),
        spec: Some(v1::ServiceCidrSpec {
            cidrs: service_cidr.cidrs.iter().map(ToString::to_string).collect(),
        }),
        status: Some(v1::ServiceCidrStatus {
            usage: usage.collect(),
            conditions: vec![ready],
        }),
    }
}

/// A namespace on the wire.
pub fn namespace(cluster: &str, namespace: &Namespace) -> v1::Namespace {
    let meta: &Meta = &namespace.meta;
    v1::Namespace {
        name: format!("clusters/{cluster}/namespaces/{}", meta.name),
        uid: meta.uid.to_string(),
        labels: meta.labels.clone(),
        annotations: meta.annotations.clone(),
        generation: generation(meta.generation),
        etag: meta.etag(&()),
        revision: meta.revision.0,
        create_time: Some(timestamp(meta.created_at)),
        update_time: Some(timestamp(meta.updated_at)),
        delete_time: None,
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
