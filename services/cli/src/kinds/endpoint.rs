//! Endpoint: one address behind one Service.

use portolan_proto::v1;
use v1::endpoint_origin::Origin;

use crate::manifest::read::Fields as Read;
use crate::object;
use crate::output::table::or_none;
use crate::output::yaml::{Document, Fields};
use crate::shape::{Always, Message, Plain, Shape, Value, Word, message};
use crate::show::{Columns, Show, head};
use crate::words;

message! { v1::EndpointSpec {
    service: AroundIt,
    address: Plain("address"),
    ports: Plain("ports"),
    node: Plain("node"),
    zone: Plain("zone"),
    hostname: Plain("hostname"),
    ready: Plain("ready"),
    serving: Plain("serving"),
    terminating: Plain("terminating"),
    weight: Plain("weight"),
} }

message! { v1::EndpointPort {
    service_port: Plain("servicePort"),
    port: Always("port"),
    protocol: Word("protocol", words::PROTOCOLS),
} }

/// The Service of an endpoint: what stands around the endpoints of a manifest names it for all of them.
struct AroundIt;

impl Shape<String> for AroundIt {
    fn read(&self, _fields: &Read<'_>) -> String {
        String::new()
    }

    fn write(&self, _service: &String, to: Fields) -> Fields {
        to
    }
}

impl Show for v1::Endpoint {
    const COLUMNS: Columns = Columns("NAME SERVICE ADDRESS PORTS READY NODE ORIGIN", "ZONE");

    fn row(&self, _wide: bool, _age: String) -> Vec<String> {
        let spec = self.spec.clone().unwrap_or_default();
        vec![
            object::last(&self.name).to_owned(),
            spec.service.clone(),
            spec.address.clone(),
            or_none(spec.ports.iter().map(port).collect::<Vec<_>>().join(",")),
            state(&spec).to_owned(),
            or_none(spec.node.as_str()),
            or_none(origin(self)),
            or_none(spec.zone.as_str()),
        ]
    }

    /// An endpoint is shown, but not applied, and says where it came from.
    fn document(&self) -> Document {
        let spec = self.spec.as_ref().map(|spec| {
            let service = Fields::new().field("service", spec.service.as_str());
            service.and(spec.fields()).end()
        });
        head(self)
            .optional("spec", spec)
            .field("origin", origin(self))
            .end()
    }
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

/// An endpoint that does not say is ready, as the API has it.
pub(crate) fn is_ready(spec: &v1::EndpointSpec) -> bool {
    spec.ready.unwrap_or(true)
}

fn port(port: &v1::EndpointPort) -> String {
    let protocol = words::protocol(port.protocol);
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

/// Endpoints that were written by hand, by who gives them to which Service.
#[derive(Default)]
pub(crate) struct Written<'a>(Vec<Source<'a>>);

/// What one source gives a Service.
struct Source<'a> {
    namespace: &'a str,
    service: &'a str,
    name: &'a str,
    endpoints: Vec<&'a v1::EndpointSpec>,
}

impl<'a> Written<'a> {
    /// Adds an endpoint; false if it was not written by hand.
    pub(crate) fn take(&mut self, endpoint: &'a v1::Endpoint) -> bool {
        let Some(name) = source(endpoint) else {
            return false;
        };
        let namespace = object::namespace(&endpoint.name);
        let service = endpoint.spec.as_ref().map_or("", |spec| &spec.service);
        let known = self.0.iter_mut().find(|source| {
            source.namespace == namespace && source.service == service && source.name == name
        });
        match known {
            Some(known) => known.endpoints.extend(&endpoint.spec),
            None => self.0.push(Source {
                namespace,
                service,
                name,
                endpoints: endpoint.spec.iter().collect(),
            }),
        }
        true
    }

    /// As it is applied: one document a source, however many endpoints.
    pub(crate) fn documents(&self) -> impl Iterator<Item = Document> {
        self.0.iter().map(Source::document)
    }
}

impl Source<'_> {
    fn document(&self) -> Document {
        let metadata = Fields::new()
            .field("name", self.service)
            .field("namespace", self.namespace);
        let endpoints = self.endpoints.iter().map(|spec| spec.document());
        let spec = Fields::new()
            .field("source", self.name)
            .always("endpoints", endpoints.collect::<Vec<_>>());
        Fields::new()
            .field("apiVersion", "portolan/v1")
            .field("kind", "Endpoints")
            .field("metadata", metadata.end())
            .field("spec", spec.end())
            .end()
    }
}

/// Who wrote an endpoint, if it was written by hand.
pub(crate) fn source(endpoint: &v1::Endpoint) -> Option<&str> {
    match endpoint.origin.as_ref()?.origin.as_ref()? {
        Origin::Source(source) => Some(source),
        Origin::Workload(_) => None,
    }
}
