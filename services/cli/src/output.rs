//! What commands print: tables as kubectl prints them, documents that can be applied again.

pub(crate) mod age;
pub(crate) mod audit;
mod clusters;
mod conditions;
mod describe;
mod endpoints;
pub(crate) mod events;
pub(crate) mod explain;
mod namespaces;
mod nodes;
mod services;
pub(crate) mod table;
mod workloads;
pub(crate) mod yaml;

pub(crate) use describe::{
    cluster as describe_cluster, namespace as describe_namespace, node as describe_node,
    service as describe_service, service_cidr as describe_service_cidr,
    workload as describe_workload,
};

use std::collections::BTreeMap;

use portolan_proto::v1;
use prost_types::Timestamp;

use crate::kind::Kind;
use crate::object::Object;
use yaml::{Document, Fields};

/// The columns of a kind. `wide` has more of them.
pub(crate) fn header(kind: Kind, wide: bool) -> Vec<&'static str> {
    let (columns, more) = match kind {
        Kind::Service => services::COLUMNS,
        Kind::Namespace => namespaces::COLUMNS,
        Kind::Workload => workloads::COLUMNS,
        Kind::Endpoint => endpoints::COLUMNS,
        Kind::Node => nodes::COLUMNS,
        Kind::ServiceCidr => clusters::RANGE_COLUMNS,
        Kind::Cluster => clusters::COLUMNS,
    };
    let more = if wide { more } else { &[] };
    columns.iter().chain(more).copied().collect()
}

/// The cells of a resource, as many as its kind has columns.
pub(crate) fn row(object: &Object, wide: bool, now: Timestamp) -> Vec<String> {
    let age = age::age(object.created(), now);
    let mut row = match object {
        Object::Service(service) => services::row(service, wide, age),
        Object::Namespace(namespace) => namespaces::row(namespace, age),
        Object::Workload(workload) => workloads::row(workload, age),
        Object::Endpoint(endpoint) => endpoints::row(endpoint),
        Object::Node(node) => nodes::row(node, age),
        Object::ServiceCidr(range) => clusters::range_row(range, age),
        Object::Cluster(cluster) => clusters::row(cluster, age),
    };
    row.truncate(header(object.kind(), wide).len());
    row
}

/// The resource as a document.
pub(crate) fn document(object: &Object) -> Document {
    match object {
        Object::Service(service) => services::document(service),
        Object::Namespace(namespace) => namespaces::document(namespace),
        Object::Workload(workload) => workloads::document(workload),
        Object::Endpoint(endpoint) => endpoints::document(endpoint),
        Object::Node(node) => nodes::document(node),
        Object::ServiceCidr(range) => clusters::range_document(range),
        Object::Cluster(cluster) => clusters::document(cluster),
    }
}

/// The resources as documents; of endpoints that were written by hand, one a source, since that is what is applied.
pub(crate) fn documents(objects: &[&Object]) -> Vec<Document> {
    let mut documents = Vec::new();
    let mut sources: Vec<(&str, &str, &str, Vec<&v1::Endpoint>)> = Vec::new();
    for object in objects {
        let Object::Endpoint(endpoint) = object else {
            documents.push(document(object));
            continue;
        };
        let Some(source) = endpoints::source(endpoint) else {
            documents.push(document(object));
            continue;
        };
        let service = endpoint.spec.as_ref().map_or("", |spec| &spec.service);
        let namespace = crate::object::namespace(&endpoint.name);
        let known = sources.iter_mut().find(|(path, of, by, _)| {
            crate::object::namespace(path) == namespace && *of == service && *by == source
        });
        match known {
            Some((.., list)) => list.push(endpoint),
            None => sources.push((&endpoint.name, service, source, vec![endpoint])),
        }
    }
    let written = sources
        .into_iter()
        .map(|(path, service, source, list)| endpoints::written(path, service, source, &list));
    documents.extend(written);
    documents
}

/// The document without what only a server says: what one edits and compares.
pub(crate) fn manifest(mut document: Document) -> Document {
    const SERVER_SET: &[&str] = &["uid", "resourceVersion", "creationTimestamp", "generation"];
    if let Document::Map(fields) = &mut document {
        fields.retain(|(key, _)| key != "status");
        let metadata = fields.iter_mut().find(|(key, _)| key == "metadata");
        if let Some((_, Document::Map(metadata))) = metadata {
            metadata.retain(|(key, _)| !SERVER_SET.contains(&key.as_str()));
        }
    }
    document
}

/// Several resources in one document.
pub(crate) fn list(items: Vec<Document>) -> Document {
    Fields::new()
        .field("apiVersion", "v1")
        .field("kind", "List")
        .always("items", items)
        .end()
}

/// `metadata`, in Kubernetes' spelling, from the fields that every resource has.
macro_rules! metadata {
    ($resource:expr) => {
        crate::output::yaml::Fields::new()
            .field("name", crate::object::last(&$resource.name))
            .field("uid", $resource.uid.as_str())
            .field(
                "resourceVersion",
                crate::output::revision($resource.revision),
            )
            .optional(
                "creationTimestamp",
                $resource
                    .create_time
                    .as_ref()
                    .map(crate::output::age::rfc3339),
            )
    };
}
use metadata;

/// Kubernetes' resourceVersion is a string.
fn revision(revision: u64) -> String {
    match revision {
        0 => String::new(),
        revision => revision.to_string(),
    }
}

/// `app=web,tier=api`.
fn pairs(map: &BTreeMap<String, String>) -> String {
    let pairs: Vec<_> = map
        .iter()
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    pairs.join(",")
}

#[cfg(test)]
mod tests;
