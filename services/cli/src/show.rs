//! How resources of every kind are shown: as rows, as documents, and described.

use portolan_proto::v1;
use prost_types::Timestamp;

use crate::kind::Kind;
use crate::kinds::kinds;
use crate::object::{self, Object, Specified};
use crate::output::age;
use crate::output::yaml::{Document, Fields};
use crate::shape::Value;

/// The names of a table's columns, with blanks between them; and of those that only a wide one has.
pub(crate) struct Columns(pub(crate) &'static str, pub(crate) &'static str);

/// What `describe` shows beside the resource itself.
pub(crate) struct Surroundings {
    /// Of a Service those behind it, of a workload those that it makes.
    pub(crate) endpoints: Vec<v1::Endpoint>,
    pub(crate) events: Vec<v1::Event>,
    pub(crate) now: Timestamp,
}

/// How resources of a kind are shown.
pub(crate) trait Show: Specified<Spec: Value> + Sized {
    /// Its columns, the name first.
    const COLUMNS: Columns;

    /// The cells of a wide table; one that is not leaves out the last of them. `wide` is for cells that it cuts.
    fn row(&self, wide: bool, age: String) -> Vec<String>;

    /// What the server says of it, if it says anything.
    fn status(&self) -> Option<Document> {
        None
    }

    /// The document that makes the same of it when it is applied.
    fn document(&self) -> Document {
        head(self)
            .optional("spec", self.spec().map(Value::document))
            .optional("status", self.status())
            .end()
    }

    /// The resource with its surroundings, for people.
    fn describe(&self, _around: &Surroundings) -> String {
        self.document().to_yaml()
    }
}

/// What every document begins with.
pub(crate) fn head<T: Specified>(resource: &T) -> Fields {
    let (kind, path) = (T::KIND, resource.path());
    let namespace = if kind.is_namespaced() {
        object::namespace(path)
    } else {
        ""
    };
    let revision = match resource.revision() {
        0 => String::new(),
        revision => revision.to_string(),
    };
    let mut metadata = Fields::new()
        .field("name", object::last(path))
        .field("uid", resource.uid())
        // Kubernetes' resourceVersion is a string.
        .field("resourceVersion", revision)
        .optional("creationTimestamp", resource.created().map(age::rfc3339))
        .field("namespace", namespace)
        .field("generation", resource.generation());
    for (key, pairs) in [
        ("labels", resource.labels()),
        ("annotations", resource.annotations()),
    ] {
        metadata = match pairs {
            Some(pairs) => metadata.field(key, pairs),
            None => metadata,
        };
    }
    Fields::new()
        .field("apiVersion", kind.row().version)
        .field("kind", kind.row().spelling)
        .field("metadata", metadata.end())
}

macro_rules! shown {
    ($($kind:ident { $($row:tt)* })*) => {
        fn all_columns(kind: Kind) -> Columns {
            match kind {
                $(Kind::$kind => <v1::$kind as Show>::COLUMNS,)*
            }
        }

        /// The cells of a resource, of every column of its kind.
        pub(crate) fn cells(object: &Object, wide: bool, age: String) -> Vec<String> {
            match object {
                $(Object::$kind(resource) => resource.row(wide, age),)*
            }
        }

        /// The resource as a document.
        pub(crate) fn document(object: &Object) -> Document {
            match object {
                $(Object::$kind(resource) => resource.document(),)*
            }
        }

        /// The resource with its surroundings, for people.
        pub(crate) fn describe(object: &Object, around: &Surroundings) -> String {
            match object {
                $(Object::$kind(resource) => resource.describe(around),)*
            }
        }
    };
}

kinds!(shown);

/// The columns of a kind. `wide` has more of them.
pub(crate) fn columns(kind: Kind, wide: bool) -> Vec<&'static str> {
    let Columns(columns, more) = all_columns(kind);
    let more = if wide { more } else { "" };
    let columns = columns.split_whitespace();
    columns.chain(more.split_whitespace()).collect()
}
