//! Our own kind Workload: the API's fields, in YAML's spelling.

use portolan_proto::v1;

use super::document::Answer;
use super::metadata::Metadata;
use super::probe::{self, ReadProbe};
use super::read::{Fields, Place};
use super::service::word;
use super::{Item, Scope};
use crate::words;

pub(super) fn read(fields: &Fields<'_>, scope: &Scope) -> Answer {
    let metadata = Metadata::read(fields, scope);
    let spec = fields.fields("spec").map(|fields| spec(&fields));
    fields.refuse_unknown(&["status"]);
    item(metadata, spec.unwrap_or_default(), scope).into()
}

/// The workload of that name; also what a Pod becomes.
pub(super) fn item(metadata: Metadata, spec: v1::WorkloadSpec, scope: &Scope) -> Item {
    let namespace = scope.namespace_path(&metadata.namespace);
    Item::Workload(v1::Workload {
        name: format!("{namespace}/workloads/{}", metadata.name),
        labels: metadata.labels,
        annotations: metadata.annotations,
        spec: Some(spec),
        ..v1::Workload::default()
    })
}

fn spec(fields: &Fields<'_>) -> v1::WorkloadSpec {
    let probe = fields
        .get("readinessProbe")
        .and_then(|place| probe::read(&place, true));
    let spec = v1::WorkloadSpec {
        addresses: fields.texts("addresses"),
        node: fields.text("node"),
        ports: fields.list("ports").iter().filter_map(port).collect(),
        readiness_probe: match probe {
            Some(ReadProbe::Probe(probe)) => Some(probe),
            Some(ReadProbe::NotRunnable(_)) | None => None,
        },
        hostname: fields.text("hostname"),
        subdomain: fields.text("subdomain"),
        draining: fields.boolean("draining").unwrap_or_default(),
        reported_ready: fields.boolean("reportedReady"),
    };
    fields.refuse_unknown(&[]);
    spec
}

fn port(place: &Place<'_>) -> Option<v1::WorkloadPort> {
    let fields = place.fields()?;
    let port = v1::WorkloadPort {
        name: fields.text("name"),
        port: fields.integer("port"),
        protocol: word(&fields, "protocol", words::PROTOCOLS),
    };
    fields.refuse_unknown(&[]);
    Some(port)
}
