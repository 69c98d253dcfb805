//! Filters as expressions, and what they hold for.

use super::columns::{Column, Value};
use crate::State;

/// A filter, as it is evaluated.
pub(super) enum Expression<T: 'static> {
    All(Vec<Self>),
    Any(Vec<Self>),
    Not(Box<Self>),
    Restriction(Restriction<T>),
}

/// One comparison.
pub(super) struct Restriction<T: 'static> {
    pub(super) column: &'static Column<T>,
    /// Of a map: the key.
    pub(super) key: Option<String>,
    pub(super) comparison: Comparison,
}

/// What is compared.
pub(super) enum Comparison {
    /// `=`, with `*` at either end for anything.
    Equals(String),
    /// `:`, the element, the key or the part.
    Has(String),
    /// `:*`
    Present,
    /// Of a flag.
    Is(bool),
}

impl<T> Expression<T> {
    pub(super) fn holds(&self, state: &State, resource: &T) -> bool {
        match self {
            Self::All(parts) => parts.iter().all(|part| part.holds(state, resource)),
            Self::Any(parts) => parts.iter().any(|part| part.holds(state, resource)),
            Self::Not(part) => !part.holds(state, resource),
            Self::Restriction(restriction) => restriction.holds(state, resource),
        }
    }

    pub(super) fn is_derived(&self) -> bool {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().any(Self::is_derived),
            Self::Not(part) => part.is_derived(),
            Self::Restriction(restriction) => {
                matches!(restriction.column.value, Value::Derived(_))
            }
        }
    }
}

impl<T> Restriction<T> {
    fn holds(&self, state: &State, resource: &T) -> bool {
        match &self.column.value {
            Value::Text(of) => self.comparison.of_text(&of(resource)),
            Value::Texts(of) => {
                let texts = of(resource);
                self.comparison.of_any(texts.iter().map(String::as_str))
            }
            Value::Word(_, of) => self.comparison.of_text(of(resource)),
            Value::Flag(of) => self.comparison.of_flag(of(resource)),
            Value::Derived(of) => self.comparison.of_flag(of(state, resource)),
            Value::Map(of) => match &self.key {
                Some(key) => {
                    let value = of(resource).get(key).map(String::as_str);
                    self.comparison.of_any(value.into_iter())
                }
                None => self
                    .comparison
                    .of_any(of(resource).keys().map(String::as_str)),
            },
            // The parser lets no comparison with a time through.
            Value::Time(_) => false,
        }
    }
}

impl Comparison {
    fn of_text(&self, text: &str) -> bool {
        match self {
            Self::Equals(pattern) => fits(pattern, text),
            Self::Has(part) => text.contains(part.as_str()),
            Self::Present => !text.is_empty(),
            Self::Is(_) => false,
        }
    }

    fn of_any<'a>(&self, mut texts: impl Iterator<Item = &'a str>) -> bool {
        match self {
            Self::Equals(pattern) => texts.any(|text| fits(pattern, text)),
            Self::Has(element) => texts.any(|text| text == element),
            Self::Present => texts.next().is_some(),
            Self::Is(_) => false,
        }
    }

    fn of_flag(&self, flag: bool) -> bool {
        matches!(self, Self::Is(wanted) if *wanted == flag)
    }
}

/// Whether a text equals a pattern that may start or end with `*`.
fn fits(pattern: &str, text: &str) -> bool {
    match (pattern.strip_prefix('*'), pattern.strip_suffix('*')) {
        (None, None) => text == pattern,
        (Some(end), None) => text.ends_with(end),
        (None, Some(start)) => text.starts_with(start),
        (Some(_), Some(_)) => text.contains(pattern.trim_matches('*')),
    }
}

/// What an operator and a value mean for a column.
pub(super) fn comparison<T>(
    column: &Column<T>,
    key: Option<&str>,
    operator: char,
    value: String,
    quoted: bool,
) -> Result<Comparison, String> {
    let name = column.name;
    let is_present = operator == ':' && value == "*" && !quoted;
    match &column.value {
        Value::Flag(_) | Value::Derived(_) => match value.as_str() {
            "true" => Ok(Comparison::Is(true)),
            "false" => Ok(Comparison::Is(false)),
            _ => Err(format!(
                "{value:?} is no value of {name}; it is true or false"
            )),
        },
        Value::Word(known, _) => {
            let found = known.iter().find(|word| is_word(word, &value));
            let found = found.map(|word| Comparison::Equals((*word).to_owned()));
            let error = || {
                let known = known.join(", ");
                format!("{value:?} is no value of {name}; known are {known}")
            };
            found.ok_or_else(error)
        }
        Value::Map(_) if key.is_none() && operator == '=' => Err(format!(
            "{name} is compared by key: {name}.KEY = VALUE, or {name}:KEY"
        )),
        _ if is_present => Ok(Comparison::Present),
        _ if operator == ':' => Ok(Comparison::Has(value)),
        _ => Ok(Comparison::Equals(value)),
    }
}

/// `NODE_PORT`, `NodePort` and `SERVICE_TYPE_NODE_PORT` are one word.
fn is_word(word: &str, written: &str) -> bool {
    let bare = |text: &str| text.replace('_', "").to_uppercase();
    let (word, written) = (bare(word), bare(written));
    let prefix = written.strip_suffix(&word);
    prefix.is_some_and(|prefix| prefix.is_empty() || prefix.ends_with("TYPE"))
}
