//! From the documents of a file to what became of each; Lists are taken apart.

use std::sync::Arc;

use super::answer::Answer;
use super::read::{Fields, Place, Problems};
use super::readers::Found;
use super::tree::{self, Malformed, Node, Value};
use super::{Item, Manifest, Reading, Scope, Source, foreign, readers};

/// Everything in the text of one file. A document that is no YAML is refused, unless it is of a kind that is none of
/// ours: it stops no other.
pub(crate) fn read(file: &str, text: &str, scope: &Scope) -> Vec<Reading> {
    let parts = match tree::parse_each(text) {
        Ok(parts) => parts,
        Err(malformed) => return vec![refused(file, &malformed)],
    };
    let one = |part: tree::Parsed<'_>| match part.document {
        Ok(None) => Vec::new(),
        Ok(Some(node)) => {
            let source = Source::new(file, node);
            let node = Arc::clone(&source.node);
            each(&node, &source, &Kind::of(&node, None), scope)
        }
        Err(malformed) => match foreign::kind(part.text) {
            Some(kind) => vec![Reading::Ignored(format!(
                "{file}:{malformed}; ignored: Portolan does not use kind {kind}"
            ))],
            None => vec![refused(file, &malformed)],
        },
    };
    let readings: Vec<_> = parts.into_iter().flat_map(one).collect();
    if readings.is_empty() {
        return vec![Reading::Empty(file.to_owned())];
    }
    readings
}

fn refused(file: &str, malformed: &Malformed) -> Reading {
    Reading::Refused(vec![format!("{file}:{malformed}")])
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
    match readers::find(&kind.version, &kind.kind) {
        Found::Reader(reader) => return Some(reader.read(fields, scope)),
        Found::Foreign => {}
        Found::Otherwise(spelling) => {
            let message = format!("kind {:?} is written {spelling}", kind.kind);
            refuse(fields, "kind", message);
            return None;
        }
        Found::Version => {
            let Kind { version, kind } = kind;
            let message = format!("{version:?} is no version of kind {kind} that Portolan reads");
            refuse(fields, "apiVersion", message);
            return None;
        }
    }
    let Kind { version, kind } = kind;
    if version == "portolan/v1" {
        refuse(
            fields,
            "kind",
            format!("Portolan has no kind {kind} to apply"),
        );
        return None;
    }
    let of = if readers::is_known(kind) {
        format!(" of {version}")
    } else {
        String::new()
    };
    Some(Answer::Ignored(format!(
        "Portolan does not use kind {kind}{of}"
    )))
}

/// Refuses a field where it stands, or because it is missing.
fn refuse(fields: &Fields<'_>, key: &str, message: String) {
    match fields.get(key) {
        Some(place) => place.refuse(message),
        None => fields.missing(key, &message),
    }
}

#[cfg(test)]
mod tests;
