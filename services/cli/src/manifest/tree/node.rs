//! A tree in which every node knows where it stands.

use std::fmt;
use std::iter::Sum;
use std::ops::Add;

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

/// A value and its place.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Node {
    pub(crate) at: Position,
    pub(crate) value: Value,
}

/// What a node holds, as kubectl resolves it.
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

    /// What it takes to have it once more.
    pub(super) fn size(&self) -> Size {
        let (nodes, octets) = match &self.value {
            Value::Text(text) | Value::Number(text) => (1, text.len()),
            Value::Null | Value::Boolean(_) | Value::Integer(_) => (1, 0),
            Value::List(items) => return Size::one(0) + items.iter().map(Self::size).sum(),
            Value::Map(entries) => return Size::one(0) + entries.iter().map(Entry::size).sum(),
        };
        Size { nodes, octets }
    }
}

impl Entry {
    /// Key and value.
    pub(super) fn size(&self) -> Size {
        Size::one(self.key.len()) + self.node.size()
    }
}

/// How much there is of something.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Size {
    /// Values, keys included.
    pub(super) nodes: usize,
    /// Octets of texts.
    pub(super) octets: usize,
}

impl Size {
    fn one(octets: usize) -> Self {
        Self { nodes: 1, octets }
    }
}

impl Add for Size {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            nodes: self.nodes + other.nodes,
            octets: self.octets + other.octets,
        }
    }
}

impl Sum for Size {
    fn sum<I: Iterator<Item = Self>>(sizes: I) -> Self {
        sizes.fold(Self::default(), Add::add)
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
