//! What a refusal complains about: a field in the words of the manifest, and why.

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

use super::{path, plain};
use crate::manifest::{Item, Manifest};

/// One thing that is wrong.
pub(super) struct Complaint {
    /// `spec.ports[0].nodePort`; `None` if it is about no field.
    field: Option<String>,
    text: String,
}

impl Complaint {
    /// All that a refusal complains about, at least one thing.
    pub(super) fn of(server: &str, status: &Status, manifest: Option<&Manifest>) -> Vec<Self> {
        let details = status.get_error_details();
        if let Some(absent) = missing_namespace(status, &details, manifest) {
            return vec![absent];
        }
        let info = details.error_info();
        let reason = info.map_or("", |info| info.reason.as_str());
        let mut complaints = Vec::new();
        let mut add = |subject: &str, text: &str| {
            let field = path::yaml(subject, manifest);
            let field = field.or_else(|| concerned(reason, subject, manifest?));
            let text = text.to_owned();
            complaints.push(Self { field, text });
        };
        if let Some(bad) = details.bad_request() {
            for violation in &bad.field_violations {
                add(&violation.field, &violation.description);
            }
        }
        if let Some(failure) = details.precondition_failure() {
            for violation in &failure.violations {
                add(&violation.subject, &violation.description);
            }
        }
        if let Some(quota) = details.quota_failure() {
            for violation in &quota.violations {
                add(&violation.subject, &violation.description);
            }
        }
        if complaints.is_empty() {
            let field = manifest.and_then(|manifest| concerned(reason, "", manifest));
            let text = plain(server, status);
            complaints.push(Self { field, text });
        }
        complaints.retain(|complaint| !complaint.text.is_empty());
        if let Some(left_out) = info.and_then(|info| info.metadata.get("left_out")) {
            let text = format!("at least {left_out} more; they are told once these are put right");
            complaints.push(Self { field: None, text });
        }
        complaints
    }

    /// `FILE:LINE:COLUMN: field: text`; without a manifest there is no place.
    pub(super) fn line(&self, manifest: Option<&Manifest>) -> String {
        match (&self.field, manifest) {
            (Some(field), Some(manifest)) => {
                let at = manifest.source.locate(field);
                format!("{at}: {field}: {}", self.text)
            }
            (Some(field), None) => format!("{field}: {}", self.text),
            (None, Some(manifest)) => format!("{}: {}", manifest.source.locate(""), self.text),
            (None, None) => self.text.clone(),
        }
    }
}

/// The one absence that two remedies of this very command mend.
fn missing_namespace(
    status: &Status,
    details: &ErrorDetails,
    manifest: Option<&Manifest>,
) -> Option<Complaint> {
    if status.code() != Code::NotFound {
        return None;
    }
    let namespace = manifest?.item.namespace()?;
    let path = format!("namespaces/{namespace}");
    let is_absent = match details.resource_info() {
        Some(info) => info.resource_name.ends_with(&path),
        None => status.message().contains(&format!("{path} not found")),
    };
    is_absent.then(|| Complaint {
        field: Some("metadata.namespace".to_owned()),
        text: format!(
            "the namespace {namespace:?} does not exist: add --create-namespace, or apply a manifest of kind Namespace"
        ),
    })
}

/// The field that something is about which the server knows by another name: a range, a quota, the resource itself.
fn concerned(reason: &str, subject: &str, manifest: &Manifest) -> Option<String> {
    let quota = subject
        .rsplit_once("spec.quota.")
        .map_or("", |(_, limit)| limit);
    let field = match (reason, quota) {
        ("CLUSTER_IP_EXHAUSTED", _) => path::cluster_ip(manifest),
        ("NODE_PORT_EXHAUSTED", _) | ("QUOTA_EXCEEDED", "node_ports") => "spec.ports",
        ("QUOTA_EXCEEDED", "load_balancers") => "spec.type",
        ("QUOTA_EXCEEDED", "endpoints") => match &manifest.item {
            Item::Service(_) => "spec.selector",
            Item::Workload(_) => "metadata.labels",
            _ => "metadata.name",
        },
        ("QUOTA_EXCEEDED", _) => "metadata.namespace",
        (
            "ETAG_MISMATCH"
            | "UID_MISMATCH"
            | "NOT_FOUND"
            | "ALREADY_EXISTS"
            | "SERVICE_HAS_SELECTOR",
            _,
        ) => "metadata.name",
        _ => return None,
    };
    Some(field.to_owned())
}
