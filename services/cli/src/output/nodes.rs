//! Nodes.

use portolan_proto::v1;

use super::table::or_none;
use super::yaml::{Document, Fields};
use super::{age, conditions, metadata};
use crate::object;

pub(super) const COLUMNS: (&[&str], &[&str]) = (
    &[
        "NAME",
        "STATUS",
        "DATAPLANE",
        "ADDRESSES",
        "ZONE",
        "REVISION",
        "AGE",
    ],
    &["DURABLE", "REJECTED"],
);

pub(super) fn row(node: &v1::Node, age: String) -> Vec<String> {
    let spec = node.spec.clone().unwrap_or_default();
    let status = node.status.clone().unwrap_or_default();
    vec![
        object::last(&node.name).to_owned(),
        connected(&status).to_owned(),
        or_none(spec.dataplane),
        or_none(spec.addresses.join(",")),
        or_none(spec.zone),
        status.attempted_revision.to_string(),
        age,
        status.durable_revision.to_string(),
        status.rejected.len().to_string(),
    ]
}

pub(super) fn connected(status: &v1::NodeStatus) -> &'static str {
    match (status.connected, status.rejected.is_empty()) {
        (true, true) => "Connected",
        (true, false) => "Connected,Rejecting",
        (false, _) => "NotConnected",
    }
}

pub(super) fn document(node: &v1::Node) -> Document {
    let metadata = metadata!(node)
        .field("generation", node.generation)
        .field("labels", &node.labels)
        .field("annotations", &node.annotations);
    Fields::new()
        .field("apiVersion", "portolan/v1")
        .field("kind", "Node")
        .field("metadata", metadata.end())
        .optional("spec", node.spec.as_ref().map(spec))
        .optional("status", node.status.as_ref().map(status))
        .end()
}

fn spec(spec: &v1::NodeSpec) -> Document {
    Fields::new()
        .field("addresses", spec.addresses.clone())
        .field("zone", spec.zone.as_str())
        .field("nodePortAddresses", spec.node_port_addresses.clone())
        .field("dataplane", spec.dataplane.as_str())
        .end()
}

fn status(status: &v1::NodeStatus) -> Document {
    let rejection = |rejection: &v1::Rejection| {
        Fields::new()
            .field("object", rejection.object.as_str())
            .field("sinceRevision", rejection.since_revision)
            .field("code", rejection.code.as_str())
            .field("message", rejection.message.as_str())
            .end()
    };
    Fields::new()
        .always("connected", status.connected)
        .field("session", status.session)
        .field("attemptedRevision", status.attempted_revision)
        .field("durableRevision", status.durable_revision)
        .field(
            "rejected",
            status.rejected.iter().map(rejection).collect::<Vec<_>>(),
        )
        .optional(
            "lastContactTime",
            status.last_contact_time.as_ref().map(age::rfc3339),
        )
        .field("conditions", conditions::documents(&status.conditions))
        .end()
}
