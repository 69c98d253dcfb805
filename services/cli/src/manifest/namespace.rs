//! Namespaces: Kubernetes' kind, which knows nothing of limits, and our own, which does.

use portolan_proto::v1;

use super::answer::Answer;
use super::metadata::Metadata;
use super::read::Fields;
use super::resource::resource;
use super::{Item, Scope};
use crate::kind::Kind;
use crate::shape::Message;

/// Kubernetes' Namespace says all about labels and annotations, and leaves limits as they are.
pub(super) fn kubernetes(fields: &Fields<'_>, scope: &Scope) -> Answer {
    let metadata = Metadata::read(fields, &scope.of(Kind::Namespace));
    if let Some(spec) = fields.fields("spec") {
        // Only a server sets them.
        spec.refuse_unknown(&["finalizers"]);
    }
    fields.refuse_unknown(&["status"]);
    let namespace = v1::Namespace {
        spec: None,
        ..resource(metadata, v1::NamespaceSpec::default(), scope)
    };
    request(namespace, &["labels", "annotations"]).into()
}

/// Our own says all about the limits as well.
pub(super) fn own(fields: &Fields<'_>, scope: &Scope) -> Answer {
    let metadata = Metadata::read(fields, &scope.of(Kind::Namespace));
    let spec = fields.fields("spec");
    let spec = spec.map(|fields| v1::NamespaceSpec::read(&fields));
    fields.refuse_unknown(&["status"]);
    request(resource(metadata, spec.unwrap_or_default(), scope), &["*"]).into()
}

fn request(namespace: v1::Namespace, mask: &[&str]) -> Item {
    Item::Namespace(v1::UpdateNamespaceRequest {
        namespace: Some(namespace),
        update_mask: Some(prost_types::FieldMask {
            paths: mask.iter().map(ToString::to_string).collect(),
        }),
        allow_missing: true,
        ..v1::UpdateNamespaceRequest::default()
    })
}
