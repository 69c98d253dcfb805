//! YAML as a tree in which every node knows where it stands.
//!
//! Built from the parser's events rather than by its own loader: the loader recurses, so that nesting alone could
//! exhaust the stack. Depth, size and what aliases may multiply are bounded here, once and for all that follows.

use std::collections::{HashMap, HashSet};
use std::fmt;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, ScanError, Tag};

/// A manifest of the largest clusters is a tenth of this.
pub(crate) const MAX_BYTES: usize = 16 << 20;
/// Kubernetes' own kinds nest about ten deep.
const MAX_DEPTH: usize = 64;
/// Nodes of one file, each copy made for an anchor or an alias included.
const MAX_NODES: usize = 2_000_000;

/// Where something stands: both count from 1, columns in characters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Position {
    pub(crate) line: usize,
    pub(crate) column: usize,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

impl From<Marker> for Position {
    fn from(marker: Marker) -> Self {
        Self {
            line: marker.line(),
            column: marker.col() + 1,
        }
    }
}

/// A value and its place.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Node {
    pub(crate) at: Position,
    pub(crate) value: Value,
}

/// What a node holds, resolved by the core schema of YAML 1.2.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Null,
    Boolean(bool),
    Integer(i64),
    /// A number that is no 64-bit integer, as it is written.
    Number(String),
    Text(String),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

/// One key of a map, and its value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) at: Position,
    pub(crate) node: Node,
}

/// Text that is no YAML, or more of it than is read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{at}: {message}")]
pub(crate) struct Malformed {
    pub(crate) at: Position,
    pub(crate) message: String,
}

impl Malformed {
    fn new(at: impl Into<Position>, message: impl Into<String>) -> Self {
        Self {
            at: at.into(),
            message: message.into(),
        }
    }
}

impl From<ScanError> for Malformed {
    fn from(error: ScanError) -> Self {
        Self::new(*error.marker(), error.info())
    }
}

impl Node {
    /// How a person would call what is here.
    pub(crate) fn noun(&self) -> &'static str {
        match self.value {
            Value::Null => "nothing",
            Value::Boolean(_) => "a boolean",
            Value::Integer(_) | Value::Number(_) => "a number",
            Value::Text(_) => "a string",
            Value::List(_) => "a list",
            Value::Map(_) => "a map",
        }
    }

    /// The value below `key`; `None` also if this is no map.
    pub(crate) fn get(&self, key: &str) -> Option<&Self> {
        let Value::Map(entries) = &self.value else {
            return None;
        };
        entries.iter().find(|e| e.key == key).map(|e| &e.node)
    }

    /// The text below `key`, if there is one.
    pub(crate) fn text(&self, key: &str) -> Option<&str> {
        match &self.get(key)?.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The node at `path` (`spec.ports[1].nodePort`).
    pub(crate) fn find(&self, path: &str) -> Option<&Self> {
        let (node, complete) = self.walk(path);
        complete.then_some(node)
    }

    /// The node at `path`, or the nearest one around it that is there, and whether the whole path is.
    pub(crate) fn walk(&self, path: &str) -> (&Self, bool) {
        let mut node = self;
        for part in parts(path) {
            let next = match (&node.value, part.parse::<usize>()) {
                (Value::List(items), Ok(index)) => items.get(index),
                _ => node.get(part),
            };
            match next {
                Some(next) => node = next,
                None => return (node, false),
            }
        }
        (node, true)
    }

    fn size(&self) -> usize {
        1 + match &self.value {
            Value::List(items) => items.iter().map(Self::size).sum(),
            Value::Map(entries) => entries.iter().map(|e| 1 + e.node.size()).sum(),
            _ => 0,
        }
    }
}

/// The keys and indices of a path. What is in brackets may hold dots: `labels["app.kubernetes.io/name"]`.
fn parts(path: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut rest = path;
    while !rest.is_empty() {
        let (part, after) = match rest.strip_prefix('[') {
            Some(bracketed) => bracketed.split_once(']').unwrap_or((bracketed, "")),
            None => rest.split_at(rest.find(['.', '[']).unwrap_or(rest.len())),
        };
        if !part.is_empty() {
            parts.push(part.trim_matches('"'));
        }
        rest = after.strip_prefix('.').unwrap_or(after);
    }
    parts
}

/// The documents of a stream; empty ones are left out.
pub(crate) fn parse(text: &str) -> Result<Vec<Node>, Malformed> {
    if text.len() > MAX_BYTES {
        let message = format!(
            "the input has {} bytes; at most {MAX_BYTES} are read",
            text.len()
        );
        return Err(Malformed::new(Marker::new(0, 1, 0), message));
    }
    let mut builder = Builder::default();
    let mut parser = Parser::new_from_str(text);
    while let Some(event) = parser.next_event() {
        let (event, span) = event?;
        builder.take(event, span.start)?;
    }
    Ok(builder.documents)
}

/// A list or a map that is not complete yet.
struct Open {
    at: Position,
    anchor: usize,
    content: Content,
}

enum Content {
    List(Vec<Node>),
    Map {
        entries: Vec<Entry>,
        keys: HashSet<String>,
        key: Option<(String, Position)>,
    },
}

#[derive(Default)]
struct Builder {
    documents: Vec<Node>,
    open: Vec<Open>,
    anchors: HashMap<usize, Node>,
    nodes: usize,
}

impl Builder {
    fn take(&mut self, event: Event<'_>, mark: Marker) -> Result<(), Malformed> {
        let at = Position::from(mark);
        match event {
            Event::SequenceStart(anchor, _) => self.start(at, anchor, Content::List(Vec::new())),
            Event::MappingStart(anchor, _) => {
                let content = Content::Map {
                    entries: Vec::new(),
                    keys: HashSet::new(),
                    key: None,
                };
                self.start(at, anchor, content)
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let open = self.open.pop().expect("the parser pairs starts and ends");
                let value = match open.content {
                    Content::List(items) => Value::List(items),
                    Content::Map { entries, .. } => Value::Map(entries),
                };
                self.put(Node { at: open.at, value }, open.anchor)
            }
            Event::Scalar(text, style, anchor, tag) => {
                let value = scalar(&text, style, tag.as_deref());
                self.put(Node { at, value }, anchor)
            }
            Event::Alias(anchor) => {
                let Some(node) = self.anchors.get(&anchor) else {
                    return Err(Malformed::new(at, "the alias stands inside its own anchor"));
                };
                let size = node.size();
                let node = Node { at, ..node.clone() };
                self.count(size, at)?;
                self.put(node, 0)
            }
            Event::DocumentEnd => {
                self.anchors.clear();
                Ok(())
            }
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentStart(_) => {
                Ok(())
            }
        }
    }

    fn start(&mut self, at: Position, anchor: usize, content: Content) -> Result<(), Malformed> {
        if self.open.len() == MAX_DEPTH {
            let message = format!("nested more than {MAX_DEPTH} deep");
            return Err(Malformed::new(at, message));
        }
        self.open.push(Open {
            at,
            anchor,
            content,
        });
        Ok(())
    }

    fn put(&mut self, node: Node, anchor: usize) -> Result<(), Malformed> {
        self.count(1, node.at)?;
        if anchor > 0 {
            self.count(node.size(), node.at)?;
            self.anchors.insert(anchor, node.clone());
        }
        let Some(open) = self.open.last_mut() else {
            if node.value != Value::Null {
                self.documents.push(node);
            }
            return Ok(());
        };
        match &mut open.content {
            Content::List(items) => items.push(node),
            Content::Map { entries, keys, key } => match key.take() {
                Some((key, at)) => entries.push(Entry { key, at, node }),
                None => *key = Some(new_key(node, keys)?),
            },
        }
        Ok(())
    }

    fn count(&mut self, nodes: usize, at: Position) -> Result<(), Malformed> {
        self.nodes += nodes;
        if self.nodes > MAX_NODES {
            let message = format!("more than {MAX_NODES} values, counting what aliases stand for");
            return Err(Malformed::new(at, message));
        }
        Ok(())
    }
}

fn new_key(node: Node, keys: &mut HashSet<String>) -> Result<(String, Position), Malformed> {
    let key = match node.value {
        Value::Text(key) | Value::Number(key) => key,
        Value::Integer(number) => number.to_string(),
        Value::Boolean(value) => value.to_string(),
        Value::Null => "null".to_owned(),
        Value::List(_) | Value::Map(_) => {
            return Err(Malformed::new(node.at, "a key can't be a list or a map"));
        }
    };
    if !keys.insert(key.clone()) {
        return Err(Malformed::new(node.at, format!("{key:?} is there twice")));
    }
    Ok((key, node.at))
}

fn scalar(text: &str, style: ScalarStyle, tag: Option<&Tag>) -> Value {
    let string = tag.is_some_and(|tag| tag.is_yaml_core_schema() && tag.suffix == "str");
    if style != ScalarStyle::Plain || string {
        return Value::Text(text.to_owned());
    }
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" | "True" | "TRUE" => Value::Boolean(true),
        "false" | "False" | "FALSE" => Value::Boolean(false),
        _ => number(text).unwrap_or_else(|| Value::Text(text.to_owned())),
    }
}

/// Numbers by YAML 1.2 §10.3.2.
fn number(text: &str) -> Option<Value> {
    let radix = |digits: &str, radix| i64::from_str_radix(digits, radix).ok();
    let integer = match text.get(..2) {
        Some("0x") => radix(&text[2..], 16),
        Some("0o") => radix(&text[2..], 8),
        _ => text.parse().ok(),
    };
    if let Some(integer) = integer {
        return Some(Value::Integer(integer));
    }
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let special = matches!(
        unsigned,
        ".inf" | ".Inf" | ".INF" | ".nan" | ".NaN" | ".NAN"
    );
    let float = unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.')
        && text.parse::<f64>().is_ok();
    (special || float).then(|| Value::Number(text.to_owned()))
}

#[cfg(test)]
mod tests;
