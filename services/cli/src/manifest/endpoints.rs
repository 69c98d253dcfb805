//! Endpoints written by hand: Kubernetes' Endpoints and `EndpointSlice`, and our own Endpoints.

mod own;
mod subsets;

use portolan_proto::v1;

use super::answer::{Answer, Asked};
use super::metadata::Metadata;
use super::read::{Fields, Place};
use super::{Item, Scope};
use crate::shape::{Shape, Word};
use crate::words;

pub(super) use own::own;
pub(super) use subsets::subsets;

const SERVICE_LABEL: &str = "kubernetes.io/service-name";
const MANAGER_LABEL: &str = "endpointslice.kubernetes.io/managed-by";

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
        let spec = slice_endpoint(&place, &ports, &mut notes);
        endpoints.extend(spec.map(|spec| Written::at(&place, spec)));
    }
    fields.refuse_unknown(&[]);
    let service = service.unwrap_or_default();
    let source = format!("EndpointSlice/{}", metadata.name);
    let to = Destination {
        namespace: scope.namespace_path(&metadata.namespace),
        service,
        source,
    };
    to.answer(endpoints, notes)
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
            protocol: Word("protocol", words::PROTOCOLS).read(&fields),
        };
        // The protocol above TCP is said by the Service's port.
        fields.refuse_unknown(&["appProtocol"]);
        Some(port)
    };
    fields.list("ports").iter().filter_map(port).collect()
}

/// An endpoint, and where it stands.
struct Written {
    place: String,
    spec: v1::EndpointSpec,
}

impl Written {
    fn at(place: &Place<'_>, spec: v1::EndpointSpec) -> Self {
        let place = place.path().to_owned();
        Self { place, spec }
    }
}

/// Whose endpoints they are, and who says so.
struct Destination {
    /// The whole path of the namespace.
    namespace: String,
    service: String,
    source: String,
}

impl Destination {
    fn answer(self, endpoints: Vec<Written>, notes: Vec<String>) -> Answer {
        let (places, endpoints) = endpoints
            .into_iter()
            .map(|Written { place, spec }| {
                let endpoint = v1::Endpoint {
                    spec: Some(spec),
                    ..v1::Endpoint::default()
                };
                (place, endpoint)
            })
            .unzip();
        let item = Item::Endpoints(v1::ReplaceEndpointsRequest {
            service: format!("{}/services/{}", self.namespace, self.service),
            source: self.source,
            endpoints,
            ..v1::ReplaceEndpointsRequest::default()
        });
        Answer::Asked(Box::new(Asked {
            item,
            notes,
            places,
        }))
    }
}
