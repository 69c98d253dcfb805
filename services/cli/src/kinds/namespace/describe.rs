//! A namespace.

use portolan_proto::v1;
use prost_types::Timestamp;

use super::state;
use crate::output::lines::Lines;
use crate::output::table::{Table, or_none};

/// A namespace, what it holds of what it may hold, and its events.
pub(crate) fn namespace(namespace: &v1::Namespace, events: &[v1::Event], now: Timestamp) -> String {
    let spec = namespace.spec.clone().unwrap_or_default();
    let usage = namespace
        .status
        .and_then(|status| status.usage)
        .unwrap_or_default();
    let quota = spec.quota.unwrap_or_default();
    let mut lines = Lines::about(namespace);
    lines.field("Status", state(namespace));
    lines.field("Endpoint Ranges", or_none(spec.endpoint_ranges.join(",")));
    let mut table = Table::new(vec!["Resource", "Used", "Limit"]);
    for (resource, used, limit) in [
        ("services", usage.services, quota.services),
        ("nodePorts", usage.node_ports, quota.node_ports),
        ("loadBalancers", usage.load_balancers, quota.load_balancers),
        ("endpoints", usage.endpoints, quota.endpoints),
    ] {
        table.push(vec![
            resource.to_owned(),
            used.to_string(),
            limit.map_or_else(|| "<none>".to_owned(), |limit| limit.to_string()),
        ]);
    }
    lines.table("Quota", &table);
    lines.events(events, now);
    lines.end()
}
