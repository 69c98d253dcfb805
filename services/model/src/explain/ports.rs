//! Whether traffic for a port has somewhere to go.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::finding::{list, share, subject};
use super::readiness::probe_port;
use super::{About, Finding, Severity, Symptom};
use crate::{Endpoint, Kind, ServicePort, TargetPort, Workload};

pub(super) fn findings(about: &About<'_>) -> Vec<Finding> {
    if about.endpoints.is_empty() {
        return Vec::new();
    }
    let ports = &about.service.spec.ports;
    let mut findings: Vec<_> = ports
        .iter()
        .filter_map(|port| unserved(about, port))
        .collect();
    findings.extend(ports.iter().filter_map(|port| undeclared(about, port)));
    findings.extend(unprobed(about));
    findings
}

/// A port as people call it.
fn label(port: &ServicePort) -> String {
    if port.name.is_empty() {
        port.port.to_string()
    } else {
        port.name.clone()
    }
}

/// Endpoints that do not have the port.
fn unserved(about: &About<'_>, port: &ServicePort) -> Option<Finding> {
    let total = about.endpoints.len();
    let serves = |endpoint: &Endpoint| {
        let mut ports = endpoint.ports.iter();
        ports.any(|p| p.service_port == port.name)
    };
    let lacking: Vec<_> = about.endpoints.iter().filter(|e| !serves(e)).collect();
    if lacking.is_empty() {
        return None;
    }
    let (why, remedy) = match &port.target {
        TargetPort::Name(target) if about.service.spec.has_selector() => {
            by_name(about, port, target)
        }
        _ => by_hand(about, port),
    };
    let on = share(lacking.len(), total, "endpoint");
    let cause = format!("port {} is missing on {on}: {why}", label(port));
    let finding = if lacking.len() < total {
        Finding::new(Severity::Warning, "PORT_PARTLY_SERVED", None, cause, remedy)
    } else {
        let symptom = Symptom::ConnectionRefused;
        Finding::new(Severity::Error, "PORT_NOT_SERVED", symptom, cause, remedy)
    };
    let subjects = lacking
        .iter()
        .map(|e| subject(&e.namespace, Kind::Endpoint, &e.name));
    Some(finding.about(subjects))
}

/// Cause and remedy where the workloads' ports are looked up by name.
fn by_name(about: &About<'_>, port: &ServicePort, target: &str) -> (String, String) {
    let (protocol, instead) = (port.protocol, named(about, target));
    (
        format!("it targets the name {target:?} ({protocol}), while {instead}"),
        format!("name the workloads' port {target:?}, or correct targetPort"),
    )
}

/// Cause and remedy where the endpoints' ports were written by hand.
fn by_hand(about: &About<'_>, port: &ServicePort) -> (String, String) {
    let ports = about.endpoints.iter().flat_map(|e| &e.ports);
    let names: BTreeSet<_> = ports.map(|p| format!("{:?}", p.service_port)).collect();
    let names: Vec<_> = names.into_iter().collect();
    let names = list(&names);
    (
        format!("the endpoints' port names must equal those of the Service, and are {names}"),
        format!("write the endpoints' port with the name {:?}", port.name),
    )
}

/// What a workload without the wanted name has instead.
fn named(about: &About<'_>, target: &str) -> String {
    let without = |w: &&Arc<Workload>| !w.spec.ports.iter().any(|p| p.name == target);
    match about.workloads.iter().find(without) {
        Some(workload) => format!(
            "workload {} names {}",
            workload.meta.name,
            declared(workload)
        ),
        None => "the workloads name it for another protocol".to_owned(),
    }
}

fn declared(workload: &Workload) -> String {
    let ports = workload.spec.ports.iter();
    let ports: Vec<_> = ports
        .map(|p| format!("{} ({}/{})", p.name, p.port, p.protocol))
        .collect();
    if ports.is_empty() {
        "no port".to_owned()
    } else {
        list(&ports)
    }
}

/// Workloads that declare their ports, and not the one that traffic goes to: of another kind, or a wrong targetPort.
fn undeclared(about: &About<'_>, port: &ServicePort) -> Option<Finding> {
    let TargetPort::Number(number) = port.target else {
        return None;
    };
    let declaring = about.workloads.iter();
    let declaring: Vec<_> = declaring.filter(|w| !w.spec.ports.is_empty()).collect();
    let has = |w: &Workload| {
        let mut ports = w.spec.ports.iter();
        ports.any(|p| p.port == number && p.protocol == port.protocol)
    };
    let lacking: Vec<_> = declaring.iter().filter(|w| !has(w)).collect();
    let first = lacking.first()?;
    let names: Vec<_> = lacking.iter().map(|w| &w.meta.name).collect();
    let target = format!("{number}/{}", port.protocol);
    let instead = format!("{} declares {}", first.meta.name, declared(first));
    let (code, symptom, cause, remedy) = if lacking.len() == declaring.len() {
        (
            "TARGET_PORT_UNDECLARED",
            Symptom::ConnectionRefused,
            format!(
                "port {} targets {target}, which no workload declares; {instead}",
                label(port)
            ),
            "correct targetPort, or declare the port with the workloads",
        )
    } else {
        let names = list(&names);
        (
            "FOREIGN_WORKLOAD",
            Symptom::IntermittentFailures,
            format!(
                "a share of the connections goes to {names}, which the selector matches, too, without the target {target}: {instead}"
            ),
            "make the selector more precise, so that it matches one kind of workload only",
        )
    };
    let namespace = &about.service.namespace;
    let subjects = names
        .iter()
        .map(|name| subject(namespace, Kind::Workload, name));
    let finding = Finding::new(Severity::Warning, code, symptom, cause, remedy);
    Some(finding.about(subjects))
}

/// A workload whose probe looks at a port that gets no traffic: it says nothing of those that do.
fn unprobed(about: &About<'_>) -> Option<Finding> {
    let spec = &about.service.spec;
    if spec.ports.is_empty() {
        return None;
    }
    let elsewhere = |workload: &Workload| {
        let probed = probe_port(workload.spec.probe.as_ref()?, workload);
        let targets: Vec<_> = spec
            .ports
            .iter()
            .filter_map(|port| match &port.target {
                TargetPort::Number(number) => Some(*number),
                TargetPort::Name(name) => workload.spec.named_port(name, port.protocol),
            })
            .collect();
        (!targets.is_empty() && !targets.contains(&probed)).then_some((probed, targets))
    };
    let found = about
        .workloads
        .iter()
        .find_map(|w| Some((w, elsewhere(w)?)));
    let (workload, (probed, targets)) = found?;
    let name = &workload.meta.name;
    let finding = Finding::new(
        Severity::Warning,
        "TARGET_PORT_NOT_PROBED",
        Symptom::ConnectionRefused,
        format!(
            "the probe of workload {name} looks at port {probed}, but traffic goes to {}: nobody knows whether anything listens there",
            list(&targets)
        ),
        "correct targetPort, or probe the port that gets the traffic",
    );
    Some(finding.about([subject(&workload.namespace, Kind::Workload, name)]))
}
