//! Kubernetes' Service, every field of its specification.

use portolan_proto::v1;

use super::document::Answer;
use super::metadata::Metadata;
use super::read::{Fields, Place};
use super::{Item, Scope};
use crate::words;

pub(super) fn read(fields: &Fields<'_>, scope: &Scope) -> Answer {
    let metadata = Metadata::read(fields, scope);
    let spec = fields.fields("spec").map(|fields| spec(&fields));
    fields.refuse_unknown(&["status"]);
    let namespace = scope.namespace_path(&metadata.namespace);
    Item::Service(v1::Service {
        name: format!("{namespace}/services/{}", metadata.name),
        labels: metadata.labels,
        annotations: metadata.annotations,
        spec: Some(spec.unwrap_or_default()),
        ..v1::Service::default()
    })
    .into()
}

fn spec(fields: &Fields<'_>) -> v1::ServiceSpec {
    refuse_external_ips(fields);
    let spec = v1::ServiceSpec {
        r#type: word(fields, "type", words::SERVICE_TYPES),
        selector: fields.text_map("selector"),
        ports: fields.list("ports").iter().filter_map(port).collect(),
        cluster_ips: cluster_ips(fields),
        ip_families: families(fields),
        ip_family_policy: word(fields, "ipFamilyPolicy", words::FAMILY_POLICIES),
        session_affinity: word(fields, "sessionAffinity", words::AFFINITIES),
        session_affinity_config: affinity_config(fields),
        external_traffic_policy: word(fields, "externalTrafficPolicy", words::POLICIES),
        internal_traffic_policy: word(fields, "internalTrafficPolicy", words::POLICIES),
        traffic_distribution: word(fields, "trafficDistribution", words::DISTRIBUTIONS),
        external_name: fields.text("externalName"),
        publish_not_ready_addresses: fields
            .boolean("publishNotReadyAddresses")
            .unwrap_or_default(),
        health_check_node_port: fields.integer("healthCheckNodePort"),
        allocate_load_balancer_node_ports: fields.boolean("allocateLoadBalancerNodePorts"),
        load_balancer_class: fields
            .get("loadBalancerClass")
            .and_then(|place| place.text()),
        load_balancer_source_ranges: fields.texts("loadBalancerSourceRanges"),
        requested_load_balancer_ips: load_balancer_ips(fields),
    };
    fields.refuse_unknown(&[]);
    spec
}

/// An enumeration's number; 0 (not said) if the field is absent, or empty as Kubernetes writes it at times.
pub(super) fn word<T: Copy + Into<i32>>(
    fields: &Fields<'_>,
    key: &str,
    words: &[(&str, T)],
) -> i32 {
    fields
        .get(key)
        .filter(|place| place.node.value != super::tree::Value::Text(String::new()))
        .and_then(|place| place.word(words))
        .map_or(0, Into::into)
}

fn refuse_external_ips(fields: &Fields<'_>) {
    if let Some(place) = fields.get("externalIPs")
        && !place.list().is_empty()
    {
        place.refuse(
            "not supported: with it any tenant could take over any address (CVE-2020-8554); leave it out, and use type NodePort or LoadBalancer",
        );
    }
}

fn port(place: &Place<'_>) -> Option<v1::ServicePort> {
    let fields = place.fields()?;
    let port = v1::ServicePort {
        name: fields.text("name"),
        port: fields.integer("port"),
        protocol: word(&fields, "protocol", words::PROTOCOLS),
        target: fields.get("targetPort").as_ref().and_then(target),
        app_protocol: fields.get("appProtocol").and_then(|place| place.text()),
        node_port: fields.integer("nodePort"),
    };
    fields.refuse_unknown(&[]);
    Some(port)
}

/// 0 and the empty string both mean: the same as `port`.
fn target(place: &Place<'_>) -> Option<v1::service_port::Target> {
    use v1::service_port::Target;
    Some(match port_or_name(place)? {
        PortOrName::Port(number) => Target::TargetPort(number),
        PortOrName::Name(name) => Target::TargetPortName(name),
    })
}

/// Kubernetes' `IntOrString`, where it means a port.
pub(super) enum PortOrName {
    Port(i32),
    Name(String),
}

/// A number, a number in quotes (people write it), or a name. `None` for 0 and for the empty string.
pub(super) fn port_or_name(place: &Place<'_>) -> Option<PortOrName> {
    use super::tree::Value;
    let port = match &place.node.value {
        Value::Integer(_) => PortOrName::Port(place.integer()?),
        Value::Text(text) => match text.parse::<u16>() {
            Ok(number) => PortOrName::Port(number.into()),
            Err(_) if text.is_empty() => return None,
            Err(_) => PortOrName::Name(text.clone()),
        },
        _ => {
            place.refuse(format!(
                "expected a port or its name, found {}",
                place.node.noun()
            ));
            return None;
        }
    };
    (!matches!(port, PortOrName::Port(0))).then_some(port)
}

/// Either of `clusterIP` and `clusterIPs` will do; together the first of the list is the single one.
fn cluster_ips(fields: &Fields<'_>) -> Vec<String> {
    let single = fields.get("clusterIP");
    let (ip, ips) = (fields.text("clusterIP"), fields.texts("clusterIPs"));
    match (ip.as_str(), ips.first()) {
        ("", _) => ips,
        (_, None) => vec![ip],
        (ip, Some(first)) => {
            if let Some(place) = single.filter(|_| ip != first) {
                place.refuse(format!(
                    "{ip} differs from clusterIPs[0], which is {first}: leave one of them out"
                ));
            }
            ips
        }
    }
}

pub(super) fn families(fields: &Fields<'_>) -> Vec<i32> {
    let family = |place: &Place<'_>| place.word(words::FAMILIES).map(Into::into);
    fields
        .list("ipFamilies")
        .iter()
        .filter_map(family)
        .collect()
}

fn affinity_config(fields: &Fields<'_>) -> Option<v1::SessionAffinityConfig> {
    let config = fields.fields("sessionAffinityConfig")?;
    let client_ip = config.fields("clientIP");
    let timeout = client_ip.as_ref().and_then(|client_ip| {
        let timeout = client_ip.get("timeoutSeconds")?.integer();
        client_ip.refuse_unknown(&[]);
        timeout
    });
    config.refuse_unknown(&[]);
    Some(v1::SessionAffinityConfig {
        client_ip_timeout_seconds: timeout,
    })
}

/// Kubernetes has the single `loadBalancerIP`; the list is ours, one address a family.
fn load_balancer_ips(fields: &Fields<'_>) -> Vec<String> {
    let mut addresses = fields.texts("requestedLoadBalancerIPs");
    let single = fields.text("loadBalancerIP");
    if !single.is_empty() && !addresses.contains(&single) {
        addresses.insert(0, single);
    }
    addresses
}
