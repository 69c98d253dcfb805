//! `metadata`: Kubernetes' `ObjectMeta`, as far as a user sets it.

use std::collections::BTreeMap;

use super::Scope;
use super::read::Fields;

/// Set by a server, or without meaning here.
const SERVER_SET: &[&str] = &[
    "clusterName",
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "finalizers",
    "generateName",
    "generation",
    "managedFields",
    "ownerReferences",
    "resourceVersion",
    "selfLink",
    "uid",
];

/// Who a document is about.
#[derive(Debug, Default)]
pub(super) struct Metadata {
    pub(super) name: String,
    pub(super) namespace: String,
    pub(super) labels: BTreeMap<String, String>,
    pub(super) annotations: BTreeMap<String, String>,
    /// It carries a deletion timestamp.
    pub(super) deleting: bool,
}

impl Metadata {
    /// Reads `metadata` of a document.
    pub(super) fn read(document: &Fields<'_>, scope: &Scope) -> Self {
        let Some(fields) = document.fields("metadata") else {
            document.missing("metadata", "a name is needed");
            return Self::default();
        };
        let metadata = Self {
            name: fields.text("name"),
            namespace: namespace(&fields, scope),
            labels: fields.text_map("labels"),
            annotations: fields.text_map("annotations"),
            deleting: fields.get("deletionTimestamp").is_some(),
        };
        if metadata.name.is_empty() {
            fields.missing("name", "every resource needs one");
        }
        fields.refuse_unknown(SERVER_SET);
        metadata
    }

    /// What a kind without labels says about those it was given.
    pub(super) fn unlabelled(&self, kind: &str) -> Vec<String> {
        if self.labels.is_empty() && self.annotations.is_empty() {
            return Vec::new();
        }
        vec![format!("{kind} keeps no labels and annotations")]
    }
}

fn namespace(fields: &Fields<'_>, scope: &Scope) -> String {
    let asked = scope.namespace.as_deref();
    let own = fields.get("namespace");
    let Some(own) = own.and_then(|place| Some((place.text()?, place))) else {
        return asked.unwrap_or("default").to_owned();
    };
    match own {
        (own, place) if asked.is_some_and(|asked| asked != own) => {
            place.refuse(format!(
                "the manifest says {own:?}, but --namespace says {:?}",
                asked.unwrap_or_default()
            ));
            own
        }
        (own, _) => own,
    }
}
