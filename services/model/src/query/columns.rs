//! The columns of a resource, and where resources are kept.

use std::borrow::Cow;
use std::sync::Arc;

use crate::{Change, Labels, Name, NameKey, Noun, Scoped, State, Timestamp};

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

/// One that filters can name.
pub(crate) const fn column<T>(name: &'static str, value: Value<T>) -> Column<T> {
    let orders = false;
    Column {
        name,
        value,
        orders,
    }
}

/// One that orders can name, too.
pub(crate) const fn ordering<T>(name: &'static str, value: Value<T>) -> Column<T> {
    let orders = true;
    Column {
        name,
        value,
        orders,
    }
}

/// Something that is listed.
pub trait Listed: Sized + 'static {
    /// The word for one, with its article, for messages.
    const NOUN: &'static str;

    /// What filters and orders can name.
    fn columns() -> &'static [Column<Self>];

    /// Unique among its kind; lists are in this order unless another is asked for. What lives in no namespace has an
    /// empty one.
    fn sort_key(&self) -> Scoped;
}

/// A noun of the committed state that is listed and watched.
pub trait Kept: Listed + Noun<Key: NameKey> {
    /// Those whose [`Value::Derived`] columns a change of something else may turn.
    fn touched(_state: &State, _change: &Change) -> Vec<Arc<Self>> {
        Vec::new()
    }
}

/// A text that is there anyway, such as a name.
pub(crate) fn text(text: &str) -> Cow<'_, str> {
    Cow::Borrowed(text)
}

/// The name of something; empty if there is none.
pub(crate) fn maybe(name: Option<&Name>) -> Cow<'_, str> {
    text(name.map(Name::as_str).unwrap_or_default())
}

/// Any number of addresses or ranges.
pub(crate) fn texts<T: ToString>(list: &[T]) -> Vec<String> {
    list.iter().map(ToString::to_string).collect()
}

/// The key of something that lives in no namespace.
pub(crate) fn unscoped(name: &Name) -> Scoped {
    Scoped::new(Name::trusted(""), name.clone())
}
