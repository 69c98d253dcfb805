//! Cluster: what Services and nodes live in.

pub(super) mod describe;

use portolan_proto::v1;

use crate::manifest::read::{Fields as Read, Place};
use crate::object;
use crate::output::table::or_none;
use crate::output::yaml::{Document, Fields};
use crate::shape::{Plain, Shape, Word, message};
use crate::show::{Columns, Show, Surroundings};
use crate::words;

message! { v1::ClusterSpec {
    node_port_range: PortRange("nodePortRange"),
    dns_domain: Plain("dnsDomain"),
    ip_families: Word("ipFamilies", words::FAMILIES),
    endpoint_ranges: Plain("endpointRanges"),
    workload_ranges: Plain("workloadRanges"),
} }

/// `30000-32767`, as the server's option has it.
struct PortRange(&'static str);

impl Shape<Option<v1::PortRange>> for PortRange {
    fn read(&self, fields: &Read<'_>) -> Option<v1::PortRange> {
        fields.get(self.0).as_ref().and_then(parse)
    }

    fn write(&self, ports: &Option<v1::PortRange>, to: Fields) -> Fields {
        to.field(self.0, ports.map(range).unwrap_or_default())
    }
}

fn parse(place: &Place<'_>) -> Option<v1::PortRange> {
    let text = place.text()?;
    let bounds = text.split_once('-');
    let bounds = bounds.and_then(|(first, last)| Some((first.parse().ok()?, last.parse().ok()?)));
    let Some((first, last)) = bounds else {
        place.refuse("expected FIRST-LAST, such as 30000-32767");
        return None;
    };
    Some(v1::PortRange { first, last })
}

fn range(range: v1::PortRange) -> String {
    format!("{}-{}", range.first, range.last)
}

impl Show for v1::Cluster {
    const COLUMNS: Columns = Columns(
        "NAME REVISION NODES SERVICE-IPS NODE-PORTS AGE",
        "DNS-DOMAIN NODE-PORT-RANGE",
    );

    fn row(&self, _wide: bool, age: String) -> Vec<String> {
        let spec = self.spec.clone().unwrap_or_default();
        let status = self.status.clone().unwrap_or_default();
        let ips = status.service_ranges.iter();
        let ips: Vec<_> = ips
            .map(|usage| format!("{}/{}", usage.used, usage.capacity))
            .collect();
        let ports = status
            .node_ports
            .map(|usage| format!("{}/{}", usage.used, usage.capacity));
        vec![
            object::last(&self.name).to_owned(),
            status.head_revision.to_string(),
            status.nodes.to_string(),
            or_none(ips.join(",")),
            or_none(ports.unwrap_or_default()),
            age,
            or_none(spec.dns_domain),
            or_none(spec.node_port_range.map(range).unwrap_or_default()),
        ]
    }

    fn status(&self) -> Option<Document> {
        let status = self.status.as_ref()?;
        let range = |usage: &v1::RangeUsage| {
            Fields::new()
                .field("range", usage.range.as_str())
                .always("used", usage.used)
                .always("quarantined", usage.quarantined)
                .always("capacity", usage.capacity)
                .end()
        };
        let ports = status.node_ports.as_ref().map(|usage| {
            Fields::new()
                .always("used", i64::from(usage.used))
                .always("quarantined", i64::from(usage.quarantined))
                .always("capacity", i64::from(usage.capacity))
                .end()
        });
        let ranges = status.service_ranges.iter().map(range);
        let status = Fields::new()
            .field("headRevision", status.head_revision)
            .field("serviceRanges", ranges.collect::<Vec<_>>())
            .optional("nodePorts", ports)
            .always("nodes", status.nodes);
        Some(status.end())
    }

    fn describe(&self, _around: &Surroundings) -> String {
        describe::cluster(self)
    }
}
