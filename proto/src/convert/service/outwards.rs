//! Services, outwards.

use portolan_model::{
    ClusterIps, FamilyPolicy, Service, ServicePort, ServiceSpec, ServiceType, SessionAffinity,
    TargetPort, TrafficDistribution, TrafficPolicy,
};

use super::super::fields::{family_out, protocol_out};
use super::super::meta::{generation, timestamp};
use crate::v1;

/// A Service on the wire, without status.
pub fn to_wire(cluster: &str, service: &Service) -> v1::Service {
    let meta = &service.meta;
    v1::Service {
        name: format!(
            "clusters/{cluster}/namespaces/{}/services/{}",
            service.namespace, meta.name
        ),
        uid: meta.uid.to_string(),
        labels: meta.labels.clone(),
        annotations: meta.annotations.clone(),
        generation: generation(meta.generation),
        etag: meta.etag(&service.spec),
        revision: meta.revision.0,
        create_time: Some(timestamp(meta.created_at)),
        update_time: Some(timestamp(meta.updated_at)),
        delete_time: None,
        spec: Some(spec_to_wire(&service.spec)),
        status: None,
        warnings: Vec::new(),
    }
}

/// A specification on the wire.
pub fn spec_to_wire(spec: &ServiceSpec) -> v1::ServiceSpec {
    let kind = match spec.kind {
        ServiceType::ClusterIP => v1::ServiceType::ClusterIp,
        ServiceType::NodePort => v1::ServiceType::NodePort,
        ServiceType::LoadBalancer => v1::ServiceType::LoadBalancer,
        ServiceType::ExternalName => v1::ServiceType::ExternalName,
    };
    let cluster_ips = match &spec.cluster_ips {
        ClusterIps::None => vec!["None".to_owned()],
        ClusterIps::Addresses(addresses) => addresses.iter().map(ToString::to_string).collect(),
    };
    v1::ServiceSpec {
        r#type: kind.into(),
        selector: spec.selector.to_labels(),
        ports: spec.ports.iter().map(port_to_wire).collect(),
        cluster_ips,
        ip_families: spec.families.iter().copied().map(family_out).collect(),
        ip_family_policy: family_policy(spec).into(),
        session_affinity: match spec.session_affinity {
            SessionAffinity::None => v1::SessionAffinity::None,
            SessionAffinity::ClientIP => v1::SessionAffinity::ClientIp,
        }
        .into(),
        session_affinity_config: affinity_config(spec),
        external_traffic_policy: policy_out(spec.external_traffic_policy),
        internal_traffic_policy: policy_out(spec.internal_traffic_policy),
        external_name: spec.external_name.clone().unwrap_or_default(),
        publish_not_ready_addresses: spec.publish_not_ready_addresses,
        traffic_distribution: match spec.traffic_distribution {
            None => v1::TrafficDistribution::Unspecified,
            Some(TrafficDistribution::PreferSameZone) => v1::TrafficDistribution::PreferSameZone,
            Some(TrafficDistribution::PreferSameNode) => v1::TrafficDistribution::PreferSameNode,
        }
        .into(),
        health_check_node_port: spec.health_check_node_port.map_or(0, i32::from),
        allocate_load_balancer_node_ports: spec.allocate_node_ports,
        load_balancer_class: spec.load_balancer_class.clone(),
        load_balancer_source_ranges: texts(&spec.source_ranges),
        requested_load_balancer_ips: texts(&spec.requested_load_balancer_ips),
    }
}

fn texts<T: ToString>(values: &[T]) -> Vec<String> {
    values.iter().map(ToString::to_string).collect()
}

/// Rows from before the policy was stored have one family.
fn family_policy(spec: &ServiceSpec) -> v1::IpFamilyPolicy {
    match spec.family_policy {
        None if spec.kind == ServiceType::ExternalName => v1::IpFamilyPolicy::Unspecified,
        None | Some(FamilyPolicy::SingleStack) => v1::IpFamilyPolicy::SingleStack,
        Some(FamilyPolicy::PreferDualStack) => v1::IpFamilyPolicy::PreferDualStack,
        Some(FamilyPolicy::RequireDualStack) => v1::IpFamilyPolicy::RequireDualStack,
    }
}

fn affinity_config(spec: &ServiceSpec) -> Option<v1::SessionAffinityConfig> {
    let seconds = i32::try_from(spec.affinity_timeout?).unwrap_or(i32::MAX);
    Some(v1::SessionAffinityConfig {
        client_ip_timeout_seconds: Some(seconds),
    })
}

fn port_to_wire(port: &ServicePort) -> v1::ServicePort {
    let target = match &port.target {
        TargetPort::Number(number) => v1::service_port::Target::TargetPort(i32::from(*number)),
        TargetPort::Name(name) => v1::service_port::Target::TargetPortName(name.clone()),
    };
    v1::ServicePort {
        name: port.name.clone(),
        port: port.port.into(),
        protocol: protocol_out(port.protocol),
        target: Some(target),
        app_protocol: port.app_protocol.clone(),
        node_port: port.node_port.map_or(0, i32::from),
    }
}

fn policy_out(policy: Option<TrafficPolicy>) -> i32 {
    match policy {
        None => v1::TrafficPolicy::Unspecified,
        Some(TrafficPolicy::Cluster) => v1::TrafficPolicy::Cluster,
        Some(TrafficPolicy::Local) => v1::TrafficPolicy::Local,
    }
    .into()
}
