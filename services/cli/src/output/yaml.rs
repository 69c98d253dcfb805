//! Documents as they are written: YAML in block style, and JSON, both in the order of Kubernetes' own.
//!
//! An own emitter, since what we write is read by YAML 1.1 readers too (kubectl): `yes`, `on` and `1_000` must be
//! quoted for them, which emitters of YAML 1.2 don't do.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

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

    /// Puts the fields in the order of these keys, and others behind them.
    pub(crate) fn ordered(mut self, keys: &[&str]) -> Self {
        let place = |key: &String| keys.iter().position(|known| known == key);
        self.0
            .sort_by_key(|(key, _)| place(key).unwrap_or(keys.len()));
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

impl Document {
    pub(crate) fn to_json(&self) -> String {
        let json = serde_json::to_string_pretty(self);
        json.expect("the keys of a document are strings") + "\n"
    }

    pub(crate) fn to_yaml(&self) -> String {
        let mut text = String::new();
        match self {
            Self::Map(fields) if !fields.is_empty() => map(&mut text, fields, 0, false),
            Self::List(items) if !items.is_empty() => list(&mut text, items, 0),
            scalar => {
                text.push_str(&flow(scalar));
                text.push('\n');
            }
        }
        text
    }
}

/// `inline`: the first key continues a line that is begun, behind the dash of a list.
fn map(text: &mut String, fields: &[(String, Document)], indent: usize, inline: bool) {
    for (i, (key, value)) in fields.iter().enumerate() {
        if i > 0 || !inline {
            text.extend(std::iter::repeat_n(' ', indent));
        }
        text.push_str(&quoted(key));
        text.push(':');
        match value {
            Document::Map(fields) if !fields.is_empty() => {
                text.push('\n');
                map(text, fields, indent + 2, false);
            }
            Document::List(items) if !items.is_empty() => {
                text.push('\n');
                list(text, items, indent);
            }
            scalar => {
                text.push(' ');
                text.push_str(&flow(scalar));
                text.push('\n');
            }
        }
    }
}

fn list(text: &mut String, items: &[Document], indent: usize) {
    for item in items {
        text.extend(std::iter::repeat_n(' ', indent));
        text.push_str("- ");
        match item {
            Document::Map(fields) if !fields.is_empty() => map(text, fields, indent + 2, true),
            // Lists of lists are nobody's kind; flow style is YAML as well.
            other => {
                text.push_str(&flow(other));
                text.push('\n');
            }
        }
    }
}

fn flow(value: &Document) -> String {
    match value {
        Document::Boolean(value) => value.to_string(),
        Document::Integer(value) => value.to_string(),
        Document::Text(text) => quoted(text),
        Document::List(_) | Document::Map(_) => {
            serde_json::to_string(value).expect("the keys of a document are strings")
        }
    }
}

/// Plain only where no reader, of YAML 1.1 or 1.2, could take it for anything else.
fn quoted(text: &str) -> String {
    const RESERVED: &[&str] = &["true", "false", "null", "yes", "no", "on", "off", "y", "n"];
    let word = text.starts_with(|c: char| c.is_ascii_alphabetic())
        && !text.ends_with('.')
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-_./".contains(&b))
        && !RESERVED.contains(&text.to_ascii_lowercase().as_str());
    // Neither an address nor a range of them is a number to any reader.
    let range = text.split_once('/').map_or(text, |(address, _)| address);
    let is_range = range.parse::<Ipv4Addr>().is_ok()
        && text[range.len()..]
            .bytes()
            .all(|b| b == b'/' || b.is_ascii_digit());
    if word || is_range {
        return text.to_owned();
    }
    let json = serde_json::to_string(text).expect("a string is always JSON");
    json.chars().map(escaped).collect()
}

/// JSON lets these stand; YAML does not (YAML 1.2 §5.1), or reads them as a line break (YAML 1.1).
fn escaped(c: char) -> String {
    match c {
        '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}' => {
            format!("\\u{:04x}", u32::from(c))
        }
        c => c.to_string(),
    }
}

#[cfg(test)]
mod tests;
