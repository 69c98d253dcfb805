//! Filters, parsed.

use super::columns::Listed;
use super::expression::Expression;
use super::parse::parse;
use crate::State;

/// Which resources are meant. By default all.
pub struct Filter<T: 'static>(Option<Expression<T>>);

impl<T> Default for Filter<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T: Listed> Filter<T> {
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
