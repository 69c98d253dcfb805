//! From the text of a filter to its expression: recursive descent over characters.
//!
//! ```text
//! expression = factor { ["AND"] factor }        factor = term { "OR" term }
//! term       = ["NOT" | "-"] ( "(" expression ")" | restriction )
//! restriction = field [ ("=" | "!=" | ":") value ]
//! ```

use super::columns::{Column, Resource, Value};
use super::filter::{Comparison, Expression, Restriction};

/// Longer filters are programs.
const MAX_LENGTH: usize = 2048;
/// Each level is a stack frame.
const MAX_DEPTH: usize = 32;

pub(super) fn parse<T: Resource>(text: &str) -> Result<Expression<T>, String> {
    if text.len() > MAX_LENGTH {
        return Err(format!("is longer than {MAX_LENGTH} bytes"));
    }
    let mut parser = Parser {
        characters: text.chars().collect(),
        at: 0,
        depth: 0,
    };
    let expression = parser.expression()?;
    match parser.peek() {
        None => Ok(expression),
        Some(stray) => Err(parser.error(&format!("{stray:?} has nothing to close"))),
    }
}

struct Parser {
    characters: Vec<char>,
    at: usize,
    depth: usize,
}

/// A field as it is written: its segments, and where it starts.
struct Field {
    segments: Vec<String>,
    at: usize,
}

impl Parser {
    fn expression<T: Resource>(&mut self) -> Result<Expression<T>, String> {
        let mut factors = vec![self.factor()?];
        loop {
            self.skip_blanks();
            match self.peek() {
                None | Some(')') => break,
                Some(_) => {
                    self.keyword("AND");
                    factors.push(self.factor()?);
                }
            }
        }
        Ok(one_or(factors, Expression::All))
    }

    fn factor<T: Resource>(&mut self) -> Result<Expression<T>, String> {
        let mut terms = vec![self.term()?];
        while self.keyword("OR") {
            terms.push(self.term()?);
        }
        Ok(one_or(terms, Expression::Any))
    }

    fn term<T: Resource>(&mut self) -> Result<Expression<T>, String> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(self.error(&format!("is nested deeper than {MAX_DEPTH} levels")));
        }
        self.skip_blanks();
        let term = if self.keyword("NOT") || self.take('-') {
            Expression::Not(Box::new(self.term()?))
        } else if self.take('(') {
            let inner = self.expression()?;
            if !self.take(')') {
                return Err(self.error("a ) is missing"));
            }
            inner
        } else {
            self.restriction()?
        };
        self.depth -= 1;
        Ok(term)
    }

    fn restriction<T: Resource>(&mut self) -> Result<Expression<T>, String> {
        let field = self.field()?;
        let column = self.column::<T>(&field)?;
        self.skip_blanks();
        let negated = self.peek() == Some('!') && self.peek_after() == Some('=');
        let operator = if negated {
            self.at += 2;
            '='
        } else if self.take('=') {
            '='
        } else if self.take(':') {
            ':'
        } else if matches!(column.value, Value::Flag(_) | Value::Derived(_)) {
            return Ok(restriction(column, None, Comparison::Is(true)));
        } else {
            let name = column.name;
            return Err(self.error(&format!("=, != or : is missing after {name}")));
        };
        self.skip_blanks();
        let at = self.at;
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
        self.skip_blanks();
        let at = self.at;
        let mut segments = vec![self.segment()?];
        while self.take('.') {
            segments.push(self.segment()?);
        }
        Ok(Field { segments, at })
    }

    fn segment(&mut self) -> Result<String, String> {
        if let Some(text) = self.quoted()? {
            return Ok(text);
        }
        let is_part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '/');
        let text = self.run(is_part);
        if text.is_empty() {
            return Err(self.error(&match self.peek() {
                Some(found) => format!("a field is expected, not {found:?}"),
                None => "a field is expected".to_owned(),
            }));
        }
        Ok(text)
    }

    fn column<T: Resource>(&self, field: &Field) -> Result<&'static Column<T>, String> {
        let filterable = |c: &&Column<T>| !matches!(c.value, Value::Time(_));
        let known = || T::columns().iter().filter(filterable);
        let [name, keys @ ..] = field.segments.as_slice() else {
            return Err(self.error("a field is expected"));
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
        if let Some(text) = self.quoted()? {
            return Ok((text, true));
        }
        let is_part = |c: char| !c.is_whitespace() && !matches!(c, '(' | ')' | ',' | '"' | '\'');
        let text = self.run(is_part);
        if text.is_empty() {
            return Err(self.error("a value is expected; put an empty one in quotes"));
        }
        Ok((text, false))
    }

    fn quoted(&mut self) -> Result<Option<String>, String> {
        let Some(quote @ ('"' | '\'')) = self.peek() else {
            return Ok(None);
        };
        let start = self.at;
        self.at += 1;
        let mut text = String::new();
        while let Some(next) = self.peek() {
            self.at += 1;
            match next {
                end if end == quote => return Ok(Some(text)),
                '\\' => {
                    text.extend(self.peek());
                    self.at += 1;
                }
                other => text.push(other),
            }
        }
        Err(at_character(start, "the quote is never closed"))
    }

    fn run(&mut self, is_part: impl Fn(char) -> bool) -> String {
        let rest = self.characters.get(self.at..).unwrap_or_default();
        let text: String = rest.iter().copied().take_while(|c| is_part(*c)).collect();
        self.at += text.chars().count();
        text
    }

    /// A keyword, if it is next and a word of its own.
    fn keyword(&mut self, word: &str) -> bool {
        self.skip_blanks();
        let rest = self.characters.get(self.at..).unwrap_or_default();
        let length = word.chars().count();
        let starts = rest.iter().copied().take(length).eq(word.chars());
        let ends = rest
            .get(length)
            .is_none_or(|next| next.is_whitespace() || *next == '(');
        if starts && ends {
            self.at += length;
        }
        starts && ends
    }

    fn take(&mut self, wanted: char) -> bool {
        let is_next = self.peek() == Some(wanted);
        if is_next {
            self.at += 1;
        }
        is_next
    }

    fn skip_blanks(&mut self) {
        while self.peek().is_some_and(char::is_whitespace) {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<char> {
        self.characters.get(self.at).copied()
    }

    fn peek_after(&self) -> Option<char> {
        self.characters.get(self.at + 1).copied()
    }

    fn error(&self, text: &str) -> String {
        at_character(self.at, text)
    }
}

fn at_character(at: usize, text: &str) -> String {
    format!("at character {}: {text}", at + 1)
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

/// What an operator and a value mean for a column.
fn comparison<T>(
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
