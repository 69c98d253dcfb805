//! What a manifest asks for.

use portolan_proto::v1;

use crate::kind::Kind;
use crate::kinds::kinds;
use crate::object::Resource;

/// What is the same for all requests that manifests become.
trait Asked {
    /// The resource that is written; of endpoints, their Service.
    fn path(&self) -> &str;

    /// Makes the write depend on nothing having changed since the etag was read.
    fn expect(&mut self, etag: String);
}

impl<T: Resource> Asked for T {
    fn path(&self) -> &str {
        Resource::path(self)
    }

    fn expect(&mut self, etag: String) {
        Resource::expect(self, etag);
    }
}

/// It holds the ranges that the cluster begins with, should it not exist.
impl Asked for v1::CreateClusterRequest {
    fn path(&self) -> &str {
        self.cluster.as_ref().map_or("", |cluster| &cluster.name)
    }

    fn expect(&mut self, etag: String) {
        self.cluster.get_or_insert_default().etag = etag;
    }
}

/// It holds a mask, since Kubernetes' manifest says less than ours.
impl Asked for v1::UpdateNamespaceRequest {
    fn path(&self) -> &str {
        let namespace = self.namespace.as_ref();
        namespace.map_or("", |namespace| &namespace.name)
    }

    fn expect(&mut self, etag: String) {
        self.namespace.get_or_insert_default().etag = etag;
    }
}

/// It holds all that one source gives a Service, and no etag guards it, since nobody else writes that.
impl Asked for v1::ReplaceEndpointsRequest {
    fn path(&self) -> &str {
        &self.service
    }

    fn expect(&mut self, _etag: String) {}
}

macro_rules! items {
    ($($kind:ident {
        called $called:tt
        message $message:tt
        calls $calls:tt
        applied($stage:literal as $item:ident($asked:ident) $($how:tt)*)
    })*) => {
        /// What can be asked for, one request a kind. Names are complete.
        #[derive(Clone, Debug, PartialEq)]
        pub(crate) enum Item {
            $($item(v1::$asked),)*
        }

        impl Item {
            pub(crate) fn kind(&self) -> Kind {
                match self {
                    $(Self::$item(_) => Kind::$kind,)*
                }
            }

            /// The resource that is written; of endpoints, their Service.
            pub(crate) fn name(&self) -> &str {
                match self {
                    $(Self::$item(asked) => Asked::path(asked),)*
                }
            }

            /// Makes the write depend on nothing having changed since the etag was read.
            pub(crate) fn expect(&mut self, etag: String) {
                match self {
                    $(Self::$item(asked) => Asked::expect(asked, etag),)*
                }
            }
        }
    };
}

kinds!(items);

impl Item {
    /// The namespace it is written to, if it lives in one.
    pub(crate) fn namespace(&self) -> Option<&str> {
        if self.kind().is_namespaced() {
            self.name().split('/').nth(3)
        } else {
            None
        }
    }

    /// What comes later may need what comes earlier.
    pub(crate) fn stage(&self) -> u8 {
        self.kind().row().stage
    }
}
