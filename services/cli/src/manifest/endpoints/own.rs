//! Our own kind Endpoints, which loses nothing.

use super::{Destination, Written};
use crate::manifest::Scope;
use crate::manifest::answer::Answer;
use crate::manifest::metadata::Metadata;
use crate::manifest::read::{Fields, Place};
use crate::shape::Value;

/// Our own Endpoints: all that one source gives a Service, and every field of it.
pub(in crate::manifest) fn own(fields: &Fields<'_>, scope: &Scope) -> Answer {
    let metadata = Metadata::read(fields, scope);
    let (mut source, mut endpoints) = (String::new(), Vec::new());
    if let Some(spec) = fields.fields("spec") {
        source = spec.text("source");
        let read = |place: &Place<'_>| Some(Written::at(place, Value::read(place)?));
        endpoints.extend(spec.list("endpoints").iter().filter_map(read));
        spec.refuse_unknown(&[]);
    }
    fields.refuse_unknown(&[]);
    if source.is_empty() {
        source = format!("Endpoints/{}", metadata.name);
    }
    let notes = metadata.unlabelled("a list of endpoints");
    let to = Destination {
        namespace: scope.namespace_path(&metadata.namespace),
        service: metadata.name,
        source,
    };
    to.answer(endpoints, notes)
}
