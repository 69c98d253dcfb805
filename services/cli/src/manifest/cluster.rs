//! Clusters and the ranges that their addresses come from: our own kind Cluster, and Kubernetes' `ServiceCIDR`.

use portolan_proto::v1;

use super::document::Answer;
use super::metadata::Metadata;
use super::read::{Fields, Place};
use super::service::families;
use super::{Item, Scope};

pub(super) fn cluster(fields: &Fields<'_>, scope: &Scope) -> Answer {
    let metadata = Metadata::read(fields, &scope.anywhere());
    let mut service_cidrs = Vec::new();
    let spec = fields.fields("spec").map(|fields| {
        // A cluster is created with its first ranges; later ones are a kind of their own.
        service_cidrs = fields.texts("serviceCIDRs");
        let spec = v1::ClusterSpec {
            node_port_range: fields.get("nodePortRange").as_ref().and_then(port_range),
            dns_domain: fields.text("dnsDomain"),
            ip_families: families(&fields),
            endpoint_ranges: fields.texts("endpointRanges"),
            workload_ranges: fields.texts("workloadRanges"),
        };
        fields.refuse_unknown(&[]);
        spec
    });
    fields.refuse_unknown(&["status"]);
    let notes = metadata.unlabelled("a Cluster");
    let cluster = v1::Cluster {
        name: format!("clusters/{}", metadata.name),
        spec: Some(spec.unwrap_or_default()),
        ..v1::Cluster::default()
    };
    let item = Item::Cluster(v1::CreateClusterRequest {
        cluster_id: metadata.name,
        cluster: Some(cluster),
        service_cidrs,
        ..v1::CreateClusterRequest::default()
    });
    Answer::noted(item, notes)
}

/// `30000-32767`, as the server's option has it.
fn port_range(place: &Place<'_>) -> Option<v1::PortRange> {
    let text = place.text()?;
    let bounds = text.split_once('-');
    let bounds = bounds.and_then(|(first, last)| Some((first.parse().ok()?, last.parse().ok()?)));
    let Some((first, last)) = bounds else {
        place.refuse("expected FIRST-LAST, such as 30000-32767");
        return None;
    };
    Some(v1::PortRange { first, last })
}

pub(super) fn service_cidr(fields: &Fields<'_>, scope: &Scope) -> Answer {
    let metadata = Metadata::read(fields, &scope.anywhere());
    let spec = fields.fields("spec").map(|fields| {
        let cidrs = fields.texts("cidrs");
        fields.refuse_unknown(&[]);
        v1::ServiceCidrSpec { cidrs }
    });
    fields.refuse_unknown(&["status"]);
    let notes = metadata.unlabelled("a ServiceCIDR");
    let item = Item::ServiceCidr(v1::ServiceCidr {
        name: format!("{}/serviceCidrs/{}", scope.cluster_path(), metadata.name),
        spec: Some(spec.unwrap_or_default()),
        ..v1::ServiceCidr::default()
    });
    Answer::noted(item, notes)
}
