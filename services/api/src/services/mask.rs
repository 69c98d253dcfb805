//! What a mask of a Service can name.

use portolan_allocator::ServiceField as F;
use portolan_allocator::ServiceParams;
use portolan_proto::v1::{Service, ServiceSpec};

use super::{check, params};
use crate::mask::{Row, Table};

const fn row(path: &'static str, field: F, is_populated: fn(&Service) -> bool) -> Row<Service, F> {
    (path, field, is_populated)
}

fn spec(service: &Service, is_populated: impl Fn(&ServiceSpec) -> bool) -> bool {
    service.spec.as_ref().is_some_and(is_populated)
}

pub(super) static TABLE: Table<Service, F, ServiceParams> = Table {
    message: "portolan.v1.Service",
    field: "service",
    rows: ROWS,
    params: |sent, fields, v| params("service", Some(sent), |_, _| fields, v),
    check: |params, v| check("service", params, v),
};

const ROWS: &[Row<Service, F>] = &[
    row("labels", F::Labels, |s| !s.labels.is_empty()),
    row("annotations", F::Annotations, |s| !s.annotations.is_empty()),
    row("spec.type", F::Type, |s| spec(s, |s| s.r#type != 0)),
    row("spec.selector", F::Selector, |s| {
        spec(s, |s| !s.selector.is_empty())
    }),
    row("spec.ports", F::Ports, |s| spec(s, |s| !s.ports.is_empty())),
    row("spec.cluster_ips", F::ClusterIps, |s| {
        spec(s, |s| !s.cluster_ips.is_empty())
    }),
    row("spec.ip_families", F::IpFamilies, |s| {
        spec(s, |s| !s.ip_families.is_empty())
    }),
    row("spec.ip_family_policy", F::IpFamilyPolicy, |s| {
        spec(s, |s| s.ip_family_policy != 0)
    }),
    row("spec.session_affinity", F::SessionAffinity, |s| {
        spec(s, |s| s.session_affinity != 0)
    }),
    // The only field of its message.
    row(
        "spec.session_affinity_config.client_ip_timeout_seconds",
        F::SessionAffinityConfig,
        |s| spec(s, |s| s.session_affinity_config.is_some()),
    ),
    row(
        "spec.external_traffic_policy",
        F::ExternalTrafficPolicy,
        |s| spec(s, |s| s.external_traffic_policy != 0),
    ),
    row(
        "spec.internal_traffic_policy",
        F::InternalTrafficPolicy,
        |s| spec(s, |s| s.internal_traffic_policy != 0),
    ),
    row("spec.traffic_distribution", F::TrafficDistribution, |s| {
        spec(s, |s| s.traffic_distribution != 0)
    }),
    row("spec.external_name", F::ExternalName, |s| {
        spec(s, |s| !s.external_name.is_empty())
    }),
    row(
        "spec.publish_not_ready_addresses",
        F::PublishNotReadyAddresses,
        |s| spec(s, |s| s.publish_not_ready_addresses),
    ),
    row("spec.health_check_node_port", F::HealthCheckNodePort, |s| {
        spec(s, |s| s.health_check_node_port != 0)
    }),
    row(
        "spec.allocate_load_balancer_node_ports",
        F::AllocateNodePorts,
        |s| spec(s, |s| s.allocate_load_balancer_node_ports.is_some()),
    ),
    row("spec.load_balancer_class", F::LoadBalancerClass, |s| {
        spec(s, |s| s.load_balancer_class.is_some())
    }),
    row("spec.load_balancer_source_ranges", F::SourceRanges, |s| {
        spec(s, |s| !s.load_balancer_source_ranges.is_empty())
    }),
    row(
        "spec.requested_load_balancer_ips",
        F::RequestedLoadBalancerIps,
        |s| spec(s, |s| !s.requested_load_balancer_ips.is_empty()),
    ),
];
