//! Service: kubectl's columns, and Kubernetes' own YAML.

pub(crate) mod describe;
mod spec;

use portolan_proto::v1;
use v1::ServiceType;

use crate::object::{self, Pairs};
use crate::output::conditions;
use crate::output::table::or_none;
use crate::output::yaml::{Document, Fields};
use crate::show::{Columns, Show, Surroundings};
use crate::words;

/// As kubectl: beyond this the addresses of a load balancer are cut, unless the table is wide.
const EXTERNAL_WIDTH: usize = 16;

impl Show for v1::Service {
    const COLUMNS: Columns = Columns("NAME TYPE CLUSTER-IP EXTERNAL-IP PORT(S) AGE", "SELECTOR");

    fn row(&self, wide: bool, age: String) -> Vec<String> {
        let spec = self.spec.clone().unwrap_or_default();
        let ports: Vec<_> = spec.ports.iter().map(port_cell).collect();
        vec![
            object::last(&self.name).to_owned(),
            kind(&spec).to_owned(),
            or_none(spec.cluster_ips.first().cloned().unwrap_or_default()),
            external(self, &spec, wide),
            or_none(ports.join(",")),
            age,
            or_none(pairs(&spec.selector)),
        ]
    }

    fn status(&self) -> Option<Document> {
        let status = self.status.as_ref()?;
        let entry = |entry: &v1::LoadBalancerIngress| {
            Fields::new()
                .field("ip", entry.ip.as_str())
                .field("hostname", entry.hostname.as_str())
                .end()
        };
        let ingress = status.load_balancer.iter().flat_map(|b| &b.ingress);
        let ingress: Vec<_> = ingress.map(entry).collect();
        let status = Fields::new()
            .always(
                "loadBalancer",
                Fields::new().field("ingress", ingress).end(),
            )
            .field("conditions", conditions::documents(&status.conditions))
            .always("endpoints", status.endpoints)
            .always("readyEndpoints", status.ready_endpoints)
            .always("nodes", status.nodes)
            .always("programmedNodes", status.programmed_nodes);
        Some(status.end())
    }

    fn describe(&self, around: &Surroundings) -> String {
        describe::service(self, &around.endpoints, &around.events, around.now)
    }
}

/// `app=web,tier=api`.
pub(crate) fn pairs(map: &Pairs) -> String {
    let pairs: Vec<_> = map
        .iter()
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    pairs.join(",")
}

/// The type's word; what is not said means `ClusterIP`.
pub(crate) fn kind(spec: &v1::ServiceSpec) -> &'static str {
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
pub(crate) fn ingress(service: &v1::Service) -> Vec<String> {
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

fn port_cell(port: &v1::ServicePort) -> String {
    let protocol = words::protocol(port.protocol);
    match port.node_port {
        0 => format!("{}/{protocol}", port.port),
        node_port => format!("{}:{node_port}/{protocol}", port.port),
    }
}
