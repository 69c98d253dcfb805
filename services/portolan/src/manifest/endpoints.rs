//! Endpoints written by hand: Kubernetes' Endpoints and `EndpointSlice`, and our own Endpoints.

use portolan_proto::v1;

use super::document::Answer;
use super::metadata::Metadata;
use super::read::{Fields, Place};
use super::service::word;
use super::{Item, Scope};
use crate::words;

const SERVICE_LABEL: &str = "kubernetes.io/service-name";
const MANAGER_LABEL: &str = "endpointslice.kubernetes.io/managed-by";

/// Endpoints: they belong to the Service of the same name.
pub(super) fn subsets(fields: &Fields<'_>, scope: &Scope) -> Answer {
    let metadata = Metadata::read(fields, scope);
    let mut endpoints: Vec<v1::EndpointSpec> = Vec::new();
    for place in fields.list("subsets") {
        let Some(subset) = place.fields() else {
            continue;
        };
        let ports = ports(&subset);
        for (key, ready) in [("addresses", true), ("notReadyAddresses", false)] {
            for place in subset.list(key) {
                if let Some(endpoint) = subset_address(&place, &ports, ready) {
                    merge(&mut endpoints, endpoint);
                }
            }
        }
        subset.refuse_unknown(&[]);
    }
    fields.refuse_unknown(&[]);
    let service = metadata.name.clone();
    let source = format!("Endpoints/{service}");
    request(&metadata, &service, source, endpoints, scope).into()
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
fn merge(endpoints: &mut Vec<v1::EndpointSpec>, endpoint: v1::EndpointSpec) {
    let known = endpoints.iter_mut().find(|e| e.address == endpoint.address);
    let Some(known) = known else {
        endpoints.push(endpoint);
        return;
    };
    known.ready = Some(known.ready == Some(true) && endpoint.ready == Some(true));
    for port in endpoint.ports {
        if !known.ports.contains(&port) {
            known.ports.push(port);
        }
    }
}

/// An `EndpointSlice`: the Service is named by a label.
pub(super) fn slice(fields: &Fields<'_>, scope: &Scope) -> Answer {
    let metadata = Metadata::read(fields, scope);
    let manager = metadata
        .labels
        .get(MANAGER_LABEL)
        .map_or("", String::as_str);
    if manager.ends_with("controller.k8s.io") {
        return Answer::Ignored(format!(
            "it is made by {manager}, and Portolan makes endpoints of its own"
        ));
    }
    let service = metadata.labels.get(SERVICE_LABEL).cloned();
    if service.is_none() {
        fields.missing(
            &format!("metadata.labels[{SERVICE_LABEL}]"),
            "it names the Service",
        );
    }
    let addresses = fields.get("addressType");
    if let Some(place) = addresses.filter(|place| place.text().as_deref() == Some("FQDN")) {
        place.refuse("names can't be endpoints: use addresses, or a Service of type ExternalName");
    }
    let (ports, mut notes) = (ports(fields), Vec::new());
    let mut endpoints = Vec::new();
    for place in fields.list("endpoints") {
        endpoints.extend(slice_endpoint(&place, &ports, &mut notes));
    }
    fields.refuse_unknown(&[]);
    let service = service.unwrap_or_default();
    let source = format!("EndpointSlice/{}", metadata.name);
    let item = request(&metadata, &service, source, endpoints, scope);
    Answer::Item {
        item: Box::new(item),
        notes,
    }
}

/// Our own Endpoints: all that one source gives a Service, and every field of it.
pub(super) fn own(fields: &Fields<'_>, scope: &Scope) -> Answer {
    let metadata = Metadata::read(fields, scope);
    let (mut source, mut endpoints) = (String::new(), Vec::new());
    if let Some(spec) = fields.fields("spec") {
        source = spec.text("source");
        endpoints.extend(spec.list("endpoints").iter().filter_map(own_endpoint));
        spec.refuse_unknown(&[]);
    }
    fields.refuse_unknown(&[]);
    if source.is_empty() {
        source = format!("Endpoints/{}", metadata.name);
    }
    let notes = metadata.unlabelled("a list of endpoints");
    let service = metadata.name.clone();
    let item = request(&metadata, &service, source, endpoints, scope);
    Answer::Item {
        item: Box::new(item),
        notes,
    }
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

/// Our own Endpoint, as `get` writes it. One alone can't be applied: what is written by hand is replaced as a whole.
pub(super) fn shown(fields: &Fields<'_>) -> Answer {
    let origin = fields.text("origin");
    if !origin.starts_with("workload/") {
        fields.place.refuse(
            "an Endpoint is shown, but not applied: write those of a Service as one manifest of kind Endpoints",
        );
    }
    Answer::Ignored(format!("it follows from {origin}"))
}

fn slice_endpoint(
    place: &Place<'_>,
    ports: &[v1::EndpointPort],
    notes: &mut Vec<String>,
) -> Option<v1::EndpointSpec> {
    let fields = place.fields()?;
    let addresses = fields.texts("addresses");
    let Some(address) = addresses.first() else {
        fields.missing("addresses", "one is needed");
        return None;
    };
    if addresses.len() > 1 {
        // Addresses of one endpoint are interchangeable, and kube-proxy takes the first as well.
        notes.push(format!(
            "of several addresses of one endpoint the first is used: {address}"
        ));
    }
    let conditions = fields.fields("conditions");
    let condition = |key| conditions.as_ref().and_then(|c| c.boolean(key));
    let endpoint = v1::EndpointSpec {
        address: address.clone(),
        ports: ports.to_vec(),
        node: fields.text("nodeName"),
        zone: fields.text("zone"),
        hostname: fields.text("hostname"),
        ready: condition("ready"),
        serving: condition("serving"),
        terminating: condition("terminating"),
        ..v1::EndpointSpec::default()
    };
    if let Some(conditions) = conditions {
        conditions.refuse_unknown(&[]);
    }
    fields.refuse_unknown(&["targetRef", "hints", "deprecatedTopology"]);
    Some(endpoint)
}

fn ports(fields: &Fields<'_>) -> Vec<v1::EndpointPort> {
    let port = |place: &Place<'_>| {
        let fields = place.fields()?;
        let port = v1::EndpointPort {
            service_port: fields.text("name"),
            port: fields.integer("port"),
            protocol: word(&fields, "protocol", words::PROTOCOLS),
        };
        // The protocol above TCP is said by the Service's port.
        fields.refuse_unknown(&["appProtocol"]);
        Some(port)
    };
    fields.list("ports").iter().filter_map(port).collect()
}

fn request(
    metadata: &Metadata,
    service: &str,
    source: String,
    endpoints: Vec<v1::EndpointSpec>,
    scope: &Scope,
) -> Item {
    let namespace = scope.namespace_path(&metadata.namespace);
    let endpoint = |spec| v1::Endpoint {
        spec: Some(spec),
        ..v1::Endpoint::default()
    };
    Item::Endpoints(v1::ReplaceEndpointsRequest {
        service: format!("{namespace}/services/{service}"),
        source,
        endpoints: endpoints.into_iter().map(endpoint).collect(),
        ..v1::ReplaceEndpointsRequest::default()
    })
}
