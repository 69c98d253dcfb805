//! Resources that their metadata and their specification make up.

use super::answer::Answer;
use super::metadata::Metadata;
use super::read::Fields;
use super::{Item, Scope};
use crate::object::Specified;
use crate::shape::Message;

/// Reads a resource, each field by its shape.
pub(super) fn read<T>(fields: &Fields<'_>, scope: &Scope, item: fn(T) -> Item) -> Answer
where
    T: Specified<Spec: Message + Default>,
{
    let metadata = Metadata::read(fields, &scope.of(T::KIND));
    let spec = fields.fields("spec").map(|fields| T::Spec::read(&fields));
    fields.refuse_unknown(&["status"]);
    let lost = metadata.unlabelled(&format!("a {}", T::KIND.row().spelling));
    let resource: T = resource(metadata, spec.unwrap_or_default(), scope);
    let notes = match resource.labels() {
        Some(_) => Vec::new(),
        None => lost,
    };
    Answer::noted(item(resource), notes)
}

/// The resource that a document describes.
pub(super) fn resource<T: Specified>(metadata: Metadata, spec: T::Spec, scope: &Scope) -> T {
    let path = scope.path(T::KIND, &metadata.namespace, &metadata.name);
    let mut resource = T::new(path, spec);
    resource.annotate(metadata.labels, metadata.annotations);
    resource
}
