//! Namespaces.

use portolan_proto::v1;

use super::document::Answer;
use super::metadata::Metadata;
use super::read::Fields;
use super::{Item, Scope};

pub(super) fn read(fields: &Fields<'_>, scope: &Scope) -> Answer {
    // A namespace lives in no namespace, whatever --namespace says.
    let anywhere = Scope {
        namespace: None,
        ..scope.clone()
    };
    let metadata = Metadata::read(fields, &anywhere);
    // A Namespace's spec holds finalizers alone, which only a server sets.
    fields.refuse_unknown(&["spec", "status"]);
    Item::Namespace(v1::Namespace {
        name: scope.namespace_path(&metadata.name),
        labels: metadata.labels,
        annotations: metadata.annotations,
        ..v1::Namespace::default()
    })
    .into()
}
