//! Which reader a document goes to, by its kind; Lists are taken apart.

use std::sync::Arc;

use super::read::{Fields, Place, Problems};
use super::tree::{self, Node, Value};
use super::{Item, Manifest, Reading, Scope, Source};
use super::{cluster, endpoints, namespace, node, pod, service, workload};

/// What a reader made of a document. If it found problems, this is not looked at.
pub(super) enum Answer {
    /// To be applied, with notes for the user, and the places of endpoints.
    Item {
        item: Box<Item>,
        notes: Vec<String>,
        places: Vec<String>,
    },
    /// Not used; the text says why.
    Ignored(String),
}

impl From<Item> for Answer {
    fn from(item: Item) -> Self {
        Self::noted(item, Vec::new())
    }
}

impl Answer {
    pub(super) fn noted(item: Item, notes: Vec<String>) -> Self {
        Self::Item {
            item: Box::new(item),
            notes,
            places: Vec::new(),
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
        let source = Source::new(file, node);
        let node = Arc::clone(&source.node);
        one(&node, &source, &Kind::of(&node, None), scope, &mut readings);
    }
    readings
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

fn one(node: &Node, source: &Source, kind: &Kind, scope: &Scope, readings: &mut Vec<Reading>) {
    let items = node.get("items").map(|items| &items.value);
    if let (Some(item), Some(Value::List(items))) = (kind.item(), items) {
        for (i, node) in items.iter().enumerate() {
            let mut source = source.clone();
            source.prefix = format!("{}items[{i}]", dotted(&source.prefix));
            one(node, &source, &Kind::of(node, Some(&item)), scope, readings);
        }
        return;
    }
    readings.push(document(node, source, kind, scope));
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
    match answer {
        Answer::Ignored(why) => Reading::Ignored(format!("{label} ignored: {why}")),
        Answer::Item {
            item,
            notes,
            places,
        } => Reading::Manifest(Box::new(Manifest {
            source: source.clone(),
            label: match *item {
                // Whatever it was read from.
                Item::Workload(_) => format!("workload/{name}"),
                _ => label,
            },
            item: *item,
            notes,
            places: places
                .into_iter()
                .map(|place| within(&place, source))
                .collect(),
        })),
    }
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
    Some(match (kind.version.as_str(), kind.kind.as_str()) {
        ("v1", "Namespace") => namespace::kubernetes(fields, scope),
        ("portolan/v1", "Namespace") => namespace::own(fields, scope),
        ("v1", "Service") => service::read(fields, scope),
        ("v1", "Pod") => pod::read(fields, scope),
        ("v1", "Endpoints") => endpoints::subsets(fields, scope),
        ("discovery.k8s.io/v1", "EndpointSlice") => endpoints::slice(fields, scope),
        ("networking.k8s.io/v1" | "portolan/v1", "ServiceCIDR") => {
            cluster::service_cidr(fields, scope)
        }
        ("portolan/v1", "Cluster") => cluster::cluster(fields, scope),
        ("portolan/v1", "Node") => node::read(fields, scope),
        ("portolan/v1", "Endpoints") => endpoints::own(fields, scope),
        ("portolan/v1", "Workload") => workload::read(fields, scope),
        ("portolan/v1", "Endpoint") => endpoints::shown(fields),
        (
            version,
            kind @ ("Namespace" | "Service" | "Pod" | "Endpoints" | "EndpointSlice" | "Workload"
            | "ServiceCIDR"),
        ) => {
            let message = format!("{version:?} is no version of kind {kind} that Portolan reads");
            match fields.get("apiVersion") {
                Some(place) => place.refuse(message),
                None => fields.missing("apiVersion", &message),
            }
            return None;
        }
        ("portolan/v1", kind) => {
            fields
                .place
                .refuse(format!("Portolan has no kind {kind} to apply"));
            return None;
        }
        (_, kind) => Answer::Ignored(format!("Portolan does not use kind {kind}")),
    })
}

#[cfg(test)]
mod tests;
