//! Services, inwards and outwards: a field of the specification is read in [`spec`] or below it, and written in
//! [`spec_to_wire`]; one that nodes are told of is written in `view`, and read in `from_view`.

mod port;
mod words;

use ipnet::IpNet;
use portolan_model::view::ServiceView;
use portolan_model::{FieldPath, Name, Resource, Service, ServiceSpec, Violations, canonical_cidr};

use super::fields::{addresses, family_out, optional, port};
use super::meta::{generation, timestamp};
use super::view::frontend::{from_frontend, frontend};
use super::view::values::ViewError;
use crate::node::v1 as wire;
use crate::v1;
use port::{port_to_wire, service_port};
pub(super) use words::families;
use words::{
    affinity, affinity_out, affinity_timeout, affinity_timeout_out, cluster_ips, cluster_ips_out,
    distribution, distribution_out, family_policy, family_policy_out, kind, kind_out, policy,
    policy_out,
};

/// A specification from its wire form. `field` is its path in the request.
pub fn spec(
    field: impl FieldPath,
    m: &v1::ServiceSpec,
    violations: &mut Violations,
) -> ServiceSpec {
    macro_rules! path {
        ($name:ident) => {
            format_args!("{field}.{}", stringify!($name))
        };
    }
    // Reads a field at its own path.
    macro_rules! read {
        ($reader:ident(&$name:ident)) => {
            $reader(path!($name), &m.$name, violations)
        };
        ($reader:ident($name:ident)) => {
            $reader(path!($name), m.$name, violations)
        };
    }
    let ports = m.ports.iter().enumerate();
    ServiceSpec {
        kind: kind(format_args!("{field}.type"), m.r#type, violations),
        selector: m.selector.clone().into(),
        ports: ports
            .map(|(i, port)| service_port(format_args!("{field}.ports[{i}]"), port, violations))
            .collect(),
        cluster_ips: read!(cluster_ips(&cluster_ips)),
        families: read!(families(&ip_families)),
        external_traffic_policy: read!(policy(external_traffic_policy)),
        internal_traffic_policy: read!(policy(internal_traffic_policy)),
        external_name: optional(&m.external_name),
        publish_not_ready_addresses: m.publish_not_ready_addresses,
        family_policy: read!(family_policy(ip_family_policy)),
        session_affinity: read!(affinity(session_affinity)),
        affinity_timeout: affinity_timeout(field, m, violations),
        traffic_distribution: read!(distribution(traffic_distribution)),
        health_check_node_port: read!(health_check_port(health_check_node_port)),
        allocate_node_ports: m.allocate_load_balancer_node_ports,
        load_balancer_class: m.load_balancer_class.clone(),
        source_ranges: read!(source_ranges(&load_balancer_source_ranges)),
        requested_load_balancer_ips: read!(addresses(&requested_load_balancer_ips)),
    }
}

/// 0 stands for "to be allocated".
fn health_check_port(
    field: impl FieldPath,
    number: i32,
    violations: &mut Violations,
) -> Option<u16> {
    let number = Some(number).filter(|number| *number != 0)?;
    Some(port(field, number, violations)).filter(|port| *port != 0)
}

/// Ranges with blanks around them are common in manifests, and harmless. What only breaks a rule is kept, as in
/// [`super::fields::cidrs`].
fn source_ranges(
    field: impl FieldPath,
    texts: &[String],
    violations: &mut Violations,
) -> Vec<IpNet> {
    let texts = texts.iter().enumerate();
    let parse = |(i, text): (usize, &String)| {
        let strict = violations.check(format_args!("{field}[{i}]"), canonical_cidr(text.trim()));
        strict.or_else(|| text.trim().parse().ok())
    };
    texts.filter_map(parse).collect()
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
        etag: service.etag(),
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
    v1::ServiceSpec {
        r#type: kind_out(spec.kind).into(),
        selector: spec.selector.to_labels(),
        ports: spec.ports.iter().map(port_to_wire).collect(),
        cluster_ips: cluster_ips_out(&spec.cluster_ips),
        ip_families: spec.families.iter().copied().map(family_out).collect(),
        ip_family_policy: family_policy_out(spec).into(),
        session_affinity: affinity_out(spec.session_affinity).into(),
        session_affinity_config: affinity_timeout_out(spec.affinity_timeout),
        external_traffic_policy: policy_out(spec.external_traffic_policy).into(),
        internal_traffic_policy: policy_out(spec.internal_traffic_policy).into(),
        external_name: spec.external_name.clone().unwrap_or_default(),
        publish_not_ready_addresses: spec.publish_not_ready_addresses,
        traffic_distribution: distribution_out(spec.traffic_distribution).into(),
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

/// A Service as nodes are told of it.
pub(super) fn view(v: &ServiceView) -> wire::Service {
    wire::Service {
        namespace: v.namespace.to_string(),
        name: v.name.to_string(),
        frontends: v.frontends.iter().map(frontend).collect(),
        external_name: v.external_name.clone(),
        headless: v.headless,
    }
}

/// What nodes are told of a Service.
pub(super) fn from_view(m: wire::Service) -> Result<ServiceView, ViewError> {
    Ok(ServiceView {
        namespace: Name::trusted(m.namespace),
        name: Name::trusted(m.name),
        frontends: m
            .frontends
            .into_iter()
            .map(from_frontend)
            .collect::<Result<_, _>>()?,
        external_name: m.external_name,
        headless: m.headless,
    })
}
