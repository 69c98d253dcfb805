//! A workload.

use portolan_proto::v1;
use prost_types::Timestamp;

use super::{ports, ready};
use crate::output::lines::Lines;
use crate::output::table::or_none;
use crate::shape::Port;

/// A workload, the Services it stands behind, and its events.
pub(crate) fn workload(
    workload: &v1::Workload,
    backends: &[v1::Endpoint],
    events: &[v1::Event],
    now: Timestamp,
) -> String {
    let spec = workload.spec.clone().unwrap_or_default();
    let mut lines = Lines::about(workload);
    lines.field("Addresses", or_none(spec.addresses.join(",")));
    lines.field("Node", or_none(spec.node.as_str()));
    lines.field("Ports", or_none(ports(&spec)));
    lines.field(
        "Readiness Probe",
        or_none(probe(spec.readiness_probe.as_ref())),
    );
    lines.unless_empty("Hostname", &spec.hostname);
    lines.unless_empty("Subdomain", &spec.subdomain);
    lines.field("Draining", if spec.draining { "yes" } else { "no" });
    if let Some(ready) = spec.reported_ready {
        lines.field("Reported Ready", if ready { "yes" } else { "no" });
    }
    lines.field("Ready", ready(workload));
    let mut names: Vec<_> = backends
        .iter()
        .filter_map(|endpoint| Some(endpoint.spec.as_ref()?.service.clone()))
        .collect();
    names.sort();
    names.dedup();
    lines.field("Services", or_none(names.join(",")));
    lines.conditions(&workload.status.clone().unwrap_or_default().conditions);
    lines.events(events, now);
    lines.end()
}

/// `http-get :8080/ready delay=0s timeout=1s period=10s #success=1 #failure=3`, with the defaults of the API.
fn probe(probe: Option<&v1::Probe>) -> String {
    use v1::probe::Action;
    let Some(probe) = probe else {
        return String::new();
    };
    let what = match &probe.action {
        Some(Action::HttpGet(http)) => {
            let port = http.target.as_ref().map(Port::text).unwrap_or_default();
            let slash = if http.path.starts_with('/') { "" } else { "/" };
            format!("http-get :{port}{slash}{}", http.path)
        }
        Some(Action::TcpConnect(tcp)) => match &tcp.target {
            Some(port) => format!("tcp-socket :{}", port.text()),
            None => "tcp-socket".to_owned(),
        },
        Some(Action::GrpcCheck(grpc)) => format!("grpc :{} {}", grpc.port, grpc.service),
        None => "none".to_owned(),
    };
    let or = |value: i32, default: i32| if value == 0 { default } else { value };
    format!(
        "{} delay={}s timeout={}s period={}s #success={} #failure={}",
        what.trim_end(),
        probe.initial_delay_seconds,
        or(probe.timeout_seconds, 1),
        or(probe.period_seconds, 10),
        or(probe.success_threshold, 1),
        or(probe.failure_threshold, 3),
    )
}
