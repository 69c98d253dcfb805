//! Namespaces.

use portolan_proto::v1;

use super::metadata;
use super::yaml::{Document, Fields};
use crate::object;

pub(super) const COLUMNS: (&[&str], &[&str]) = (&["NAME", "STATUS", "AGE"], &[]);

pub(super) fn row(namespace: &v1::Namespace, age: String) -> Vec<String> {
    vec![
        object::last(&namespace.name).to_owned(),
        state(namespace).to_owned(),
        age,
    ]
}

pub(super) fn state(namespace: &v1::Namespace) -> &'static str {
    match namespace.delete_time {
        Some(_) => "Terminating",
        None => "Active",
    }
}

/// Applied again it changes nothing.
pub(super) fn document(namespace: &v1::Namespace) -> Document {
    let metadata = metadata!(namespace)
        .field("generation", namespace.generation)
        .field("labels", &namespace.labels)
        .field("annotations", &namespace.annotations);
    Fields::new()
        .field("apiVersion", "portolan/v1")
        .field("kind", "Namespace")
        .field("metadata", metadata.end())
        .field("spec", spec(&namespace.spec.clone().unwrap_or_default()))
        .optional("status", namespace.status.as_ref().map(status))
        .end()
}

fn spec(spec: &v1::NamespaceSpec) -> Document {
    let quota = spec.quota.unwrap_or_default();
    let quota = Fields::new()
        .optional("services", quota.services)
        .optional("nodePorts", quota.node_ports)
        .optional("loadBalancers", quota.load_balancers)
        .optional("endpoints", quota.endpoints);
    Fields::new()
        .field("quota", quota.end())
        .field("endpointRanges", spec.endpoint_ranges.clone())
        .end()
}

fn status(status: &v1::NamespaceStatus) -> Document {
    let usage = status.usage.unwrap_or_default();
    let usage = Fields::new()
        .always("services", usage.services)
        .always("nodePorts", usage.node_ports)
        .always("loadBalancers", usage.load_balancers)
        .always("endpoints", usage.endpoints);
    Fields::new().always("usage", usage.end()).end()
}
