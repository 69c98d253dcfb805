//! Namespaces.

use portolan_proto::v1;

use super::metadata;
use super::yaml::{Document, Fields};
use crate::object;

pub(super) const COLUMNS: (&[&str], &[&str]) = (&["NAME", "STATUS", "AGE"], &[]);

pub(super) fn row(namespace: &v1::Namespace, age: String) -> Vec<String> {
    let status = match namespace.delete_time {
        Some(_) => "Terminating",
        None => "Active",
    };
    vec![
        object::last(&namespace.name).to_owned(),
        status.to_owned(),
        age,
    ]
}

pub(super) fn document(namespace: &v1::Namespace) -> Document {
    let metadata = metadata!(namespace)
        .field("generation", namespace.generation)
        .field("labels", &namespace.labels)
        .field("annotations", &namespace.annotations);
    Fields::new()
        .field("apiVersion", "v1")
        .field("kind", "Namespace")
        .field("metadata", metadata.end())
        .end()
}
