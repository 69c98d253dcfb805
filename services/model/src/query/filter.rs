//! Filters, parsed.

use super::columns::{Column, Resource, Value};
use super::parse::parse;
use crate::State;

/// Which resources are meant. By default all.
pub struct Filter<T: 'static>(Option<Expression<T>>);

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

impl<T> Default for Filter<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T: Resource> Filter<T> {
    /// From its text; empty means all. An error says at which character, and what is known.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        parse(text).map(|expression| Self(Some(expression)))
    }

    /// Whether a resource of a state is meant.
    pub fn matches(&self, state: &State, resource: &T) -> bool {
        let expression = self.0.as_ref();
        expression.is_none_or(|expression| expression.holds(state, resource))
    }

    /// Whether the answer also depends on other objects than the resource.
    pub fn is_derived(&self) -> bool {
        self.0.as_ref().is_some_and(Expression::is_derived)
    }
}

impl<T> Expression<T> {
    fn holds(&self, state: &State, resource: &T) -> bool {
        match self {
            Self::All(parts) => parts.iter().all(|part| part.holds(state, resource)),
            Self::Any(parts) => parts.iter().any(|part| part.holds(state, resource)),
            Self::Not(part) => !part.holds(state, resource),
            Self::Restriction(restriction) => restriction.holds(state, resource),
        }
    }

    fn is_derived(&self) -> bool {
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
