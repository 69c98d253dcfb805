//! Pods, as far as they matter to Services: a Pod becomes a Workload.

use std::collections::HashSet;

use portolan_proto::v1;

use super::answer::Answer;
use super::metadata::Metadata;
use super::read::{Fields, Place};
use super::resource::resource;
use super::{Item, Scope};
use crate::kinds::probe::{ReadProbe, read as read_probe};
use crate::shape::{Shape, Word};
use crate::words;

pub(super) fn read(fields: &Fields<'_>, scope: &Scope) -> Answer {
    let metadata = Metadata::read(fields, scope);
    let status = fields.fields("status");
    let phase = status.as_ref().map(|s| s.text("phase")).unwrap_or_default();
    if matches!(phase.as_str(), "Succeeded" | "Failed") {
        return Answer::Ignored(format!("its phase is {phase}, so it serves no more"));
    }
    let addresses = status.as_ref().map(addresses).unwrap_or_default();
    if addresses.is_empty() {
        return Answer::Ignored("it has no address yet (status.podIP)".to_owned());
    }
    let (mut spec, notes) = fields.fields("spec").map(|f| spec(&f)).unwrap_or_default();
    spec.addresses = addresses;
    spec.draining = metadata.deleting;
    spec.reported_ready = status.as_ref().and_then(ready);
    Answer::noted(Item::Workload(resource(metadata, spec, scope)), notes)
}

fn addresses(status: &Fields<'_>) -> Vec<String> {
    let many: Vec<_> = status
        .list("podIPs")
        .iter()
        .filter_map(|place| Some(place.fields()?.text("ip")))
        .filter(|ip| !ip.is_empty())
        .collect();
    let one = status.text("podIP");
    if many.is_empty() && !one.is_empty() {
        return vec![one];
    }
    many
}

fn ready(status: &Fields<'_>) -> Option<bool> {
    let conditions = status.list("conditions");
    let mut conditions = conditions.iter().filter_map(Place::fields);
    let ready = conditions.find(|condition| condition.text("type") == "Ready")?;
    Some(ready.text("status") == "True")
}

fn spec(fields: &Fields<'_>) -> (v1::WorkloadSpec, Vec<String>) {
    let containers: Vec<_> = fields
        .list("containers")
        .iter()
        .filter_map(Place::fields)
        .collect();
    let mut notes = Vec::new();
    let probe = containers.iter().find_map(|c| c.get("readinessProbe"));
    let readiness_probe = match probe.and_then(|place| read_probe(&place.lenient())) {
        Some(ReadProbe::Probe(probe)) => Some(probe),
        Some(ReadProbe::NotRunnable(what)) => {
            notes.push(format!(
                "a readiness probe of kind {what} can't be run from outside the Pod; its Ready condition counts instead"
            ));
            None
        }
        None => None,
    };
    let spec = v1::WorkloadSpec {
        node: fields.text("nodeName"),
        ports: ports(&containers),
        readiness_probe,
        hostname: fields.text("hostname"),
        subdomain: fields.text("subdomain"),
        ..v1::WorkloadSpec::default()
    };
    (spec, notes)
}

/// The named ports: others can't be referred to. Of two with one name and protocol the first counts, as in Kubernetes.
fn ports(containers: &[Fields<'_>]) -> Vec<v1::WorkloadPort> {
    let mut seen = HashSet::new();
    let ports = containers.iter().flat_map(|c| c.list("ports"));
    let ports = ports.filter_map(|place| place.fields());
    let ports = ports.map(|fields| v1::WorkloadPort {
        name: fields.text("name"),
        port: fields.integer("containerPort"),
        protocol: Word("protocol", words::PROTOCOLS).read(&fields),
    });
    ports
        .filter(|port| {
            let protocol = port.protocol.max(v1::Protocol::Tcp.into());
            !port.name.is_empty() && seen.insert((port.name.clone(), protocol))
        })
        .collect()
}
