//! Endpoints.

use portolan_proto::v1;
use v1::endpoint_origin::Origin;

use super::metadata;
use super::services::protocol;
use super::table::or_none;
use super::yaml::{Document, Fields};
use crate::{object, words};

pub(super) const COLUMNS: (&[&str], &[&str]) = (
    &[
        "NAME", "SERVICE", "ADDRESS", "PORTS", "READY", "NODE", "ORIGIN",
    ],
    &["ZONE"],
);

pub(super) fn row(endpoint: &v1::Endpoint) -> Vec<String> {
    let spec = endpoint.spec.clone().unwrap_or_default();
    vec![
        object::last(&endpoint.name).to_owned(),
        spec.service.clone(),
        spec.address.clone(),
        or_none(spec.ports.iter().map(port).collect::<Vec<_>>().join(",")),
        state(&spec).to_owned(),
        or_none(spec.node.as_str()),
        or_none(origin(endpoint)),
        or_none(spec.zone.as_str()),
    ]
}

/// `ready`; else what is left of it: `serving` while it ends, `terminating`, or `no`.
fn state(spec: &v1::EndpointSpec) -> &'static str {
    let (ready, terminating) = (is_ready(spec), spec.terminating.unwrap_or(false));
    match (ready, spec.serving.unwrap_or(ready), terminating) {
        (true, _, _) => "ready",
        (false, true, true) => "serving,terminating",
        (false, true, false) => "serving",
        (false, false, true) => "terminating",
        (false, false, false) => "not ready",
    }
}

/// Unset means true, as the API says.
pub(super) fn is_ready(spec: &v1::EndpointSpec) -> bool {
    spec.ready.unwrap_or(true)
}

fn port(port: &v1::EndpointPort) -> String {
    let protocol = protocol(port.protocol);
    match port.service_port.as_str() {
        "" => format!("{}/{protocol}", port.port),
        name => format!("{name}:{}/{protocol}", port.port),
    }
}

fn origin(endpoint: &v1::Endpoint) -> String {
    match endpoint
        .origin
        .as_ref()
        .and_then(|origin| origin.origin.as_ref())
    {
        Some(Origin::Workload(workload)) => format!("workload/{workload}"),
        Some(Origin::Source(source)) => source.clone(),
        None => String::new(),
    }
}

pub(super) fn document(endpoint: &v1::Endpoint) -> Document {
    let metadata = metadata!(endpoint).field("namespace", object::namespace(&endpoint.name));
    Fields::new()
        .field("apiVersion", "portolan/v1")
        .field("kind", "Endpoint")
        .field("metadata", metadata.end())
        .optional(
            "spec",
            endpoint.spec.as_ref().map(|own| {
                let service = Fields::new().field("service", own.service.as_str());
                spec(service, own)
            }),
        )
        .field("origin", origin(endpoint))
        .end()
}

/// What one source gives a Service, as it is applied: one document, however many endpoints.
pub(super) fn written(path: &str, service: &str, source: &str, list: &[&v1::Endpoint]) -> Document {
    let metadata = Fields::new()
        .field("name", service)
        .field("namespace", object::namespace(path));
    let specs = list.iter().filter_map(|endpoint| endpoint.spec.as_ref());
    let specs: Vec<_> = specs.map(|own| spec(Fields::new(), own)).collect();
    let spec = Fields::new()
        .field("source", source)
        .always("endpoints", specs);
    Fields::new()
        .field("apiVersion", "portolan/v1")
        .field("kind", "Endpoints")
        .field("metadata", metadata.end())
        .field("spec", spec.end())
        .end()
}

/// Who wrote an endpoint, if it was written by hand.
pub(super) fn source(endpoint: &v1::Endpoint) -> Option<&str> {
    match endpoint.origin.as_ref()?.origin.as_ref()? {
        Origin::Source(source) => Some(source),
        Origin::Workload(_) => None,
    }
}

fn spec(fields: Fields, spec: &v1::EndpointSpec) -> Document {
    let port = |port: &v1::EndpointPort| {
        Fields::new()
            .field("servicePort", port.service_port.as_str())
            .always("port", port.port)
            .field("protocol", words::spell(words::PROTOCOLS, port.protocol))
            .end()
    };
    fields
        .field("address", spec.address.as_str())
        .field("ports", spec.ports.iter().map(port).collect::<Vec<_>>())
        .field("node", spec.node.as_str())
        .field("zone", spec.zone.as_str())
        .field("hostname", spec.hostname.as_str())
        .optional("ready", spec.ready)
        .optional("serving", spec.serving)
        .optional("terminating", spec.terminating)
        .optional("weight", spec.weight)
        .end()
}
