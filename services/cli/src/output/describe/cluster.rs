//! A cluster, and one of its ranges.

use jiff::Timestamp;
use portolan_proto::v1;

use super::Lines;
use crate::output::table::{Table, or_none};
use crate::{kinds, words};

/// A cluster and how full it is. What happened in it is too much to list here.
pub(crate) fn cluster(cluster: &v1::Cluster) -> String {
    let spec = cluster.spec.clone().unwrap_or_default();
    let status = cluster.status.clone().unwrap_or_default();
    let families = words::spell_all(words::FAMILIES, &spec.ip_families);
    let ports = status.node_ports.unwrap_or_default();
    let mut lines = Lines::about(cluster);
    lines.field("Revision", status.head_revision.to_string());
    lines.field("Nodes", status.nodes.to_string());
    lines.field("DNS Domain", or_none(spec.dns_domain));
    lines.field("IP Families", or_none(families.join(",")));
    lines.field(
        "Node Port Range",
        or_none(
            spec.node_port_range
                .map(kinds::cluster::range)
                .unwrap_or_default(),
        ),
    );
    lines.field(
        "Node Ports",
        format!(
            "{} used, {} quarantined, of {}",
            ports.used, ports.quarantined, ports.capacity
        ),
    );
    lines.field("Endpoint Ranges", or_none(spec.endpoint_ranges.join(",")));
    lines.field("Workload Ranges", or_none(spec.workload_ranges.join(",")));
    usage(&mut lines, "Service Ranges", &status.service_ranges);
    lines.0
}

/// A range, how full it is, and its events.
pub(crate) fn service_cidr(
    range: &v1::ServiceCidr,
    events: &[v1::Event],
    now: Timestamp,
) -> String {
    let status = range.status.clone().unwrap_or_default();
    let cidrs = range.spec.clone().unwrap_or_default().cidrs;
    let mut lines = Lines::about(range);
    lines.field("CIDRs", or_none(cidrs.join(",")));
    lines.field("State", or_none(kinds::service_cidr::state(&status)));
    usage(&mut lines, "Usage", &status.usage);
    lines.conditions(&status.conditions);
    lines.events(events, now);
    lines.0
}

fn usage(lines: &mut Lines, label: &str, ranges: &[v1::RangeUsage]) {
    let mut table = Table::new(vec!["Range", "Used", "Quarantined", "Capacity"]);
    for usage in ranges {
        table.push(vec![
            usage.range.clone(),
            usage.used.to_string(),
            usage.quarantined.to_string(),
            usage.capacity.to_string(),
        ]);
    }
    lines.table(label, &table);
}
