//! Services: kubectl's columns, and Kubernetes' own YAML.

use portolan_proto::v1;
use v1::ServiceType;
use v1::service_port::Target;

use super::table::or_none;
use super::yaml::{Document, Fields};
use super::{conditions, metadata, pairs};
use crate::{object, words};

pub(super) const COLUMNS: (&[&str], &[&str]) = (
    &[
        "NAME",
        "TYPE",
        "CLUSTER-IP",
        "EXTERNAL-IP",
        "PORT(S)",
        "AGE",
    ],
    &["SELECTOR"],
);

/// As kubectl: beyond this the addresses of a load balancer are cut, unless the table is wide.
const EXTERNAL_WIDTH: usize = 16;

pub(super) fn row(service: &v1::Service, wide: bool, age: String) -> Vec<String> {
    let spec = service.spec.clone().unwrap_or_default();
    vec![
        object::last(&service.name).to_owned(),
        kind(&spec).to_owned(),
        or_none(spec.cluster_ips.first().cloned().unwrap_or_default()),
        external(service, &spec, wide),
        or_none(
            spec.ports
                .iter()
                .map(port_cell)
                .collect::<Vec<_>>()
                .join(","),
        ),
        age,
        or_none(pairs(&spec.selector)),
    ]
}

/// The type's word; what is not said means `ClusterIP`.
pub(super) fn kind(spec: &v1::ServiceSpec) -> &'static str {
    match words::spell(words::SERVICE_TYPES, spec.r#type) {
        "" => "ClusterIP",
        word => word,
    }
}

fn external(service: &v1::Service, spec: &v1::ServiceSpec, wide: bool) -> String {
    match spec.r#type() {
        ServiceType::ExternalName => or_none(spec.external_name.as_str()),
        ServiceType::LoadBalancer => {
            let text = ingress(service).join(",");
            match text.char_indices().nth(EXTERNAL_WIDTH) {
                None if text.is_empty() => "<pending>".to_owned(),
                Some(_) if !wide => {
                    text.chars().take(EXTERNAL_WIDTH - 3).collect::<String>() + "..."
                }
                _ => text,
            }
        }
        _ => or_none(""),
    }
}

/// Addresses and names of the load balancer, sorted, each once.
pub(super) fn ingress(service: &v1::Service) -> Vec<String> {
    let status = service
        .status
        .as_ref()
        .and_then(|status| status.load_balancer.as_ref());
    let entries = status
        .map(|status| status.ingress.as_slice())
        .unwrap_or_default();
    let mut texts: Vec<_> = entries
        .iter()
        .map(|entry| {
            if entry.ip.is_empty() {
                &entry.hostname
            } else {
                &entry.ip
            }
        })
        .cloned()
        .collect();
    texts.sort();
    texts.dedup();
    texts
}

/// TCP, unless said otherwise.
pub(super) fn protocol(protocol: i32) -> &'static str {
    match words::spell(words::PROTOCOLS, protocol) {
        "" => "TCP",
        word => word,
    }
}

fn port_cell(port: &v1::ServicePort) -> String {
    let protocol = protocol(port.protocol);
    match port.node_port {
        0 => format!("{}/{protocol}", port.port),
        node_port => format!("{}:{node_port}/{protocol}", port.port),
    }
}

/// Kubernetes' YAML; applied again it changes nothing.
pub(super) fn document(service: &v1::Service) -> Document {
    let metadata = metadata!(service)
        .field("namespace", object::namespace(&service.name))
        .field("generation", service.generation)
        .field("labels", &service.labels)
        .field("annotations", &service.annotations);
    Fields::new()
        .field("apiVersion", "v1")
        .field("kind", "Service")
        .field("metadata", metadata.end())
        .optional("spec", service.spec.as_ref().map(spec))
        .optional("status", service.status.as_ref().map(status))
        .end()
}

fn spec(spec: &v1::ServiceSpec) -> Document {
    let families = spec
        .ip_families
        .iter()
        .map(|f| words::spell(words::FAMILIES, *f));
    let (one, many) = match spec.requested_load_balancer_ips.as_slice() {
        [one] => (one.as_str(), Vec::new()),
        many => ("", many.to_vec()),
    };
    Fields::new()
        .field("type", words::spell(words::SERVICE_TYPES, spec.r#type))
        .field("selector", &spec.selector)
        .field(
            "clusterIP",
            spec.cluster_ips.first().cloned().unwrap_or_default(),
        )
        .field("clusterIPs", spec.cluster_ips.clone())
        .field("ipFamilies", families.collect::<Vec<_>>())
        .field(
            "ipFamilyPolicy",
            words::spell(words::FAMILY_POLICIES, spec.ip_family_policy),
        )
        .field("ports", spec.ports.iter().map(port).collect::<Vec<_>>())
        .field("externalName", spec.external_name.as_str())
        .field(
            "externalTrafficPolicy",
            words::spell(words::POLICIES, spec.external_traffic_policy),
        )
        .field(
            "internalTrafficPolicy",
            words::spell(words::POLICIES, spec.internal_traffic_policy),
        )
        .field(
            "trafficDistribution",
            words::spell(words::DISTRIBUTIONS, spec.traffic_distribution),
        )
        .field(
            "sessionAffinity",
            words::spell(words::AFFINITIES, spec.session_affinity),
        )
        .optional(
            "sessionAffinityConfig",
            spec.session_affinity_config.map(affinity),
        )
        .field("publishNotReadyAddresses", spec.publish_not_ready_addresses)
        .field("healthCheckNodePort", spec.health_check_node_port)
        .optional(
            "allocateLoadBalancerNodePorts",
            spec.allocate_load_balancer_node_ports,
        )
        .optional("loadBalancerClass", spec.load_balancer_class.clone())
        .field("loadBalancerIP", one)
        .field("requestedLoadBalancerIPs", many)
        .field(
            "loadBalancerSourceRanges",
            spec.load_balancer_source_ranges.clone(),
        )
        .end()
}

fn affinity(config: v1::SessionAffinityConfig) -> Document {
    let client_ip = Fields::new().optional("timeoutSeconds", config.client_ip_timeout_seconds);
    Fields::new().always("clientIP", client_ip.end()).end()
}

fn port(port: &v1::ServicePort) -> Document {
    Fields::new()
        .field("name", port.name.as_str())
        .optional("appProtocol", port.app_protocol.clone())
        .field("protocol", words::spell(words::PROTOCOLS, port.protocol))
        .always("port", port.port)
        .optional(
            "targetPort",
            port.target.as_ref().map(|target| match target {
                Target::TargetPort(number) => Document::from(*number),
                Target::TargetPortName(name) => Document::from(name.as_str()),
            }),
        )
        .field("nodePort", port.node_port)
        .end()
}

fn status(status: &v1::ServiceStatus) -> Document {
    let ingress = status.load_balancer.as_ref().map(|balancer| {
        let entry = |entry: &v1::LoadBalancerIngress| {
            Fields::new()
                .field("ip", entry.ip.as_str())
                .field("hostname", entry.hostname.as_str())
                .end()
        };
        let entries: Vec<_> = balancer.ingress.iter().map(entry).collect();
        Fields::new().field("ingress", entries).end()
    });
    Fields::new()
        .always(
            "loadBalancer",
            ingress.unwrap_or_else(|| Fields::new().end()),
        )
        .field("conditions", conditions::documents(&status.conditions))
        .always("endpoints", status.endpoints)
        .always("readyEndpoints", status.ready_endpoints)
        .always("nodes", status.nodes)
        .always("programmedNodes", status.programmed_nodes)
        .end()
}
