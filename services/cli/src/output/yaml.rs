//! Documents as they are written: YAML in block style, and JSON, both in the order of Kubernetes' own.

mod emit;

use std::collections::BTreeMap;

use serde::ser::{Serialize, SerializeMap, Serializer};

/// A value of a document. Maps keep their order.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Document {
    Boolean(bool),
    Integer(i64),
    Text(String),
    List(Vec<Self>),
    Map(Vec<(String, Self)>),
}

impl From<bool> for Document {
    fn from(value: bool) -> Self {
        Self::Boolean(value)
    }
}

impl From<i32> for Document {
    fn from(value: i32) -> Self {
        Self::Integer(value.into())
    }
}

impl From<i64> for Document {
    fn from(value: i64) -> Self {
        Self::Integer(value)
    }
}

impl From<u64> for Document {
    fn from(value: u64) -> Self {
        i64::try_from(value).map_or_else(|_| Self::Text(value.to_string()), Self::Integer)
    }
}

impl From<&str> for Document {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

impl From<String> for Document {
    fn from(value: String) -> Self {
        Self::Text(value)
    }
}

impl<T: Into<Self>> From<Vec<T>> for Document {
    fn from(values: Vec<T>) -> Self {
        Self::List(values.into_iter().map(Into::into).collect())
    }
}

impl From<&BTreeMap<String, String>> for Document {
    fn from(map: &BTreeMap<String, String>) -> Self {
        let pair = |(key, value): (&String, &String)| (key.clone(), value.as_str().into());
        Self::Map(map.iter().map(pair).collect())
    }
}

/// A map in the making.
#[derive(Default)]
pub(crate) struct Fields(Vec<(String, Document)>);

impl Fields {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Adds a field, whatever its value.
    pub(crate) fn always(mut self, key: &str, value: impl Into<Document>) -> Self {
        self.0.push((key.to_owned(), value.into()));
        self
    }

    /// Adds a field, unless its value says no more than its absence: empty, 0 or false.
    pub(crate) fn field(self, key: &str, value: impl Into<Document>) -> Self {
        match value.into() {
            Document::Boolean(false) | Document::Integer(0) => self,
            Document::Text(text) if text.is_empty() => self,
            Document::List(items) if items.is_empty() => self,
            Document::Map(fields) if fields.is_empty() => self,
            value => self.always(key, value),
        }
    }

    /// Adds a field if there is a value, be it false or 0.
    pub(crate) fn optional(self, key: &str, value: Option<impl Into<Document>>) -> Self {
        match value {
            Some(value) => self.always(key, value),
            None => self,
        }
    }

    /// Adds the fields of another map.
    pub(crate) fn and(mut self, others: Self) -> Self {
        self.0.extend(others.0);
        self
    }

    /// Puts the fields in the order of these keys, which blanks part, and others behind them.
    pub(crate) fn ordered(mut self, keys: &str) -> Self {
        let place = |key: &String| keys.split(' ').position(|known| known == key);
        self.0
            .sort_by_cached_key(|(key, _)| place(key).unwrap_or(usize::MAX));
        self
    }

    pub(crate) fn end(self) -> Document {
        Document::Map(self.0)
    }
}

impl Serialize for Document {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Boolean(value) => serializer.serialize_bool(*value),
            Self::Integer(value) => serializer.serialize_i64(*value),
            Self::Text(text) => serializer.serialize_str(text),
            Self::List(items) => items.serialize(serializer),
            Self::Map(fields) => {
                let mut map = serializer.serialize_map(Some(fields.len()))?;
                for (key, value) in fields {
                    map.serialize_entry(key, value)?;
                }
                map.end()
            }
        }
    }
}

#[cfg(test)]
mod tests;
