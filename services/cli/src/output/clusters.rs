//! Clusters, and the ranges that `ClusterIPs` come from.

use portolan_proto::v1;

use super::table::or_none;
use super::yaml::{Document, Fields};
use super::{conditions, metadata};
use crate::{object, words};

pub(super) const COLUMNS: (&[&str], &[&str]) = (
    &[
        "NAME",
        "REVISION",
        "NODES",
        "SERVICE-IPS",
        "NODE-PORTS",
        "AGE",
    ],
    &["DNS-DOMAIN", "NODE-PORT-RANGE"],
);
pub(super) const RANGE_COLUMNS: (&[&str], &[&str]) =
    (&["NAME", "CIDRS", "USED", "CAPACITY", "STATE", "AGE"], &[]);

pub(super) fn row(cluster: &v1::Cluster, age: String) -> Vec<String> {
    let spec = cluster.spec.clone().unwrap_or_default();
    let status = cluster.status.clone().unwrap_or_default();
    let ips = status.service_ranges.iter();
    let ips: Vec<_> = ips
        .map(|usage| format!("{}/{}", usage.used, usage.capacity))
        .collect();
    let ports = status
        .node_ports
        .map(|usage| format!("{}/{}", usage.used, usage.capacity));
    vec![
        object::last(&cluster.name).to_owned(),
        status.head_revision.to_string(),
        status.nodes.to_string(),
        or_none(ips.join(",")),
        or_none(ports.unwrap_or_default()),
        age,
        or_none(spec.dns_domain),
        or_none(spec.node_port_range.map(range).unwrap_or_default()),
    ]
}

pub(super) fn range(range: v1::PortRange) -> String {
    format!("{}-{}", range.first, range.last)
}

pub(super) fn document(cluster: &v1::Cluster) -> Document {
    Fields::new()
        .field("apiVersion", "portolan/v1")
        .field("kind", "Cluster")
        .field(
            "metadata",
            metadata!(cluster)
                .field("generation", cluster.generation)
                .end(),
        )
        .optional("spec", cluster.spec.as_ref().map(spec))
        .optional("status", cluster.status.as_ref().map(status))
        .end()
}

fn spec(spec: &v1::ClusterSpec) -> Document {
    let families = spec
        .ip_families
        .iter()
        .map(|f| words::spell(words::FAMILIES, *f));
    Fields::new()
        .field(
            "nodePortRange",
            spec.node_port_range.map(range).unwrap_or_default(),
        )
        .field("dnsDomain", spec.dns_domain.as_str())
        .field("ipFamilies", families.collect::<Vec<_>>())
        .field("endpointRanges", spec.endpoint_ranges.clone())
        .field("workloadRanges", spec.workload_ranges.clone())
        .end()
}

fn status(status: &v1::ClusterStatus) -> Document {
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
    Fields::new()
        .field("headRevision", status.head_revision)
        .field(
            "serviceRanges",
            status.service_ranges.iter().map(range).collect::<Vec<_>>(),
        )
        .optional("nodePorts", ports)
        .always("nodes", status.nodes)
        .end()
}

pub(super) fn range_row(range: &v1::ServiceCidr, age: String) -> Vec<String> {
    let cidrs = range.spec.clone().unwrap_or_default().cidrs;
    let status = range.status.clone().unwrap_or_default();
    let usage = &status.usage;
    let join = |texts: Vec<String>| or_none(texts.join(","));
    vec![
        object::last(&range.name).to_owned(),
        join(cidrs),
        join(usage.iter().map(|usage| usage.used.to_string()).collect()),
        join(
            usage
                .iter()
                .map(|usage| usage.capacity.to_string())
                .collect(),
        ),
        or_none(state(&status)),
        age,
    ]
}

/// Whether addresses are allocated from it.
pub(super) fn state(status: &v1::ServiceCidrStatus) -> &'static str {
    match status.state() {
        v1::ServiceCidrState::Ready => "Ready",
        v1::ServiceCidrState::Draining => "Draining",
        v1::ServiceCidrState::Unspecified => "",
    }
}

pub(super) fn range_document(range: &v1::ServiceCidr) -> Document {
    let status = range.status.as_ref().map(|status| {
        let usage = |usage: &v1::RangeUsage| {
            Fields::new()
                .field("range", usage.range.as_str())
                .always("used", usage.used)
                .always("capacity", usage.capacity)
                .end()
        };
        Fields::new()
            .field("usage", status.usage.iter().map(usage).collect::<Vec<_>>())
            .field("conditions", conditions::documents(&status.conditions))
            .field("state", state(status))
            .end()
    });
    let spec = range
        .spec
        .as_ref()
        .map(|spec| Fields::new().field("cidrs", spec.cidrs.clone()).end());
    Fields::new()
        .field("apiVersion", "portolan/v1")
        .field("kind", "ServiceCIDR")
        .field(
            "metadata",
            metadata!(range).field("generation", range.generation).end(),
        )
        .optional("spec", spec)
        .optional("status", status)
        .end()
}
