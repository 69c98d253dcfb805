//! Our own kind Endpoints, which loses nothing.

use portolan_proto::v1;

use super::{Destination, Written};
use crate::manifest::Scope;
use crate::manifest::document::Answer;
use crate::manifest::metadata::Metadata;
use crate::manifest::read::{Fields, Place};
use crate::manifest::service::word;
use crate::words;

/// Our own Endpoints: all that one source gives a Service, and every field of it.
pub(in crate::manifest) fn own(fields: &Fields<'_>, scope: &Scope) -> Answer {
    let metadata = Metadata::read(fields, scope);
    let (mut source, mut endpoints) = (String::new(), Vec::new());
    if let Some(spec) = fields.fields("spec") {
        source = spec.text("source");
        let read = |place: &Place<'_>| Some(Written::at(place, own_endpoint(place)?));
        endpoints.extend(spec.list("endpoints").iter().filter_map(read));
        spec.refuse_unknown(&[]);
    }
    fields.refuse_unknown(&[]);
    if source.is_empty() {
        source = format!("Endpoints/{}", metadata.name);
    }
    let notes = metadata.unlabelled("a list of endpoints");
    let to = Destination {
        namespace: scope.namespace_path(&metadata.namespace),
        service: metadata.name,
        source,
    };
    to.answer(endpoints, notes)
}

fn own_endpoint(place: &Place<'_>) -> Option<v1::EndpointSpec> {
    let fields = place.fields()?;
    let port = |place: &Place<'_>| {
        let fields = place.fields()?;
        let port = v1::EndpointPort {
            service_port: fields.text("servicePort"),
            port: fields.integer("port"),
            protocol: word(&fields, "protocol", words::PROTOCOLS),
        };
        fields.refuse_unknown(&[]);
        Some(port)
    };
    let endpoint = v1::EndpointSpec {
        service: String::new(),
        address: fields.text("address"),
        ports: fields.list("ports").iter().filter_map(port).collect(),
        node: fields.text("node"),
        zone: fields.text("zone"),
        hostname: fields.text("hostname"),
        ready: fields.boolean("ready"),
        serving: fields.boolean("serving"),
        terminating: fields.boolean("terminating"),
        weight: fields.get("weight").and_then(|place| place.integer()),
    };
    fields.refuse_unknown(&[]);
    Some(endpoint)
}
