//! Everything that is kept, of whatever kind: [`Kind`] and [`Object`], made from the table in `lib.rs`.

use std::sync::Arc;

use crate::Uid;
use crate::key::Key;
use crate::state::index::{Edit, Index, Indexed};
use crate::view::key::{ViewKey, ViewKind};

macro_rules! kinds {
    ($(
        $(#[$doc:meta])*
        $noun:ident = $number:literal, $collection:literal, $rows:ident: $key_type:ty
            => |$o:ident| ($key:expr, $uid:expr) shows $view:ident $(is $claim:ident)? $(has $spec:ident: $spec_type:ty)?;
    )*) => {
        /// What an object is. The number is what tables and digests carry.
        #[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum Kind {
            $($(#[$doc])* $noun = $number,)*
        }

        /// The number of a kind as a literal, for texts that are put together while compiling: `kind_number!(Service)`.
        #[macro_export]
        macro_rules! kind_number {
            $(($noun) => { $number };)*
        }

        impl Kind {
            /// All of them, in order of their numbers.
            pub const ALL: &[Self] = &[$(Self::$noun),*];

            /// Those of claims.
            pub const CLAIMS: &[Self] = &[$($(kinds!(@$claim $noun),)?)*];

            /// The view by which nodes are told of one, if they are.
            fn view(self) -> Option<ViewKind> {
                match self {
                    $(Self::$noun => kinds!(@view $view),)*
                }
            }

            /// The collection in a resource name; for claims and requests the table people read.
            pub fn collection(self) -> &'static str {
                match self {
                    $(Self::$noun => $collection,)*
                }
            }
        }

        /// Everything that is kept.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub enum Object {
            $($(#[$doc])* $noun(Arc<crate::$noun>),)*
        }

        impl Object {
            /// What it is.
            pub fn kind(&self) -> Kind {
                match self {
                    $(Self::$noun(_) => Kind::$noun,)*
                }
            }

            /// Its key among its kind: `name`, `namespace/name`, an address, a port or a request id.
            pub fn path(&self) -> String {
                match self {
                    $(Self::$noun($o) => $key.to_string(),)*
                }
            }

            /// Its identity; of a claim that of its owner, of a request the client's choice.
            pub fn uid(&self) -> Uid {
                match self {
                    $(Self::$noun($o) => $uid,)*
                }
            }

            /// Resource name below its cluster, for example `namespaces/default/services/web`.
            pub fn resource(&self) -> String {
                match self {
                    $(Self::$noun($o) => $key.resource($collection),)*
                }
            }

            /// The body that is stored and hashed: JSON, with the fields in a fixed order.
            pub fn to_body(&self) -> String {
                let body = match self {
                    $(Self::$noun(o) => serde_json::to_string(o.as_ref()),)*
                };
                body.expect("every key is a string and no value is NaN")
            }

            /// Octets of that body.
            pub fn octets(&self) -> usize {
                match self {
                    $(Self::$noun(o) => crate::octets(o.as_ref()),)*
                }
            }

            /// From a stored body, whatever the order of its fields.
            pub fn from_body(kind: Kind, body: &str) -> Result<Self, serde_json::Error> {
                Ok(match kind {
                    $(Kind::$noun => Self::$noun(serde_json::from_str(body)?),)*
                })
            }

            /// Adds its entries to the index, or removes them.
            pub(crate) fn index(&self, index: &mut Index, edit: Edit) {
                match self {
                    $(Self::$noun(o) => o.index(index, edit),)*
                }
            }
        }

        $(
            impl From<crate::$noun> for Object {
                fn from(noun: crate::$noun) -> Self {
                    Self::$noun(Arc::new(noun))
                }
            }

            impl From<Arc<crate::$noun>> for Object {
                fn from(noun: Arc<crate::$noun>) -> Self {
                    Self::$noun(noun)
                }
            }
        )*
    };
    (@claim $noun:ident) => { Self::$noun };
    (@view nothing) => { None };
    (@view $view:ident) => { Some(ViewKind::$view) };
}
objects!(kinds);

impl Kind {
    /// From its number; `None` if a newer release wrote it.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|kind| kind.number() == number)
    }

    /// The number.
    pub fn number(self) -> u8 {
        self as u8
    }

    /// Whether it is one of claims, which stores have tables of their own for.
    pub fn is_claim(self) -> bool {
        Self::CLAIMS.contains(&self)
    }
}

impl Object {
    /// The view that shows it to nodes, if they are told of it.
    pub fn view(&self) -> Option<ViewKey> {
        let kind = self.kind().view()?;
        Some(ViewKey::new(kind, self.uid()))
    }

    /// The Service that it is, or is an endpoint of.
    pub fn service_uid(&self) -> Option<Uid> {
        match self {
            Self::Service(service) => Some(service.meta.uid),
            Self::Endpoint(endpoint) => Some(endpoint.service_uid),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
