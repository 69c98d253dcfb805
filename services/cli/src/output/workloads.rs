//! Workloads: our own kind, in the shape that is read.

use portolan_proto::v1;
use v1::probe::Action;

use super::services::protocol;
use super::table::or_none;
use super::yaml::{Document, Fields};
use super::{conditions, metadata};
use crate::{object, words};

pub(super) const COLUMNS: (&[&str], &[&str]) =
    (&["NAME", "ADDRESSES", "NODE", "READY", "AGE"], &["PORTS"]);

pub(super) fn row(workload: &v1::Workload, age: String) -> Vec<String> {
    let spec = workload.spec.clone().unwrap_or_default();
    vec![
        object::last(&workload.name).to_owned(),
        or_none(spec.addresses.join(",")),
        or_none(spec.node.as_str()),
        ready(workload).to_owned(),
        age,
        or_none(ports(&spec)),
    ]
}

/// The condition Ready; a server that does not send it still says whether the workload serves.
pub(super) fn ready(workload: &v1::Workload) -> &'static str {
    let Some(status) = &workload.status else {
        return "Unknown";
    };
    match conditions::status_of(&status.conditions, "Ready") {
        "Unknown" if status.serving => "True",
        word => word,
    }
}

pub(super) fn ports(spec: &v1::WorkloadSpec) -> String {
    let port = |port: &v1::WorkloadPort| {
        format!("{}:{}/{}", port.name, port.port, protocol(port.protocol))
    };
    spec.ports.iter().map(port).collect::<Vec<_>>().join(",")
}

/// Applied again it changes nothing.
pub(super) fn document(workload: &v1::Workload) -> Document {
    let metadata = metadata!(workload)
        .field("namespace", object::namespace(&workload.name))
        .field("generation", workload.generation)
        .field("labels", &workload.labels)
        .field("annotations", &workload.annotations);
    Fields::new()
        .field("apiVersion", "portolan/v1")
        .field("kind", "Workload")
        .field("metadata", metadata.end())
        .optional("spec", workload.spec.as_ref().map(spec))
        .optional("status", workload.status.as_ref().map(status))
        .end()
}

fn spec(spec: &v1::WorkloadSpec) -> Document {
    let port = |port: &v1::WorkloadPort| {
        Fields::new()
            .field("name", port.name.as_str())
            .always("port", port.port)
            .field("protocol", words::spell(words::PROTOCOLS, port.protocol))
            .end()
    };
    Fields::new()
        .field("addresses", spec.addresses.clone())
        .field("node", spec.node.as_str())
        .field("ports", spec.ports.iter().map(port).collect::<Vec<_>>())
        .optional("readinessProbe", spec.readiness_probe.as_ref().map(probe))
        .field("hostname", spec.hostname.as_str())
        .field("subdomain", spec.subdomain.as_str())
        .field("draining", spec.draining)
        .optional("reportedReady", spec.reported_ready)
        .end()
}

fn probe(probe: &v1::Probe) -> Document {
    let fields = match &probe.action {
        Some(Action::HttpGet(http)) => Fields::new().always("httpGet", http_get(http)),
        Some(Action::TcpConnect(tcp)) => Fields::new().always("tcpSocket", tcp_connect(tcp)),
        Some(Action::GrpcCheck(grpc)) => {
            let check = Fields::new()
                .always("port", grpc.port)
                .field("service", grpc.service.as_str());
            Fields::new().always("grpc", check.end())
        }
        None => Fields::new(),
    };
    fields
        .field("initialDelaySeconds", probe.initial_delay_seconds)
        .field("periodSeconds", probe.period_seconds)
        .field("timeoutSeconds", probe.timeout_seconds)
        .field("successThreshold", probe.success_threshold)
        .field("failureThreshold", probe.failure_threshold)
        .end()
}

fn http_get(http: &v1::HttpGet) -> Document {
    use v1::http_get::Target;
    let port = http.target.as_ref().map(|target| match target {
        Target::Port(number) => Document::from(*number),
        Target::PortName(name) => Document::from(name.as_str()),
    });
    let header = |header: &v1::HttpHeader| {
        Fields::new()
            .always("name", header.name.as_str())
            .always("value", header.value.as_str())
            .end()
    };
    Fields::new()
        .field("path", http.path.as_str())
        .optional("port", port)
        .field("host", http.host.as_str())
        .field(
            "httpHeaders",
            http.headers.iter().map(header).collect::<Vec<_>>(),
        )
        .end()
}

fn tcp_connect(tcp: &v1::TcpConnect) -> Document {
    use v1::tcp_connect::Target;
    let port = tcp.target.as_ref().map(|target| match target {
        Target::Port(number) => Document::from(*number),
        Target::PortName(name) => Document::from(name.as_str()),
    });
    Fields::new().optional("port", port).end()
}

fn status(status: &v1::WorkloadStatus) -> Document {
    Fields::new()
        .always("serving", status.serving)
        .field("probeGeneration", status.probe_generation)
        .field("conditions", conditions::documents(&status.conditions))
        .end()
}
