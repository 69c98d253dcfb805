//! What commands print: tables as kubectl prints them, documents that can be applied again.

pub(crate) mod age;
pub(crate) mod audit;
pub(crate) mod conditions;
pub(crate) mod events;
pub(crate) mod explain;
pub(crate) mod lines;
pub(crate) mod table;
pub(crate) mod yaml;

pub(crate) use crate::show::{Surroundings, columns as header, describe, document};
use prost_types::Timestamp;

use crate::kinds::endpoint::Written;
use crate::object::Object;
use crate::show::cells;
use yaml::{Document, Fields};

/// The cells of a resource, as many as its kind has columns.
pub(crate) fn row(object: &Object, wide: bool, now: Timestamp) -> Vec<String> {
    let age = age::age(object.created(), now);
    let mut row = cells(object, wide, age);
    row.truncate(header(object.kind(), wide).len());
    row
}

/// The resources as documents; of endpoints that were written by hand, one a source, since that is what is applied.
pub(crate) fn documents(objects: &[&Object]) -> Vec<Document> {
    let (mut documents, mut written) = (Vec::new(), Written::default());
    for object in objects {
        match object {
            Object::Endpoint(endpoint) if written.take(endpoint) => {}
            object => documents.push(document(object)),
        }
    }
    documents.extend(written.documents());
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

#[cfg(test)]
mod tests;
