//! Which reader a document goes to, by its kind; Lists are taken apart.

use std::sync::Arc;

use super::read::{Fields, Place, Problems};
use super::tree::{self, Node, Value};
use super::{Item, Manifest, Reading, Scope, Source};
use super::{endpoints, namespace, pod, service, workload};

/// What a reader made of a document.
pub(super) enum Read {
    Item(Item),
    /// Not used; the text says why.
    Ignored(String),
}

/// A reader's answer, with notes for the user. The answer of a reader that found problems is not looked at.
pub(super) struct Answer {
    pub(super) read: Read,
    pub(super) notes: Vec<String>,
}

impl From<Item> for Answer {
    fn from(item: Item) -> Self {
        Self {
            read: Read::Item(item),
            notes: Vec::new(),
        }
    }
}

impl Answer {
    pub(super) fn ignored(why: impl Into<String>) -> Self {
        Self {
            read: Read::Ignored(why.into()),
            notes: Vec::new(),
        }
    }
}

/// Everything in the text of one file. A file that is no YAML is refused as a whole: what stands before the mistake
/// may not mean what it seems to.
pub(crate) fn read(file: &str, text: &str, scope: &Scope) -> Vec<Reading> {
    let documents = match tree::parse(text) {
        Ok(documents) => documents,
        Err(malformed) => {
            return vec![Reading::Refused(vec![format!("{file}:{malformed}")])];
        }
    };
    let mut readings = Vec::new();
    for node in documents {
        let source = Source {
            file: file.into(),
            node: Arc::new(node),
            prefix: String::new(),
        };
        let node = Arc::clone(&source.node);
        one(&node, &source, Kind::of(&node, None), scope, &mut readings);
    }
    readings
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

fn one(node: &Node, source: &Source, kind: Kind, scope: &Scope, readings: &mut Vec<Reading>) {
    if let (Some(item), Some(Node { value: Value::List(items), .. })) =
        (kind.item(), node.get("items"))
    {
        for (i, node) in items.iter().enumerate() {
            let mut source = source.clone();
            source.prefix = format!("{}items[{i}]", dotted(&source.prefix));
            one(node, &source, Kind::of(node, Some(&item)), scope, readings);
        }
        return;
    }
    let problems = Problems::default();
    let place = Place::root(node, &source.prefix, &problems);
    let name = node.get("metadata").and_then(|m| m.text("name"));
    let label = format!(
        "{}/{}",
        kind.kind.to_lowercase(),
        name.unwrap_or_default()
    );
    let answer = place.fields().and_then(|fields| dispatch(&kind, &fields, scope));
    let problems = problems.into_vec();
    readings.push(match answer {
        Some(Answer { read: Read::Ignored(why), .. }) if problems.is_empty() => {
            Reading::Ignored(format!("{label} ignored: {why}"))
        }
        Some(Answer { read: Read::Item(item), notes }) if problems.is_empty() => {
            let label = match &item {
                Item::Workload(_) => format!("workload/{}", name.unwrap_or_default()),
                _ => label,
            };
            let source = source.clone();
            Reading::Manifest(Box::new(Manifest { source, label, item, notes }))
        }
        _ => Reading::Refused(problems.iter().map(|p| source.problem(p)).collect()),
    });
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
        fields.missing("kind", "a manifest says what it describes, for example Service");
        return None;
    }
    Some(match (kind.version.as_str(), kind.kind.as_str()) {
        ("v1" | "portolan/v1", "Namespace") => namespace::read(fields, scope),
        ("v1", "Service") => service::read(fields, scope),
        ("v1", "Pod") => pod::read(fields, scope),
        ("v1", "Endpoints") => endpoints::subsets(fields, scope),
        ("discovery.k8s.io/v1", "EndpointSlice") => endpoints::slice(fields, scope),
        ("portolan/v1", "Workload") => workload::read(fields, scope),
        (version, kind @ ("Namespace" | "Service" | "Pod" | "Endpoints" | "EndpointSlice" | "Workload")) => {
            let message = format!("{version:?} is no version of kind {kind} that Portolan reads");
            match fields.get("apiVersion") {
                Some(place) => place.refuse(message),
                None => fields.missing("apiVersion", &message),
            }
            return None;
        }
        ("portolan/v1", kind) => {
            fields.place.refuse(format!("Portolan has no kind {kind} to apply"));
            return None;
        }
        (_, kind) => Answer::ignored(format!("Portolan does not use kind {kind}")),
    })
}

#[cfg(test)]
mod tests;
