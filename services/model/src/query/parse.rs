//! From the text of a filter to its expression: recursive descent.
//!
//! ```text
//! expression = factor { ["AND"] factor }        factor = term { "OR" term }
//! term       = ["NOT" | "-"] ( "(" expression ")" | restriction )
//! restriction = field [ ("=" | "!=" | ":") value ]
//! ```

use super::columns::{Column, Listed, Value};
use super::expression::{Comparison, Expression, Restriction, comparison};
use super::scanner::{Scanner, at_character};
use crate::limits::{FILTER, FILTER_DEPTH};

pub(super) fn parse<T: Listed>(text: &str) -> Result<Expression<T>, String> {
    if text.len() > FILTER.value {
        return Err(FILTER.exceeded(text.len()));
    }
    let mut parser = Parser {
        text: Scanner::new(text),
        depth: 0,
    };
    let expression = parser.expression()?;
    match parser.text.peek() {
        None => Ok(expression),
        Some(stray) => Err(parser
            .text
            .error(&format!("{stray:?} has nothing to close"))),
    }
}

struct Parser {
    text: Scanner,
    depth: usize,
}

/// A field as it is written: its segments, and where it starts.
struct Field {
    segments: Vec<String>,
    at: usize,
}

impl Parser {
    fn expression<T: Listed>(&mut self) -> Result<Expression<T>, String> {
        let mut factors = vec![self.factor()?];
        loop {
            self.text.skip_blanks();
            match self.text.peek() {
                None | Some(')') => break,
                Some(_) => {
                    self.text.keyword("AND");
                    factors.push(self.factor()?);
                }
            }
        }
        Ok(one_or(factors, Expression::All))
    }

    fn factor<T: Listed>(&mut self) -> Result<Expression<T>, String> {
        let mut terms = vec![self.term()?];
        while self.text.keyword("OR") {
            terms.push(self.term()?);
        }
        Ok(one_or(terms, Expression::Any))
    }

    fn term<T: Listed>(&mut self) -> Result<Expression<T>, String> {
        self.depth += 1;
        if self.depth > FILTER_DEPTH.value {
            return Err(self.text.error(&format!(
                "is nested deeper than {} levels",
                FILTER_DEPTH.value
            )));
        }
        self.text.skip_blanks();
        let term = if self.text.keyword("NOT") || self.text.take('-') {
            Expression::Not(Box::new(self.term()?))
        } else if self.text.take('(') {
            let inner = self.expression()?;
            if !self.text.take(')') {
                return Err(self.text.error("a ) is missing"));
            }
            inner
        } else {
            self.restriction()?
        };
        self.depth -= 1;
        Ok(term)
    }

    fn restriction<T: Listed>(&mut self) -> Result<Expression<T>, String> {
        let field = self.field()?;
        let column = self.column::<T>(&field)?;
        self.text.skip_blanks();
        let negated = self.text.take_unequal();
        let operator = if negated || self.text.take('=') {
            '='
        } else if self.text.take(':') {
            ':'
        } else if matches!(column.value, Value::Flag(_) | Value::Derived(_)) {
            return Ok(restriction(column, None, Comparison::Is(true)));
        } else {
            let name = column.name;
            return Err(self
                .text
                .error(&format!("=, != or : is missing after {name}")));
        };
        self.text.skip_blanks();
        let at = self.text.at();
        let (value, quoted) = self.value()?;
        let key = field.segments.get(1).cloned();
        let comparison = comparison(column, key.as_deref(), operator, value, quoted)
            .map_err(|error| at_character(at, &error))?;
        let positive = restriction(column, key, comparison);
        Ok(if negated {
            Expression::Not(Box::new(positive))
        } else {
            positive
        })
    }

    fn field(&mut self) -> Result<Field, String> {
        self.text.skip_blanks();
        let at = self.text.at();
        let mut segments = vec![self.segment()?];
        while self.text.take('.') {
            segments.push(self.segment()?);
        }
        Ok(Field { segments, at })
    }

    fn segment(&mut self) -> Result<String, String> {
        if let Some(text) = self.text.quoted()? {
            return Ok(text);
        }
        let is_part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '/');
        let text = self.text.run(is_part);
        if text.is_empty() {
            return Err(self.text.error(&match self.text.peek() {
                Some(found) => format!("a field is expected, not {found:?}"),
                None => "a field is expected".to_owned(),
            }));
        }
        Ok(text)
    }

    fn column<T: Listed>(&self, field: &Field) -> Result<&'static Column<T>, String> {
        let filterable = |c: &&Column<T>| !matches!(c.value, Value::Time(_));
        let known = || T::columns().iter().filter(filterable);
        let [name, keys @ ..] = field.segments.as_slice() else {
            return Err(self.text.error("a field is expected"));
        };
        let Some(column) = known().find(|column| column.name == name) else {
            let names: Vec<_> = known().map(|column| column.name).collect();
            let error = format!(
                "{name:?} is no field of {}; known are {}",
                T::NOUN,
                names.join(", ")
            );
            return Err(at_character(field.at, &error));
        };
        let is_map = matches!(column.value, Value::Map(_));
        match keys {
            [] => Ok(column),
            [_] if is_map => Ok(column),
            keys if is_map => {
                let key = keys.join(".");
                let error = format!("put the key in quotes: {name}.\"{key}\"");
                Err(at_character(field.at, &error))
            }
            _ => Err(at_character(field.at, &format!("{name} has no fields"))),
        }
    }

    /// The text, and whether it was in quotes.
    fn value(&mut self) -> Result<(String, bool), String> {
        if let Some(text) = self.text.quoted()? {
            return Ok((text, true));
        }
        let is_part = |c: char| !c.is_whitespace() && !matches!(c, '(' | ')' | ',' | '"' | '\'');
        let text = self.text.run(is_part);
        if text.is_empty() {
            return Err(self
                .text
                .error("a value is expected; put an empty one in quotes"));
        }
        Ok((text, false))
    }
}

fn one_or<T>(
    mut parts: Vec<Expression<T>>,
    several: fn(Vec<Expression<T>>) -> Expression<T>,
) -> Expression<T> {
    match (parts.len(), parts.pop()) {
        (1, Some(only)) => only,
        (_, last) => {
            parts.extend(last);
            several(parts)
        }
    }
}

fn restriction<T>(
    column: &'static Column<T>,
    key: Option<String>,
    comparison: Comparison,
) -> Expression<T> {
    Expression::Restriction(Restriction {
        column,
        key,
        comparison,
    })
}
