//! A cluster, as it is described.

use portolan_proto::v1;

use crate::output::lines::Lines;
use crate::output::table::{Table, or_none};
use crate::words;

/// A cluster and how full it is. What happened in it is too much to list here.
pub(super) fn cluster(cluster: &v1::Cluster) -> String {
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
        or_none(spec.node_port_range.map(super::range).unwrap_or_default()),
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
    lines.end()
}

/// How full ranges are.
pub(in crate::kinds) fn usage(lines: &mut Lines, label: &str, ranges: &[v1::RangeUsage]) {
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
