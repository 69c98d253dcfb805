//! Namespaces.

use ipnet::IpNet;
use portolan_model::{Namespace, NamespaceSpec, Quota, State, Usage, Violations};

use super::fields::cidrs;
use super::meta::{generation, timestamp};
use crate::v1;

/// A namespace on the wire, without its status.
pub fn to_wire(cluster: &str, namespace: &Namespace) -> v1::Namespace {
    let meta = &namespace.meta;
    v1::Namespace {
        name: format!("clusters/{cluster}/namespaces/{}", meta.name),
        uid: meta.uid.to_string(),
        labels: meta.labels.clone(),
        annotations: meta.annotations.clone(),
        generation: generation(meta.generation),
        etag: meta.etag(&namespace.spec),
        revision: meta.revision.0,
        create_time: Some(timestamp(meta.created_at)),
        update_time: Some(timestamp(meta.updated_at)),
        delete_time: None,
        spec: Some(spec_to_wire(&namespace.spec)),
        status: None,
    }
}

/// What a namespace holds.
pub fn status(state: &State, namespace: &Namespace) -> v1::NamespaceStatus {
    v1::NamespaceStatus {
        usage: Some(usage(state.usage(&namespace.meta.name))),
    }
}

/// Limits from their wire form.
pub fn spec(field: &str, sent: &v1::NamespaceSpec, violations: &mut Violations) -> NamespaceSpec {
    let quota = sent.quota.unwrap_or_default();
    let mut limit = |name: &str, number: Option<i32>| {
        let number = number?;
        violations.check(
            &format!("{field}.quota.{name}"),
            u32::try_from(number).map_err(|_| "must not be negative"),
        )
    };
    NamespaceSpec {
        quota: Quota {
            services: limit("services", quota.services),
            node_ports: limit("node_ports", quota.node_ports),
            load_balancers: limit("load_balancers", quota.load_balancers),
            endpoints: limit("endpoints", quota.endpoints),
        },
        endpoint_ranges: cidrs(
            &format!("{field}.endpoint_ranges"),
            &sent.endpoint_ranges,
            violations,
        ),
    }
}

/// Limits on the wire.
pub fn spec_to_wire(spec: &NamespaceSpec) -> v1::NamespaceSpec {
    let Quota {
        services,
        node_ports,
        load_balancers,
        endpoints,
    } = spec.quota;
    let quota = v1::NamespaceQuota {
        services: services.map(count),
        node_ports: node_ports.map(count),
        load_balancers: load_balancers.map(count),
        endpoints: endpoints.map(count),
    };
    v1::NamespaceSpec {
        quota: (spec.quota != Quota::default()).then_some(quota),
        endpoint_ranges: spec.endpoint_ranges.iter().map(IpNet::to_string).collect(),
    }
}

fn usage(usage: Usage) -> v1::NamespaceUsage {
    v1::NamespaceUsage {
        services: count(usage.services),
        node_ports: count(usage.node_ports),
        load_balancers: count(usage.load_balancers),
        endpoints: count(usage.endpoints),
    }
}

fn count(count: u32) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}
