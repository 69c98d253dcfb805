//! From the parser's events to a tree. Depth, size and what aliases may multiply are bounded here, once and for all that
//! follows.

use std::collections::{HashMap, HashSet};

use libyaml_safer::{EventData, ScalarStyle};

use super::malformed::{Malformed, quoted};
use super::node::{Entry, Node, Position, Size, Value};
use super::scalar::scalar;

/// Kubernetes' own kinds nest about ten deep.
const MAX_DEPTH: usize = 64;
/// Values of one file, each copy made for an anchor or an alias included.
const MAX_NODES: usize = 2_000_000;
/// Octets of all texts in them.
const MAX_OCTETS: usize = 64 << 20;
/// The key whose maps are merged into the one that it stands in.
const MERGE: &str = "<<";

/// A list or a map that is not complete yet.
struct Open {
    at: Position,
    anchor: Option<String>,
    content: Content,
}

enum Content {
    List(Vec<Node>),
    Map(Map),
}

#[derive(Default)]
struct Map {
    entries: Vec<Entry>,
    keys: HashSet<String>,
    key: Option<Key>,
    /// What is merged in, unless the map has it itself.
    merged: Vec<Entry>,
}

/// A key whose value is still to come.
struct Key {
    text: String,
    at: Position,
    merges: bool,
}

/// Builds the documents of one file, one after the other.
#[derive(Default)]
pub(super) struct Builder {
    document: Option<Node>,
    open: Vec<Open>,
    anchors: HashMap<String, Node>,
    size: Size,
}

impl Builder {
    /// A document begins, whatever became of the one before.
    pub(super) fn begin(&mut self) {
        self.document = None;
        self.open.clear();
        self.anchors.clear();
    }

    /// The document, if there is more in it than nothing.
    pub(super) fn end(&mut self) -> Option<Node> {
        self.document
            .take()
            .filter(|node| node.value != Value::Null)
    }

    /// The next event; true if there are no more.
    pub(super) fn take(&mut self, event: EventData, at: Position) -> Result<bool, Malformed> {
        match event {
            EventData::StreamEnd => return Ok(true),
            EventData::SequenceStart { anchor, .. } => {
                self.start(at, anchor, Content::List(Vec::new()))?;
            }
            EventData::MappingStart { anchor, .. } => {
                self.start(at, anchor, Content::Map(Map::default()))?;
            }
            EventData::SequenceEnd | EventData::MappingEnd => self.close()?,
            EventData::Scalar {
                anchor,
                tag,
                value,
                style,
                ..
            } => self.scalar(at, anchor, tag.as_deref(), &value, style)?,
            EventData::Alias { anchor } => self.alias(at, &anchor)?,
            EventData::StreamStart { .. }
            | EventData::DocumentStart { .. }
            | EventData::DocumentEnd { .. } => {}
        }
        Ok(false)
    }

    fn start(
        &mut self,
        at: Position,
        anchor: Option<String>,
        content: Content,
    ) -> Result<(), Malformed> {
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

    fn close(&mut self) -> Result<(), Malformed> {
        let open = self.open.pop().expect("the parser pairs starts and ends");
        let value = match open.content {
            Content::List(items) => Value::List(items),
            Content::Map(map) => Value::Map(map.complete()),
        };
        self.put(Node { at: open.at, value }, open.anchor)
    }

    fn scalar(
        &mut self,
        at: Position,
        anchor: Option<String>,
        tag: Option<&str>,
        text: &str,
        style: ScalarStyle,
    ) -> Result<(), Malformed> {
        if let Some(map) = self.awaiting_key()
            && text == MERGE
            && style == ScalarStyle::Plain
        {
            map.key = Some(Key {
                text: MERGE.to_owned(),
                at,
                merges: true,
            });
            return Ok(());
        }
        let value = scalar(text, style, tag);
        self.put(Node { at, value }, anchor)
    }

    fn alias(&mut self, at: Position, anchor: &str) -> Result<(), Malformed> {
        let Some(node) = self.anchors.get(anchor) else {
            let is_inside = |open: &Open| open.anchor.as_deref() == Some(anchor);
            let message = if self.open.iter().any(is_inside) {
                "the alias stands inside its own anchor".to_owned()
            } else {
                format!("nothing before it has the anchor {}", quoted(anchor))
            };
            return Err(Malformed::new(at, message));
        };
        let size = node.size();
        self.count(size, at)?;
        let node = Node {
            at,
            ..self.anchors[anchor].clone()
        };
        self.put(node, None)
    }

    fn put(&mut self, node: Node, anchor: Option<String>) -> Result<(), Malformed> {
        let own = Size {
            nodes: 1,
            octets: 0,
        };
        self.count(own, node.at)?;
        if let Some(anchor) = anchor {
            self.count(node.size(), node.at)?;
            self.anchors.insert(anchor, node.clone());
        }
        match self.open.last_mut().map(|open| &mut open.content) {
            None => self.document = Some(node),
            Some(Content::List(items)) => items.push(node),
            Some(Content::Map(map)) => map.put(node)?,
        }
        Ok(())
    }

    /// The innermost map, if a key of it comes next.
    fn awaiting_key(&mut self) -> Option<&mut Map> {
        match self.open.last_mut().map(|open| &mut open.content) {
            Some(Content::Map(map)) if map.key.is_none() => Some(map),
            _ => None,
        }
    }

    fn count(&mut self, more: Size, at: Position) -> Result<(), Malformed> {
        self.size = self.size + more;
        let message = if self.size.nodes > MAX_NODES {
            format!("more than {MAX_NODES} values, counting what aliases stand for")
        } else if self.size.octets > MAX_OCTETS {
            format!("more than {MAX_OCTETS} bytes, counting what aliases stand for")
        } else {
            return Ok(());
        };
        Err(Malformed::new(at, message))
    }
}

impl Map {
    fn put(&mut self, node: Node) -> Result<(), Malformed> {
        match self.key.take() {
            None => self.key = Some(self.new_key(node)?),
            Some(key) if key.merges => self.merged.extend(merged(node)?),
            Some(Key { text: key, at, .. }) => self.entries.push(Entry { key, at, node }),
        }
        Ok(())
    }

    fn new_key(&mut self, node: Node) -> Result<Key, Malformed> {
        let text = match node.value {
            Value::Text(key) | Value::Number(key) => key,
            Value::Integer(number) => number.to_string(),
            Value::Boolean(value) => value.to_string(),
            Value::Null => "null".to_owned(),
            Value::List(_) | Value::Map(_) => {
                return Err(Malformed::new(node.at, "a key can't be a list or a map"));
            }
        };
        if !self.keys.insert(text.clone()) {
            let message = format!("{} is there twice", quoted(&text));
            return Err(Malformed::new(node.at, message));
        }
        Ok(Key {
            text,
            at: node.at,
            merges: false,
        })
    }

    /// What it has itself wins, then what is merged first.
    fn complete(mut self) -> Vec<Entry> {
        for entry in self.merged {
            if self.keys.insert(entry.key.clone()) {
                self.entries.push(entry);
            }
        }
        self.entries
    }
}

/// The entries of a map, or of each map of a list.
fn merged(node: Node) -> Result<Vec<Entry>, Malformed> {
    let refused = |at| Err(Malformed::new(at, "<< takes a map, or a list of maps"));
    match node.value {
        Value::Map(entries) => Ok(entries),
        Value::List(items) => {
            let mut all = Vec::new();
            for item in items {
                let Value::Map(entries) = item.value else {
                    return refused(item.at);
                };
                all.extend(entries);
            }
            Ok(all)
        }
        _ => refused(node.at),
    }
}
