//! Services.

use portolan_model::{
    ClusterIps, Family, Service, ServicePort, ServiceSpec, ServiceType, TargetPort, TrafficPolicy,
    Violations, parse_address,
};

use super::fields::{enumeration, family_out, optional, port, protocol, protocol_out};
use super::meta::{generation, timestamp};
use crate::v1;

/// A specification from its wire form. `field` is its path in the request.
pub fn spec(field: &str, m: &v1::ServiceSpec, violations: &mut Violations) -> ServiceSpec {
    not_yet(field, m, violations);
    let ports = m.ports.iter().enumerate();
    ServiceSpec {
        kind: kind(&format!("{field}.type"), m.r#type, violations),
        selector: m.selector.clone(),
        ports: ports
            .map(|(i, port)| service_port(&format!("{field}.ports[{i}]"), port, violations))
            .collect(),
        cluster_ips: cluster_ips(&format!("{field}.cluster_ips"), &m.cluster_ips, violations),
        families: families(&format!("{field}.ip_families"), &m.ip_families, violations),
        external_traffic_policy: policy(
            &format!("{field}.external_traffic_policy"),
            m.external_traffic_policy,
            violations,
        ),
        internal_traffic_policy: policy(
            &format!("{field}.internal_traffic_policy"),
            m.internal_traffic_policy,
            violations,
        ),
        external_name: optional(&m.external_name),
        publish_not_ready_addresses: m.publish_not_ready_addresses,
        ..ServiceSpec::default()
    }
}

/// What the wire has room for, but nothing carries out yet: refused, never silently dropped.
fn not_yet(field: &str, m: &v1::ServiceSpec, violations: &mut Violations) {
    let mut refuse = |name: &str, is_set: bool, why: &str| {
        if is_set {
            violations.add(format!("{field}.{name}"), why);
        }
    };
    let dual = "two families (dual-stack) are not supported yet; use SingleStack, or leave it out";
    let policy = m.ip_family_policy();
    let wants_two = matches!(
        policy,
        v1::IpFamilyPolicy::PreferDualStack | v1::IpFamilyPolicy::RequireDualStack
    );
    refuse("ip_family_policy", wants_two, dual);
    refuse(
        "ip_families",
        m.ip_families.len() > 1,
        "two families (dual-stack) are not supported yet; name one",
    );
    let affinity = m.session_affinity() == v1::SessionAffinity::ClientIp;
    refuse(
        "session_affinity",
        affinity,
        "ClientIP is not supported yet; use None, or leave it out",
    );
    refuse(
        "session_affinity_config",
        m.session_affinity_config.is_some() && !affinity,
        "may only be set with session_affinity ClientIP",
    );
    let load_balancer = "load balancers are not supported yet; leave it out";
    refuse(
        "health_check_node_port",
        m.health_check_node_port != 0,
        load_balancer,
    );
    refuse(
        "allocate_load_balancer_node_ports",
        m.allocate_load_balancer_node_ports.is_some(),
        load_balancer,
    );
    refuse(
        "load_balancer_class",
        m.load_balancer_class.is_some(),
        load_balancer,
    );
    refuse(
        "load_balancer_source_ranges",
        !m.load_balancer_source_ranges.is_empty(),
        load_balancer,
    );
    refuse(
        "requested_load_balancer_ips",
        !m.requested_load_balancer_ips.is_empty(),
        load_balancer,
    );
    let wish = m.traffic_distribution != 0;
    refuse(
        "traffic_distribution",
        wish,
        "a traffic distribution is not supported yet; leave it out",
    );
}

fn kind(field: &str, number: i32, violations: &mut Violations) -> ServiceType {
    match enumeration(field, number, violations) {
        Some(v1::ServiceType::NodePort) => ServiceType::NodePort,
        Some(v1::ServiceType::ExternalName) => ServiceType::ExternalName,
        Some(v1::ServiceType::LoadBalancer) => {
            violations.add(field, "LoadBalancer is not supported yet; use NodePort, and point your load balancer there");
            // The nearest type, so that what goes with both is not reported, too.
            ServiceType::NodePort
        }
        Some(v1::ServiceType::Unspecified | v1::ServiceType::ClusterIp) | None => {
            ServiceType::ClusterIP
        }
    }
}

fn service_port(field: &str, m: &v1::ServicePort, violations: &mut Violations) -> ServicePort {
    let number = port(&format!("{field}.port"), m.port, violations);
    let target = match &m.target {
        None | Some(v1::service_port::Target::TargetPort(0)) => TargetPort::Number(number),
        Some(v1::service_port::Target::TargetPort(target)) => {
            TargetPort::Number(port(&format!("{field}.target_port"), *target, violations))
        }
        Some(v1::service_port::Target::TargetPortName(name)) if name.is_empty() => {
            TargetPort::Number(number)
        }
        Some(v1::service_port::Target::TargetPortName(name)) => TargetPort::Name(name.clone()),
    };
    let node_port = Some(m.node_port).filter(|p| *p != 0);
    let node_port = node_port
        .map(|p| port(&format!("{field}.node_port"), p, violations))
        .filter(|p| *p != 0);
    ServicePort {
        name: m.name.clone(),
        port: number,
        protocol: protocol(&format!("{field}.protocol"), m.protocol, violations),
        // An unset target of an invalid port has been said already.
        target: if target == TargetPort::Number(0) {
            TargetPort::Number(1)
        } else {
            target
        },
        app_protocol: m.app_protocol.clone(),
        node_port,
    }
}

fn cluster_ips(field: &str, texts: &[String], violations: &mut Violations) -> ClusterIps {
    if let [only] = texts
        && only == "None"
    {
        return ClusterIps::None;
    }
    let mut addresses = Vec::new();
    for (i, text) in texts.iter().enumerate() {
        let path = format!("{field}[{i}]");
        if text == "None" {
            violations.add(path, "None must stand alone");
        } else if let Some(address) = violations.check(&path, parse_address(text)) {
            addresses.push(address);
        }
    }
    ClusterIps::Addresses(addresses)
}

fn families(field: &str, numbers: &[i32], violations: &mut Violations) -> Vec<Family> {
    let mut families = Vec::new();
    for (i, number) in numbers.iter().enumerate() {
        match enumeration(&format!("{field}[{i}]"), *number, violations) {
            Some(v1::IpFamily::Ipv4) => families.push(Family::V4),
            Some(v1::IpFamily::Ipv6) => families.push(Family::V6),
            Some(v1::IpFamily::Unspecified) => {
                violations.add(format!("{field}[{i}]"), "must be IPv4 or IPv6");
            }
            None => {}
        }
    }
    families
}

fn policy(field: &str, number: i32, violations: &mut Violations) -> Option<TrafficPolicy> {
    match enumeration(field, number, violations)? {
        v1::TrafficPolicy::Unspecified => None,
        v1::TrafficPolicy::Cluster => Some(TrafficPolicy::Cluster),
        v1::TrafficPolicy::Local => Some(TrafficPolicy::Local),
    }
}

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

fn spec_to_wire(spec: &ServiceSpec) -> v1::ServiceSpec {
    let is_alias = spec.kind == ServiceType::ExternalName;
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
    let family_policy = if is_alias {
        v1::IpFamilyPolicy::Unspecified
    } else {
        v1::IpFamilyPolicy::SingleStack
    };
    v1::ServiceSpec {
        r#type: kind.into(),
        selector: spec.selector.clone(),
        ports: spec.ports.iter().map(port_to_wire).collect(),
        cluster_ips,
        ip_families: spec.families.iter().copied().map(family_out).collect(),
        ip_family_policy: family_policy.into(),
        session_affinity: v1::SessionAffinity::None.into(),
        external_traffic_policy: policy_out(spec.external_traffic_policy),
        internal_traffic_policy: policy_out(spec.internal_traffic_policy),
        external_name: spec.external_name.clone().unwrap_or_default(),
        publish_not_ready_addresses: spec.publish_not_ready_addresses,
        ..v1::ServiceSpec::default()
    }
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
