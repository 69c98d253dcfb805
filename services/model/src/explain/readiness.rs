//! Whether what stands behind a Service answers.

use super::finding::{count, share, subject};
use super::{About, Finding, Severity, Symptom};
use crate::{
    Endpoint, Kind, Name, Origin, Probe, ProbeAction, ProbePort, Prober, Protocol, ServiceType,
    State, Workload,
};

pub(super) fn findings(about: &About<'_>) -> Vec<Finding> {
    if about.endpoints.is_empty() || about.service.spec.kind == ServiceType::ExternalName {
        return Vec::new();
    }
    let ready = about.ready().count();
    let (total, left) = (about.endpoints.len(), about.endpoints.len() - ready);
    let unready = about.endpoints.iter().filter(|endpoint| !endpoint.ready);
    let worst = unready
        .map(|endpoint| (*endpoint, Why::of(about.state, endpoint)))
        .max_by_key(|(_, why)| why.rank);
    let mut findings = Vec::new();
    match worst {
        None => findings.push(Finding::ok(
            "ENDPOINTS_READY",
            format!("ready: {}", share(ready, total, "endpoint")),
        )),
        Some((endpoint, why)) => {
            let example = format!("for example {}: {}", label(endpoint), why.cause);
            let finding = if ready == 0 {
                none_ready(about, &example, why.remedy)
            } else {
                let cause = format!("not ready: {}; {example}", share(left, total, "endpoint"));
                let severity = if why.rank == LEAVING {
                    Severity::Info
                } else {
                    Severity::Warning
                };
                Finding::new(
                    severity,
                    "SOME_NOT_READY",
                    (why.rank != LEAVING).then_some(Symptom::IntermittentFailures),
                    cause,
                    why.remedy,
                )
            };
            let unready = about.endpoints.iter().filter(|endpoint| !endpoint.ready);
            findings.push(finding.about(unready.map(|endpoint| resource(endpoint))));
        }
    }
    findings.extend(unprobed(about));
    findings
}

fn none_ready(about: &About<'_>, example: &str, remedy: String) -> Finding {
    let none = format!(
        "none of {} is ready",
        count(about.endpoints.len(), "endpoint")
    );
    let last: Vec<_> = about
        .endpoints
        .iter()
        .filter(|endpoint| endpoint.serving && endpoint.terminating)
        .collect();
    if !last.is_empty() && !about.is_headless() {
        let cause = format!(
            "{none}; traffic goes to {}, until they end",
            count(last.len(), "terminating one")
        );
        let remedy = "start new workloads before the old ones end";
        let symptom = Symptom::IntermittentFailures;
        return Finding::new(
            Severity::Warning,
            "ONLY_TERMINATING",
            symptom,
            cause,
            remedy,
        );
    }
    let (symptom, so) = if about.is_headless() {
        (Symptom::NameNotResolved, "the name has no address")
    } else {
        (Symptom::ConnectionRefused, "connections are refused")
    };
    let cause = format!("{none}, so {so}; {example}");
    Finding::new(Severity::Error, "NO_ENDPOINT_READY", symptom, cause, remedy)
}

/// Ends soon, as somebody wants it to.
const LEAVING: u8 = 0;

/// Why an endpoint is not ready; the higher the rank, the more it tells.
struct Why {
    rank: u8,
    cause: String,
    remedy: String,
}

impl Why {
    fn new(rank: u8, cause: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            rank,
            cause: cause.into(),
            remedy: remedy.into(),
        }
    }

    fn of(state: &State, endpoint: &Endpoint) -> Self {
        let workload = match &endpoint.origin {
            Origin::Workload { uid, .. } => state.workload_by_uid(*uid),
            Origin::Source(_) => None,
        };
        match workload {
            _ if endpoint.terminating && endpoint.serving => {
                Self::new(LEAVING, "it is about to end", "wait until it is gone")
            }
            None => Self::new(
                2,
                "it was written as not ready",
                "write it again as ready once it serves",
            ),
            Some(workload) => Self::of_workload(state, workload),
        }
    }

    fn of_workload(state: &State, workload: &Workload) -> Self {
        let node = workload.spec.node.as_ref();
        match (state.prober(workload), &workload.spec.probe) {
            (Prober::Node(node), Some(probe)) => Self::of_probe(&node, workload, probe),
            _ if workload.spec.reported_ready == Some(false) => Self::new(
                3,
                "it was reported not ready",
                "mend it, and report it ready",
            ),
            _ => Self::new(
                4,
                node.map_or_else(
                    || {
                        "it has a probe (NoProber), but names no node whose agent could run it"
                            .to_owned()
                    },
                    |node| {
                        format!("nobody runs its probe (NoProber): node {node} is not registered")
                    },
                ),
                node.map_or_else(
                    || "set the workload's node, or report whether it is ready".to_owned(),
                    |node| format!("start a plugin on node {node}, or correct the workload's node"),
                ),
            ),
        }
    }

    fn of_probe(node: &Name, workload: &Workload, probe: &Probe) -> Self {
        let health = workload.readiness.as_ref();
        let current = health.filter(|health| health.probe_generation == workload.probe_generation);
        let Some(health) = current else {
            return Self::new(
                1,
                format!("node {node} has not reported a result of its probe yet"),
                format!(
                    "wait for the first probes; if none comes, look at the plugin on node {node}"
                ),
            );
        };
        let port = probe_port(probe, workload);
        let at = format!("port {port} of workload {}", workload.meta.name);
        let remedy = if health.reason.to_lowercase().contains("refused") {
            format!(
                "nothing listens on {at}: start the process, or correct targetPort and the probe's port"
            )
        } else {
            format!("have {at} answer its probe, or correct the probe")
        };
        let cause = format!(
            "its probe of port {port} by node {node} fails: {}",
            health.reason
        );
        Self::new(5, cause, remedy)
    }
}

/// Where a workload is probed, as it is written.
pub(super) fn probe_port(probe: &Probe, workload: &Workload) -> u16 {
    match &probe.action {
        ProbeAction::HttpGet { port, .. } | ProbeAction::TcpConnect { port } => match port {
            ProbePort::Number(number) => *number,
            ProbePort::Name(name) => workload.spec.named_port(name, Protocol::Tcp).unwrap_or(0),
        },
        ProbeAction::GrpcCheck { port, .. } => *port,
    }
}

/// Workloads get traffic whether or not they answer.
fn unprobed(about: &About<'_>) -> Option<Finding> {
    let unprobed = about
        .workloads
        .iter()
        .filter(|w| w.spec.probe.is_none() && w.spec.reported_ready.is_none());
    let unprobed: Vec<_> = unprobed.map(|w| &w.meta.name).collect();
    if unprobed.is_empty() {
        return None;
    }
    let cause = format!(
        "no readiness probe, so traffic whether or not there is an answer: {}",
        share(unprobed.len(), about.workloads.len(), "workload")
    );
    let namespace = &about.service.namespace;
    let subjects = unprobed
        .iter()
        .map(|name| subject(namespace, Kind::Workload, name));
    let finding = Finding::new(
        Severity::Info,
        "NOT_PROBED",
        Symptom::IntermittentFailures,
        cause,
        "give them a readiness probe",
    );
    Some(finding.about(subjects))
}

fn label(endpoint: &Endpoint) -> String {
    match &endpoint.origin {
        Origin::Workload { name, .. } => format!("workload {name}"),
        Origin::Source(_) => format!("endpoint {}", endpoint.address),
    }
}

fn resource(endpoint: &Endpoint) -> String {
    let (kind, name) = match &endpoint.origin {
        Origin::Workload { name, .. } => (Kind::Workload, name),
        Origin::Source(_) => (Kind::Endpoint, &endpoint.name),
    };
    subject(&endpoint.namespace, kind, name)
}
