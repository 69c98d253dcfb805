//! Kubernetes' Endpoints.

use portolan_proto::v1;

use super::{Destination, Written, ports};
use crate::manifest::Scope;
use crate::manifest::answer::Answer;
use crate::manifest::metadata::Metadata;
use crate::manifest::read::{Fields, Place};

/// Endpoints: they belong to the Service of the same name.
pub(in crate::manifest) fn subsets(fields: &Fields<'_>, scope: &Scope) -> Answer {
    let metadata = Metadata::read(fields, scope);
    let mut endpoints: Vec<Written> = Vec::new();
    for place in fields.list("subsets") {
        let Some(subset) = place.fields() else {
            continue;
        };
        let ports = ports(&subset);
        for (key, ready) in [("addresses", true), ("notReadyAddresses", false)] {
            for place in subset.list(key) {
                if let Some(endpoint) = subset_address(&place, &ports, ready) {
                    merge(&mut endpoints, Written::at(&place, endpoint));
                }
            }
        }
        subset.refuse_unknown(&[]);
    }
    fields.refuse_unknown(&[]);
    let to = Destination {
        namespace: scope.namespace_path(&metadata.namespace),
        source: format!("Endpoints/{}", metadata.name),
        service: metadata.name,
    };
    to.answer(endpoints, Vec::new())
}

fn subset_address(
    place: &Place<'_>,
    ports: &[v1::EndpointPort],
    ready: bool,
) -> Option<v1::EndpointSpec> {
    let fields = place.fields()?;
    let endpoint = v1::EndpointSpec {
        address: fields.text("ip"),
        hostname: fields.text("hostname"),
        node: fields.text("nodeName"),
        ports: ports.to_vec(),
        ready: Some(ready),
        ..v1::EndpointSpec::default()
    };
    fields.refuse_unknown(&["targetRef"]);
    Some(endpoint)
}

/// An address may stand in several subsets with other ports; it is ready if it is ready for all of them.
fn merge(endpoints: &mut Vec<Written>, endpoint: Written) {
    let address = &endpoint.spec.address;
    let known = endpoints.iter_mut().find(|e| e.spec.address == *address);
    let Some(Written { spec: known, .. }) = known else {
        endpoints.push(endpoint);
        return;
    };
    known.ready = Some(known.ready == Some(true) && endpoint.spec.ready == Some(true));
    for port in endpoint.spec.ports {
        if !known.ports.contains(&port) {
            known.ports.push(port);
        }
    }
}
