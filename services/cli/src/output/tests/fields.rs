//! Every field of a Service's specification, one by one: from YAML, and back to it.

use std::collections::BTreeSet;

use portolan_proto::{FILE_DESCRIPTOR_SET, v1};
use prost_types::{DescriptorProto, FileDescriptorSet};
use v1::service_port::Target;

use super::service;
use crate::object::Object;
use crate::output::document;

/// The field of the API, how a manifest says it, and how it is shown; the same where that is empty.
type Row = (&'static str, &'static str, &'static str, v1::ServiceSpec);

fn spec() -> v1::ServiceSpec {
    v1::ServiceSpec::default()
}

fn ports(port: v1::ServicePort) -> v1::ServiceSpec {
    v1::ServiceSpec {
        ports: vec![port],
        ..spec()
    }
}

fn port() -> v1::ServicePort {
    v1::ServicePort {
        port: 80,
        ..v1::ServicePort::default()
    }
}

fn text(text: &str) -> String {
    text.to_owned()
}

#[rustfmt::skip]
fn rows() -> Vec<Row> {
    use v1::{IpFamily, IpFamilyPolicy, ServiceType, SessionAffinity, TrafficDistribution, TrafficPolicy};
    let affinity = |client_ip_timeout_seconds| Some(v1::SessionAffinityConfig { client_ip_timeout_seconds });
    vec![
        ("type", "type: LoadBalancer", "", v1::ServiceSpec { r#type: ServiceType::LoadBalancer.into(), ..spec() }),
        ("selector", "selector: {app: web}", "selector:\n    app: web", v1::ServiceSpec { selector: [(text("app"), text("web"))].into(), ..spec() }),
        ("ports", "ports: [{port: 80}]", "ports:\n  - port: 80", ports(port())),
        ("cluster_ips", "clusterIP: 10.96.0.1", "clusterIP: 10.96.0.1\n  clusterIPs:\n  - 10.96.0.1", v1::ServiceSpec { cluster_ips: vec![text("10.96.0.1")], ..spec() }),
        ("cluster_ips", "clusterIPs: [10.96.0.1, 'fd00::1']", "clusterIP: 10.96.0.1\n  clusterIPs:\n  - 10.96.0.1\n  - \"fd00::1\"", v1::ServiceSpec { cluster_ips: vec![text("10.96.0.1"), text("fd00::1")], ..spec() }),
        ("cluster_ips", "clusterIP: None", "clusterIP: None\n  clusterIPs:\n  - None", v1::ServiceSpec { cluster_ips: vec![text("None")], ..spec() }),
        ("ip_families", "ipFamilies: [IPv6, IPv4]", "ipFamilies:\n  - IPv6\n  - IPv4", v1::ServiceSpec { ip_families: vec![IpFamily::Ipv6.into(), IpFamily::Ipv4.into()], ..spec() }),
        ("ip_family_policy", "ipFamilyPolicy: PreferDualStack", "", v1::ServiceSpec { ip_family_policy: IpFamilyPolicy::PreferDualStack.into(), ..spec() }),
        ("session_affinity", "sessionAffinity: ClientIP", "", v1::ServiceSpec { session_affinity: SessionAffinity::ClientIp.into(), ..spec() }),
        ("session_affinity_config", "sessionAffinityConfig: {clientIP: {timeoutSeconds: 60}}", "sessionAffinityConfig:\n    clientIP:\n      timeoutSeconds: 60", v1::ServiceSpec { session_affinity_config: affinity(Some(60)), ..spec() }),
        ("external_traffic_policy", "externalTrafficPolicy: Local", "", v1::ServiceSpec { external_traffic_policy: TrafficPolicy::Local.into(), ..spec() }),
        ("internal_traffic_policy", "internalTrafficPolicy: Cluster", "", v1::ServiceSpec { internal_traffic_policy: TrafficPolicy::Cluster.into(), ..spec() }),
        ("traffic_distribution", "trafficDistribution: PreferSameNode", "", v1::ServiceSpec { traffic_distribution: TrafficDistribution::PreferSameNode.into(), ..spec() }),
        ("traffic_distribution", "trafficDistribution: PreferClose", "trafficDistribution: PreferSameZone", v1::ServiceSpec { traffic_distribution: TrafficDistribution::PreferSameZone.into(), ..spec() }),
        ("external_name", "externalName: db.example.com", "", v1::ServiceSpec { external_name: text("db.example.com"), ..spec() }),
        ("publish_not_ready_addresses", "publishNotReadyAddresses: true", "", v1::ServiceSpec { publish_not_ready_addresses: true, ..spec() }),
        ("health_check_node_port", "healthCheckNodePort: 30100", "", v1::ServiceSpec { health_check_node_port: 30100, ..spec() }),
        ("allocate_load_balancer_node_ports", "allocateLoadBalancerNodePorts: false", "", v1::ServiceSpec { allocate_load_balancer_node_ports: Some(false), ..spec() }),
        ("load_balancer_class", "loadBalancerClass: example.com/lb", "", v1::ServiceSpec { load_balancer_class: Some(text("example.com/lb")), ..spec() }),
        ("load_balancer_source_ranges", "loadBalancerSourceRanges: [10.0.0.0/8]", "loadBalancerSourceRanges:\n  - 10.0.0.0/8", v1::ServiceSpec { load_balancer_source_ranges: vec![text("10.0.0.0/8")], ..spec() }),
        ("requested_load_balancer_ips", "loadBalancerIP: 203.0.113.1", "", v1::ServiceSpec { requested_load_balancer_ips: vec![text("203.0.113.1")], ..spec() }),
        ("requested_load_balancer_ips", "requestedLoadBalancerIPs: [203.0.113.1, 203.0.113.2]", "requestedLoadBalancerIPs:\n  - 203.0.113.1\n  - 203.0.113.2", v1::ServiceSpec { requested_load_balancer_ips: vec![text("203.0.113.1"), text("203.0.113.2")], ..spec() }),
        ("ports.name", "ports: [{name: http, port: 80}]", "- name: http\n    port: 80", ports(v1::ServicePort { name: text("http"), ..port() })),
        ("ports.port", "ports: [{port: 65535}]", "- port: 65535", ports(v1::ServicePort { port: 65535, ..port() })),
        ("ports.protocol", "ports: [{port: 80, protocol: SCTP}]", "- protocol: SCTP\n    port: 80", ports(v1::ServicePort { protocol: v1::Protocol::Sctp.into(), ..port() })),
        ("ports.target_port", "ports: [{port: 80, targetPort: '8080'}]", "targetPort: 8080", ports(v1::ServicePort { target: Some(Target::TargetPort(8080)), ..port() })),
        ("ports.target_port_name", "ports: [{port: 80, targetPort: web}]", "targetPort: web", ports(v1::ServicePort { target: Some(Target::TargetPortName(text("web"))), ..port() })),
        ("ports.app_protocol", "ports: [{port: 80, appProtocol: kubernetes.io/h2c}]", "appProtocol: kubernetes.io/h2c", ports(v1::ServicePort { app_protocol: Some(text("kubernetes.io/h2c")), ..port() })),
        ("ports.node_port", "ports: [{port: 80, nodePort: 30080}]", "nodePort: 30080", ports(v1::ServicePort { node_port: 30080, ..port() })),
    ]
}

#[test]
fn each_field_is_read_from_yaml_and_written_to_it() {
    for (field, said, shown, expected) in rows() {
        let object = service("web", said);
        let Object::Service(read) = &object else {
            unreachable!()
        };
        assert_eq!(read.spec.as_ref(), Some(&expected), "{field}: {said}");
        let yaml = document(&object).to_yaml();
        let shown = if shown.is_empty() { said } else { shown };
        assert!(yaml.contains(shown), "{field}: no {shown:?} in {yaml}");
    }
}

#[test]
fn no_field_of_the_api_is_left_out() {
    let files: FileDescriptorSet = prost::Message::decode(FILE_DESCRIPTOR_SET).unwrap();
    let messages: Vec<DescriptorProto> = files
        .file
        .into_iter()
        .flat_map(|f| f.message_type)
        .collect();
    let fields = |message: &str, prefix: &str| -> Vec<String> {
        let found = messages.iter().find(|m| m.name() == message).unwrap();
        found
            .field
            .iter()
            .map(|f| format!("{prefix}{}", f.name()))
            .collect()
    };
    let all: BTreeSet<_> = [fields("ServiceSpec", ""), fields("ServicePort", "ports.")]
        .concat()
        .into_iter()
        .collect();
    let tested: BTreeSet<_> = rows()
        .iter()
        .map(|(field, ..)| (*field).to_owned())
        .collect();
    assert_eq!(tested, all);
}
