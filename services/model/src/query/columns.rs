//! The columns of a resource, and where resources are kept.

use std::borrow::Cow;
use std::sync::Arc;

use crate::{Change, Kind, Labels, Name, Object, Scoped, State, Timestamp};

/// A field that a filter or an order can name.
pub struct Column<T: 'static> {
    /// As it is written.
    pub name: &'static str,
    /// What it holds.
    pub value: Value<T>,
    /// Whether an order can name it. [`Value::Text`] and [`Value::Time`] can.
    pub orders: bool,
}

/// How a column's value is found, and what can be compared with it.
pub enum Value<T: 'static> {
    /// A text; empty if there is none.
    Text(fn(&T) -> Cow<'_, str>),
    /// Any number of texts.
    Texts(fn(&T) -> Vec<String>),
    /// One of a few words, in the spelling of the wire without their prefix.
    Word(&'static [&'static str], fn(&T) -> &'static str),
    /// True or false.
    Flag(fn(&T) -> bool),
    /// True or false, by what else there is.
    Derived(fn(&State, &T) -> bool),
    /// Keys with values.
    Map(fn(&T) -> &Labels),
    /// A point in time; only for orders.
    Time(fn(&T) -> Timestamp),
}

impl<T> Column<T> {
    /// One that filters can name.
    pub(super) const fn new(name: &'static str, value: Value<T>) -> Self {
        let orders = false;
        Self {
            name,
            value,
            orders,
        }
    }

    /// One that orders can name, too.
    pub(super) const fn ordering(name: &'static str, value: Value<T>) -> Self {
        let orders = true;
        Self {
            name,
            value,
            orders,
        }
    }
}

/// Something that is listed.
pub trait Resource: Sized + 'static {
    /// With its article, for messages.
    const NOUN: &'static str;

    /// What filters and orders can name.
    fn columns() -> &'static [Column<Self>];

    /// Unique among its kind; lists are in this order unless another is asked for. What lives in no namespace has an
    /// empty one.
    fn key(&self) -> Scoped;
}

/// A resource of the committed state.
pub trait Kept: Resource {
    /// Its kind.
    const KIND: Kind;

    /// Out of an object of its kind.
    fn of(object: &Object) -> Option<&Arc<Self>>;

    /// Those after a key, of one namespace or of all, in order of their keys.
    fn after<'a>(
        state: &'a State,
        namespace: Option<&Name>,
        after: Option<&Scoped>,
    ) -> Box<dyn Iterator<Item = &'a Arc<Self>> + 'a>;

    /// Those whose [`Value::Derived`] columns a change of something else may turn.
    fn touched(_state: &State, _change: &Change) -> Vec<Arc<Self>> {
        Vec::new()
    }
}
