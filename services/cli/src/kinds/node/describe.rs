//! A node.

use portolan_proto::v1;
use prost_types::Timestamp;

use super::connected;
use crate::output::age;
use crate::output::lines::Lines;
use crate::output::table::{Table, or_none};

/// A node, what it rejects, and its events.
pub(crate) fn node(node: &v1::Node, events: &[v1::Event], now: Timestamp) -> String {
    let spec = node.spec.clone().unwrap_or_default();
    let status = node.status.clone().unwrap_or_default();
    let mut lines = Lines::about(node);
    lines.field("Addresses", or_none(spec.addresses.join(",")));
    lines.field(
        "Node Port Addresses",
        or_none(spec.node_port_addresses.join(",")),
    );
    lines.field("Zone", or_none(spec.zone));
    lines.field("Dataplane", or_none(spec.dataplane));
    lines.field("Status", connected(&status));
    lines.field(
        "Last Contact",
        age::age(status.last_contact_time.as_ref(), now),
    );
    lines.field("Attempted Revision", status.attempted_revision.to_string());
    lines.field("Durable Revision", status.durable_revision.to_string());
    let mut table = Table::new(vec!["Object", "Since", "Code", "Message"]);
    for rejection in &status.rejected {
        table.push(vec![
            rejection.object.clone(),
            rejection.since_revision.to_string(),
            rejection.code.clone(),
            rejection.message.clone(),
        ]);
    }
    lines.table("Rejected", &table);
    lines.conditions(&status.conditions);
    lines.events(events, now);
    lines.end()
}
