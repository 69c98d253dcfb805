//! Typed reading of a located tree: what is wrong is collected with its place and path, and reading goes on.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use super::tree::{Entry, Node, Position, Value};

/// Something that can't be read, in the words of the manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    pub(crate) at: Position,
    /// `spec.ports[0].port`; empty for the document as a whole.
    pub(crate) path: String,
    pub(crate) message: String,
}

/// The problems of one document.
#[derive(Debug, Default)]
pub(crate) struct Problems(RefCell<Vec<Problem>>);

impl Problems {
    pub(crate) fn into_vec(self) -> Vec<Problem> {
        self.0.into_inner()
    }
}

/// A node, and how one got there.
#[derive(Clone)]
pub(crate) struct Place<'a> {
    pub(crate) node: &'a Node,
    path: String,
    problems: &'a Problems,
    is_lenient: bool,
}

impl<'a> Place<'a> {
    pub(crate) fn root(node: &'a Node, path: &str, problems: &'a Problems) -> Self {
        Self {
            node,
            path: path.to_owned(),
            problems,
            is_lenient: false,
        }
    }

    /// The place, where fields that are not known are no mistake: they may be of a newer Kubernetes.
    pub(super) fn lenient(self) -> Self {
        Self {
            is_lenient: true,
            ..self
        }
    }

    pub(crate) fn is_lenient(&self) -> bool {
        self.is_lenient
    }

    /// `spec.ports[0].port`, from the top of the file's document.
    pub(super) fn path(&self) -> &str {
        &self.path
    }

    /// Notes that this place is wrong.
    pub(crate) fn refuse(&self, message: impl Into<String>) {
        self.problems.0.borrow_mut().push(Problem {
            at: self.node.at,
            path: self.path.clone(),
            message: message.into(),
        });
    }

    fn expected<T>(&self, what: &str) -> Option<T> {
        let hint = match self.node.value {
            Value::Boolean(_) | Value::Integer(_) | Value::Number(_) if what == "a string" => {
                " (put it in quotes)"
            }
            _ => "",
        };
        self.refuse(format!("expected {what}, found {}{hint}", self.node.noun()));
        None
    }

    pub(crate) fn text(&self) -> Option<String> {
        match &self.node.value {
            Value::Text(text) => Some(text.clone()),
            _ => self.expected("a string"),
        }
    }

    pub(crate) fn boolean(&self) -> Option<bool> {
        match self.node.value {
            Value::Boolean(value) => Some(value),
            _ => self.expected("true or false"),
        }
    }

    pub(crate) fn integer(&self) -> Option<i32> {
        let Value::Integer(value) = self.node.value else {
            return self.expected("an integer");
        };
        let integer = i32::try_from(value).ok();
        if integer.is_none() {
            self.refuse(format!("{value} is out of range"));
        }
        integer
    }

    /// One of the words, by what it means.
    pub(crate) fn word<T: Copy>(&self, words: &[(&str, T)]) -> Option<T> {
        let text = self.text()?;
        let found = words.iter().find(|(word, _)| *word == text);
        if found.is_none() {
            let words: Vec<_> = words.iter().map(|(word, _)| *word).collect();
            self.refuse(format!("{text:?} is none of {}", words.join(", ")));
        }
        found.map(|(_, meaning)| *meaning)
    }

    /// The items of a list; none if this is no list.
    pub(crate) fn list(&self) -> Vec<Self> {
        let Value::List(items) = &self.node.value else {
            return self.expected("a list").unwrap_or_default();
        };
        let item = |(i, node)| Self {
            node,
            path: format!("{}[{i}]", self.path),
            problems: self.problems,
            is_lenient: self.is_lenient,
        };
        items.iter().enumerate().map(item).collect()
    }

    pub(crate) fn texts(&self) -> Vec<String> {
        self.list().iter().filter_map(Self::text).collect()
    }

    /// A map of strings, such as labels.
    pub(crate) fn text_map(&self) -> BTreeMap<String, String> {
        let Some(fields) = self.fields() else {
            return BTreeMap::new();
        };
        let pair = |entry: &'a Entry| Some((entry.key.clone(), fields.place(entry).text()?));
        fields.entries.iter().filter_map(pair).collect()
    }

    /// The fields of a map.
    pub(crate) fn fields(&self) -> Option<Fields<'a>> {
        match &self.node.value {
            Value::Map(entries) => Some(Fields {
                place: self.clone(),
                entries,
                known: vec![Cell::new(false); entries.len()],
            }),
            _ => self.expected("a map"),
        }
    }
}

/// The fields of a map, of which some were asked for.
pub(crate) struct Fields<'a> {
    pub(crate) place: Place<'a>,
    entries: &'a [Entry],
    known: Vec<Cell<bool>>,
}

impl<'a> Fields<'a> {
    fn place(&self, entry: &'a Entry) -> Place<'a> {
        let path = match self.place.path.as_str() {
            "" => entry.key.clone(),
            path => format!("{path}.{}", entry.key),
        };
        Place {
            node: &entry.node,
            path,
            problems: self.place.problems,
            is_lenient: self.place.is_lenient,
        }
    }

    /// The field's place, unless it is absent or null.
    pub(crate) fn get(&self, key: &str) -> Option<Place<'a>> {
        let index = self.entries.iter().position(|entry| entry.key == key)?;
        self.known[index].set(true);
        let entry = &self.entries[index];
        (entry.node.value != Value::Null).then(|| self.place(entry))
    }

    /// The field as text; empty if absent.
    pub(crate) fn text(&self, key: &str) -> String {
        self.get(key)
            .and_then(|place| place.text())
            .unwrap_or_default()
    }

    /// The field as an integer; 0 if absent.
    pub(crate) fn integer(&self, key: &str) -> i32 {
        self.get(key)
            .and_then(|place| place.integer())
            .unwrap_or_default()
    }

    /// The field as a boolean, if it is there.
    pub(crate) fn boolean(&self, key: &str) -> Option<bool> {
        self.get(key)?.boolean()
    }

    /// The items of the field; none if absent.
    pub(crate) fn list(&self, key: &str) -> Vec<Place<'a>> {
        self.get(key).map(|place| place.list()).unwrap_or_default()
    }

    pub(crate) fn texts(&self, key: &str) -> Vec<String> {
        self.get(key).map(|place| place.texts()).unwrap_or_default()
    }

    pub(crate) fn text_map(&self, key: &str) -> BTreeMap<String, String> {
        self.get(key)
            .map(|place| place.text_map())
            .unwrap_or_default()
    }

    pub(crate) fn fields(&self, key: &str) -> Option<Self> {
        self.get(key)?.fields()
    }

    /// Refuses the map because of a field that is missing.
    pub(crate) fn missing(&self, key: &str, why: &str) {
        self.place.refuse(format!("{key} is missing: {why}"));
    }

    /// Refuses every field that was neither asked for nor is in `ignored`, unless the place is lenient.
    pub(crate) fn refuse_unknown(&self, ignored: &[&str]) {
        if self.place.is_lenient {
            return;
        }
        for (entry, known) in self.entries.iter().zip(&self.known) {
            if !known.get() && !ignored.contains(&entry.key.as_str()) {
                self.place.problems.0.borrow_mut().push(Problem {
                    at: entry.at,
                    path: self.place(entry).path,
                    message: "unknown field".to_owned(),
                });
            }
        }
    }
}
