//! Which reader a document goes to.

use portolan_proto::v1;

use super::answer::Answer;
use super::read::Fields;
use super::{Item, Scope};
use super::{cluster, endpoints, namespace, pod, resource};
use crate::kinds::kinds;

/// How documents of one version of a kind are read.
pub(super) struct Reader {
    version: &'static str,
    kind: &'static str,
    read: fn(&Fields<'_>, &Scope) -> Answer,
}

impl Reader {
    const fn new(
        version: &'static str,
        kind: &'static str,
        read: fn(&Fields<'_>, &Scope) -> Answer,
    ) -> Self {
        Self {
            version,
            kind,
            read,
        }
    }

    pub(super) fn read(&self, fields: &Fields<'_>, scope: &Scope) -> Answer {
        (self.read)(fields, scope)
    }
}

macro_rules! by_shape {
    ($($kind:ident {
        called($($name:literal)+; $home:ident $collection:literal; $version:literal $spelling:literal)
        message $message:tt
        calls $calls:tt
        applied($stage:literal as $item:ident($asked:ident) $(by $update:ident $request:tt)? $(from $($from:literal)+)?)
    })*) => {
        /// Kinds of which fields are all there is to read.
        const BY_SHAPE: &[Reader] = &[$($($(
            Reader::new($from, $spelling, |fields, scope| {
                resource::read::<v1::$kind>(fields, scope, Item::$item)
            }),
        )+)?)*];
    };
}

kinds!(by_shape);

const BY_HAND: &[Reader] = &[
    Reader::new("v1", "Namespace", namespace::kubernetes),
    Reader::new("portolan/v1", "Namespace", namespace::own),
    Reader::new("v1", "Pod", pod::read),
    Reader::new("v1", "Endpoints", endpoints::subsets),
    Reader::new("portolan/v1", "Endpoints", endpoints::own),
    Reader::new("discovery.k8s.io/v1", "EndpointSlice", endpoints::slice),
    Reader::new("portolan/v1", "Cluster", cluster::read),
    Reader::new("portolan/v1", "Endpoint", |fields, _| {
        endpoints::shown(fields)
    }),
];

/// Kinds that others have as well, whose documents are none of ours by another version.
const SHARED: &[&str] = &["Cluster", "Endpoint", "Node"];

fn all() -> impl Iterator<Item = &'static Reader> {
    BY_SHAPE.iter().chain(BY_HAND)
}

/// The reader of such a document.
pub(super) fn find(version: &str, kind: &str) -> Option<&'static Reader> {
    all().find(|reader| reader.version == version && reader.kind == kind)
}

/// Whether a document of that kind is meant for us, whatever its version.
pub(super) fn is_known(kind: &str) -> bool {
    !SHARED.contains(&kind) && all().any(|reader| reader.kind == kind)
}
