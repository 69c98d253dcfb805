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

/// What is to be done with a document.
pub(super) enum Found {
    /// It is read.
    Reader(&'static Reader),
    /// It is one of ours in another spelling: this is the right one.
    Otherwise(&'static str),
    /// It is one of ours in a version that nobody reads.
    Version,
    /// It is none of ours.
    Foreign,
}

/// The reader of such a document, or why it has none. A kind of the same name in another group is another kind.
pub(super) fn find(version: &str, kind: &str) -> Found {
    let exact = |reader: &&Reader| reader.version == version && reader.kind == kind;
    if let Some(reader) = all().find(exact) {
        return Found::Reader(reader);
    }
    let ours = |reader: &&Reader| {
        reader.kind.eq_ignore_ascii_case(kind)
            && (version.is_empty() || group(reader.version) == group(version))
    };
    match all().find(ours) {
        Some(reader) if reader.kind != kind => Found::Otherwise(reader.kind),
        Some(_) if version.is_empty() && SHARED.contains(&kind) => Found::Foreign,
        Some(_) => Found::Version,
        None => Found::Foreign,
    }
}

/// The part of a version in front of the slash; Kubernetes' core has none.
fn group(version: &str) -> &str {
    version.split_once('/').map_or("", |(group, _)| group)
}

/// Whether documents of that kind are read, in whatever spelling and group.
pub(super) fn is_known(kind: &str) -> bool {
    all().any(|reader| reader.kind.eq_ignore_ascii_case(kind))
}
