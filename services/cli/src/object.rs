//! A resource of any kind, for what is the same for all of them.

use std::collections::BTreeMap;

use portolan_proto::v1;

use crate::kind::Kind;
use crate::kinds::kinds;

/// Labels, or annotations.
pub(crate) type Pairs = BTreeMap<String, String>;

/// The fields that resources have in common; those that not every kind has are empty elsewhere.
pub(crate) trait Resource {
    /// The whole path.
    fn path(&self) -> &str;

    /// What tells it from another of the same name.
    fn uid(&self) -> &str;

    /// The revision that last changed it; 0 if the server did not say.
    fn revision(&self) -> u64;

    /// When it was created.
    fn created(&self) -> Option<&prost_types::Timestamp>;

    /// Version of the specification.
    fn generation(&self) -> i64 {
        0
    }

    /// What a write may ask to be still true; `None` where nothing is ever changed in place.
    fn etag(&self) -> Option<&str> {
        None
    }

    /// Makes a write depend on nothing having changed since the etag was read.
    fn expect(&mut self, _etag: String) {}

    /// What selectors look at; `None` for kinds without labels.
    fn labels(&self) -> Option<&Pairs> {
        None
    }

    /// `None` for kinds without annotations.
    fn annotations(&self) -> Option<&Pairs> {
        None
    }

    /// Sets labels and annotations, where the kind has them.
    fn annotate(&mut self, _labels: Pairs, _annotations: Pairs) {}
}

/// A resource by what its users say of it.
pub(crate) trait Specified: Resource {
    type Spec;
    const KIND: Kind;

    /// A resource of which no more is said.
    fn new(path: String, spec: Self::Spec) -> Self;

    fn spec(&self) -> Option<&Self::Spec>;
}

/// A field that not every kind has.
macro_rules! common {
    (generation) => {
        fn generation(&self) -> i64 {
            self.generation
        }
    };
    (etag) => {
        fn etag(&self) -> Option<&str> {
            Some(&self.etag)
        }

        fn expect(&mut self, etag: String) {
            self.etag = etag;
        }
    };
    (labels) => {
        fn labels(&self) -> Option<&Pairs> {
            Some(&self.labels)
        }

        fn annotations(&self) -> Option<&Pairs> {
            Some(&self.annotations)
        }

        fn annotate(&mut self, labels: Pairs, annotations: Pairs) {
            self.labels = labels;
            self.annotations = annotations;
        }
    };
}

macro_rules! objects {
    ($($kind:ident {
        called $called:tt
        message($message:ident: $spec:ident; $($common:ident)*)
        calls $calls:tt
        applied $applied:tt
    })*) => {
        /// A resource as the server sent it.
        #[derive(Clone, Debug, PartialEq)]
        pub(crate) enum Object {
            $($kind(v1::$kind),)*
        }

        impl Object {
            pub(crate) fn kind(&self) -> Kind {
                match self {
                    $(Self::$kind(_) => Kind::$kind,)*
                }
            }

            fn resource(&self) -> &dyn Resource {
                match self {
                    $(Self::$kind(resource) => resource,)*
                }
            }
        }

        $(
            impl From<v1::$kind> for Object {
                fn from(resource: v1::$kind) -> Self {
                    Self::$kind(resource)
                }
            }

            impl Resource for v1::$kind {
                fn path(&self) -> &str {
                    &self.name
                }

                fn uid(&self) -> &str {
                    &self.uid
                }

                fn revision(&self) -> u64 {
                    self.revision
                }

                fn created(&self) -> Option<&prost_types::Timestamp> {
                    self.create_time.as_ref()
                }

                $(common!($common);)*
            }

            impl Specified for v1::$kind {
                type Spec = v1::$spec;
                const KIND: Kind = Kind::$kind;

                fn new(path: String, spec: Self::Spec) -> Self {
                    Self { name: path, spec: Some(spec), ..Self::default() }
                }

                fn spec(&self) -> Option<&Self::Spec> {
                    self.spec.as_ref()
                }
            }
        )*
    };
}

kinds!(objects);

impl Object {
    /// The whole path.
    pub(crate) fn path(&self) -> &str {
        self.resource().path()
    }

    /// The last part of the path.
    pub(crate) fn name(&self) -> &str {
        last(self.path())
    }

    /// The namespace it lives in; empty if it lives in none.
    pub(crate) fn namespace(&self) -> &str {
        if self.kind().is_namespaced() {
            namespace(self.path())
        } else {
            ""
        }
    }

    /// What a write may ask to be still true; empty where nothing is ever changed in place.
    pub(crate) fn etag(&self) -> &str {
        self.resource().etag().unwrap_or_default()
    }

    /// What selectors look at; `None` for kinds without labels.
    pub(crate) fn labels(&self) -> Option<&Pairs> {
        self.resource().labels()
    }

    pub(crate) fn created(&self) -> Option<&prost_types::Timestamp> {
        self.resource().created()
    }
}

/// The last part of a path.
pub(crate) fn last(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or_default()
}

/// The namespace in `clusters/{cluster}/namespaces/{namespace}/…`.
pub(crate) fn namespace(path: &str) -> &str {
    path.split('/').nth(3).unwrap_or_default()
}

/// `service/web` for a path that ends in `services/web`.
pub(crate) fn short(path: &str) -> String {
    let mut parts = path.rsplit('/');
    match (parts.next(), parts.next()) {
        (Some(name), Some(collection)) => {
            let kind = collection.strip_suffix('s').unwrap_or(collection);
            format!("{}/{name}", kind.to_lowercase())
        }
        _ => path.to_owned(),
    }
}
