//! From the documents of a file to what became of each; Lists are taken apart.

use std::sync::Arc;

use super::answer::Answer;
use super::read::{Fields, Place, Problems};
use super::tree::{self, Node, Value};
use super::{Item, Manifest, Reading, Scope, Source, readers};

/// Everything in the text of one file. A file that is no YAML is refused as a whole: what stands before the mistake
/// may not mean what it seems to.
pub(crate) fn read(file: &str, text: &str, scope: &Scope) -> Vec<Reading> {
    let documents = match tree::parse(text) {
        Ok(documents) => documents,
        Err(malformed) => {
            return vec![Reading::Refused(vec![format!("{file}:{malformed}")])];
        }
    };
    let one = |node| {
        let source = Source::new(file, node);
        let node = Arc::clone(&source.node);
        each(&node, &source, &Kind::of(&node, None), scope)
    };
    documents.into_iter().flat_map(one).collect()
}

/// One document that was put together; `source` is where its author finds what it says.
pub(crate) fn read_node(node: &Node, source: &Source, scope: &Scope) -> Reading {
    document(node, source, &Kind::of(node, None), scope)
}

/// `apiVersion` and `kind`.
#[derive(Clone, Debug, Default, PartialEq)]
struct Kind {
    version: String,
    kind: String,
}

impl Kind {
    /// Items of a typed list need not repeat what the list says.
    fn of(node: &Node, list: Option<&Self>) -> Self {
        let inherited = list.cloned().unwrap_or_default();
        let text = |key| node.text(key).map(ToOwned::to_owned);
        Self {
            version: text("apiVersion").unwrap_or(inherited.version),
            kind: text("kind").unwrap_or(inherited.kind),
        }
    }

    /// What the items of this list are, unless they say so themselves.
    fn item(&self) -> Option<Self> {
        let kind = self.kind.strip_suffix("List")?.to_owned();
        let version = self.version.clone();
        Some(Self { version, kind })
    }
}

/// The document, or each item if it is a List.
fn each(node: &Node, source: &Source, kind: &Kind, scope: &Scope) -> Vec<Reading> {
    let items = node.get("items").map(|items| &items.value);
    let (Some(item), Some(Value::List(items))) = (kind.item(), items) else {
        return vec![document(node, source, kind, scope)];
    };
    let one = |(i, node): (usize, &Node)| {
        let mut source = source.clone();
        source.prefix = format!("{}items[{i}]", dotted(&source.prefix));
        each(node, &source, &Kind::of(node, Some(&item)), scope)
    };
    items.iter().enumerate().flat_map(one).collect()
}

fn document(node: &Node, source: &Source, kind: &Kind, scope: &Scope) -> Reading {
    let problems = Problems::default();
    let fields = Place::root(node, &source.prefix, &problems).fields();
    let answer = fields.and_then(|fields| dispatch(kind, &fields, scope));
    let problems = problems.into_vec();
    let Some(answer) = answer.filter(|_| problems.is_empty()) else {
        return Reading::Refused(problems.iter().map(|p| source.problem(p)).collect());
    };
    let name = node
        .get("metadata")
        .and_then(|metadata| metadata.text("name"));
    let name = name.unwrap_or_default();
    let label = format!("{}/{name}", kind.kind.to_lowercase());
    let asked = match answer {
        Answer::Ignored(why) => return Reading::Ignored(format!("{label} ignored: {why}")),
        Answer::Asked(asked) => *asked,
    };
    let places = asked.places.iter();
    Reading::Manifest(Box::new(Manifest {
        source: source.clone(),
        label: match asked.item {
            // A Pod becomes one, too.
            Item::Workload(_) => format!("workload/{name}"),
            _ => label,
        },
        item: asked.item,
        notes: asked.notes,
        places: places.map(|place| within(place, source)).collect(),
    }))
}

/// A path in the document, from one in the file.
fn within(path: &str, source: &Source) -> String {
    let path = path.strip_prefix(source.prefix.as_str()).unwrap_or(path);
    path.trim_start_matches('.').to_owned()
}

fn dotted(prefix: &str) -> String {
    match prefix {
        "" => String::new(),
        prefix => format!("{prefix}."),
    }
}

fn dispatch(kind: &Kind, fields: &Fields<'_>, scope: &Scope) -> Option<Answer> {
    for key in ["apiVersion", "kind"] {
        if let Some(place) = fields.get(key) {
            place.text()?;
        }
    }
    if kind.kind.is_empty() {
        fields.missing(
            "kind",
            "a manifest says what it describes, for example Service",
        );
        return None;
    }
    if let Some(reader) = readers::find(&kind.version, &kind.kind) {
        return Some(reader.read(fields, scope));
    }
    let Kind { version, kind } = kind;
    if readers::is_known(kind) {
        let message = format!("{version:?} is no version of kind {kind} that Portolan reads");
        match fields.get("apiVersion") {
            Some(place) => place.refuse(message),
            None => fields.missing("apiVersion", &message),
        }
        return None;
    }
    if version == "portolan/v1" {
        fields
            .place
            .refuse(format!("Portolan has no kind {kind} to apply"));
        return None;
    }
    let why = format!("Portolan does not use kind {kind}");
    Some(Answer::Ignored(why))
}

#[cfg(test)]
mod tests;
