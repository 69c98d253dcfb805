//! What the nouns of the table have in common, and where the state keeps their objects.

use std::fmt;
use std::net::IpAddr;
use std::ops::Bound;
use std::sync::Arc;

use ipnet::IpNet;
use rpds::RedBlackTreeMapSync as Map;
use serde::Serialize;
use uuid::Uuid;

use super::State;
use super::difference::difference;
use crate::key::{Key, NameKey};
use crate::{Change, Kind, Meta, Name, Object, Scoped, Uid};

/// What [`Object`] holds one of: the type of a [`Kind`].
pub trait Noun: Sized + Send + Sync + 'static {
    /// Its kind.
    const KIND: Kind;

    /// What it is found by.
    type Key: Key;

    /// Its key: unique among its kind at any time.
    fn key(&self) -> Self::Key;

    /// Its identity, as [`Object::uid`].
    fn uid(&self) -> Uid;

    /// Out of an object; `None` if that is of another kind.
    fn of(object: &Object) -> Option<&Arc<Self>>;

    /// All of a state, by key.
    fn rows(state: &State) -> &Map<Self::Key, Arc<Self>>;
}

/// A noun that users name and specify.
pub trait Resource: Noun<Key: NameKey> {
    /// What may be asked for.
    type Spec: Serialize + Clone + PartialEq + fmt::Debug + Send + Sync + 'static;

    /// Identity and history.
    fn meta(&self) -> &Meta;

    /// What was asked for, completed.
    fn spec(&self) -> &Self::Spec;

    /// Tag of what a user has read, as [`Meta::etag`].
    fn etag(&self) -> String {
        self.meta().etag(self.spec())
    }
}

macro_rules! nouns {
    ($(
        $(#[$doc:meta])*
        $noun:ident = $number:literal, $collection:literal, $rows:ident: $key_type:ty
            => |$o:ident| ($key:expr, $uid:expr) shows $view:ident $(is $claim:ident)? $(has $spec:ident: $spec_type:ty)?;
    )*) => {
        /// The objects of a state, by kind and key.
        #[derive(Clone, Default)]
        pub(super) struct Rows {
            $(pub(super) $rows: Map<$key_type, Arc<crate::$noun>>,)*
        }

        impl Rows {
            pub(super) fn insert(&mut self, object: &Object) {
                match object {
                    $(Object::$noun(o) => self.$rows.insert_mut(<crate::$noun as Noun>::key(o), o.clone()),)*
                }
            }

            pub(super) fn remove(&mut self, object: &Object) {
                match object {
                    $(Object::$noun(o) => drop(self.$rows.remove_mut(&<crate::$noun as Noun>::key(o))),)*
                }
            }

            pub(super) fn get(&self, kind: Kind, path: &str) -> Option<Object> {
                match kind {
                    $(Kind::$noun => self.$rows.get(&<$key_type>::parse(path)?).cloned().map(Object::from),)*
                }
            }

            /// The changes that lead here from other ones.
            pub(super) fn changes_since(&self, earlier: &Self) -> Vec<Change> {
                let mut changes = Vec::new();
                $(difference(&earlier.$rows, &self.$rows, <crate::$noun as Noun>::uid, &mut changes);)*
                changes
            }

            /// In order of kind and key.
            pub(super) fn iter(&self) -> impl Iterator<Item = Object> {
                std::iter::empty()$(.chain(self.$rows.values().cloned().map(Object::from)))*
            }
        }

        $(
            impl Noun for crate::$noun {
                const KIND: Kind = Kind::$noun;

                type Key = $key_type;

                fn key(&self) -> Self::Key {
                    let $o = self;
                    $key
                }

                fn uid(&self) -> Uid {
                    let $o = self;
                    $uid
                }

                fn of(object: &Object) -> Option<&Arc<Self>> {
                    match object {
                        Object::$noun(noun) => Some(noun),
                        _ => None,
                    }
                }

                fn rows(state: &State) -> &Map<Self::Key, Arc<Self>> {
                    &state.rows.$rows
                }
            }

            $(
                impl Resource for crate::$noun {
                    type Spec = $spec_type;

                    fn meta(&self) -> &Meta {
                        &self.meta
                    }

                    fn spec(&self) -> &Self::Spec {
                        &self.$spec
                    }
                }
            )?
        )*
    };
}
objects!(nouns);

impl State {
    /// A noun by its key.
    pub fn find<T: Noun>(&self, key: &T::Key) -> Option<&Arc<T>> {
        T::rows(self).get(key)
    }

    /// All of a noun, in order of key.
    pub fn all<T: Noun>(&self) -> impl Iterator<Item = &Arc<T>> {
        T::rows(self).values()
    }

    /// Those after `after` (exclusive), of one namespace or of all, in order of key. What lives in no namespace is in any.
    pub fn after<'a, T: Noun<Key: NameKey>>(
        &'a self,
        namespace: Option<&Name>,
        after: Option<&Scoped>,
    ) -> impl Iterator<Item = &'a Arc<T>> + use<'a, T> {
        let start = match (after, namespace) {
            (Some(after), _) => Bound::Excluded(T::Key::from_scoped(after)),
            (None, Some(namespace)) => {
                let first = Scoped::new(namespace.clone(), Name::trusted(""));
                Bound::Included(T::Key::from_scoped(&first))
            }
            (None, None) => Bound::Unbounded,
        };
        let namespace = namespace.cloned();
        let is_within = move |key: &T::Key| match (&namespace, key.namespace()) {
            (Some(asked), Some(own)) => asked == own,
            _ => true,
        };
        T::rows(self)
            .range((start, Bound::Unbounded))
            .take_while(move |(key, _)| is_within(key))
            .map(|(_, noun)| noun)
    }

    /// An object by kind and [`Object::path`].
    pub fn object(&self, kind: Kind, path: &str) -> Option<Object> {
        self.rows.get(kind, path)
    }

    /// Every object, in order of kind and key.
    pub fn objects(&self) -> impl Iterator<Item = Object> {
        self.rows.iter()
    }
}
