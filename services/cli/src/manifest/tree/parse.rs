//! From the parser's events to a tree.

use std::collections::{HashMap, HashSet};

use saphyr_parser::{Event, Marker, Parser, ScanError};

use super::node::{Entry, Node, Position, Value};
use super::scalar::scalar;

/// A manifest of the largest clusters is a tenth of this.
pub(crate) const MAX_BYTES: usize = 16 << 20;
/// Kubernetes' own kinds nest about ten deep.
const MAX_DEPTH: usize = 64;
/// Nodes of one file, each copy made for an anchor or an alias included.
const MAX_NODES: usize = 2_000_000;

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

impl From<Marker> for Position {
    fn from(marker: Marker) -> Self {
        Self {
            line: marker.line(),
            column: marker.col() + 1,
        }
    }
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
        key: Option<Key>,
    },
}

/// A key whose value is still to come.
struct Key {
    key: String,
    at: Position,
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
                Some(Key { key, at }) => entries.push(Entry { key, at, node }),
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

fn new_key(node: Node, keys: &mut HashSet<String>) -> Result<Key, Malformed> {
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
    Ok(Key { key, at: node.at })
}
