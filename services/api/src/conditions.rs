//! Conditions: functions of the committed state and of what nodes report, computed when somebody reads.

use portolan_model::{
    Endpoint, Node, NodeRuntime, NodeSpec, Prober, Service, ServiceType, State, TargetPort,
    Timestamp, Workload,
};
use portolan_proto::convert::meta::timestamp;
use portolan_proto::v1;
use portolan_proto::v1::ConditionStatus::{False, True, Unknown};

/// What is known about a Service.
pub(crate) fn service_status(
    state: &State,
    service: &Service,
    runtime: &[NodeRuntime],
) -> v1::ServiceStatus {
    let endpoints: Vec<_> = state.endpoints_of(service).collect();
    let ready = endpoints.iter().filter(|endpoint| endpoint.ready).count();
    let resolved = endpoints_resolved(state, service, &endpoints, ready);
    let programmed = Programmed::of(state, service, runtime);
    let about = About {
        generation: service.meta.generation,
        since: service.meta.updated_at,
    };
    let mut conditions = vec![about.addresses(service)];
    let words = [
        ("EndpointsResolved", resolved),
        ("Programmed", programmed.condition()),
    ];
    conditions.extend(
        words
            .into_iter()
            .map(|(kind, word)| about.condition(kind, word)),
    );
    let first_bad = conditions.iter().find(|c| c.status() != True);
    let summary = match first_bad {
        None => Word(
            True,
            "Ready",
            "addresses are allocated, endpoints are ready, every node is programmed".to_owned(),
        ),
        Some(bad) => Word(
            bad.status(),
            "NotReady",
            format!("{}: {}", bad.r#type, bad.message),
        ),
    };
    conditions.insert(0, about.condition("Ready", summary));
    v1::ServiceStatus {
        conditions,
        load_balancer: None,
        endpoints: count(endpoints.len()),
        ready_endpoints: count(ready),
        nodes: count(programmed.nodes),
        programmed_nodes: count(programmed.done),
    }
}

/// What is known about a workload.
pub(crate) fn workload_status(state: &State, workload: &Workload) -> v1::WorkloadStatus {
    let serving = state.is_serving(workload);
    let about = About {
        generation: workload.meta.generation,
        since: workload.meta.updated_at,
    };
    let mut conditions = vec![about.condition("Ready", readiness(state, workload, serving))];
    if state.prober(workload) == Prober::Missing {
        let node = workload.spec.node.as_ref();
        let message = node.map_or_else(
            || "it has a probe, but names no node whose agent could run it; set spec.node".to_owned(),
            |node| format!("node {node} is not registered, so nobody runs the probe; start a plugin there, or create the node"),
        );
        conditions.push(about.condition("NoProber", Word(True, "NodeNotRegistered", message)));
    }
    v1::WorkloadStatus {
        conditions,
        serving,
        probe_generation: workload.probe_generation,
    }
}

/// Conditions of a node.
pub(crate) fn node_conditions(
    node: &Node,
    runtime: Option<&NodeRuntime>,
    described: Option<&NodeSpec>,
) -> Vec<v1::Condition> {
    let about = About {
        generation: node.meta.generation,
        since: runtime.map_or(node.meta.updated_at, |r| r.last_contact),
    };
    let connected = match runtime {
        Some(runtime) if runtime.connected => {
            Word(True, "StreamOpen", "its plugin is connected".to_owned())
        }
        Some(_) => Word(
            False,
            "StreamClosed",
            "its plugin is not connected; the node keeps its last state".to_owned(),
        ),
        None => Word(
            Unknown,
            "NeverConnected",
            "its plugin was not seen yet".to_owned(),
        ),
    };
    let mut conditions = vec![about.condition("Connected", connected)];
    if let Some(difference) = described.and_then(|described| difference(&node.spec, described)) {
        let message = format!(
            "its plugin says otherwise: {difference}; change the node, or the plugin's flags"
        );
        conditions.push(about.condition("NodeSpecMismatch", Word(True, "HelloDiffers", message)));
    }
    conditions
}

/// What a plugin says of its node that is not registered so.
fn difference(registered: &NodeSpec, described: &NodeSpec) -> Option<String> {
    let addresses = |list: &[std::net::IpAddr]| {
        list.iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join(",")
    };
    let pairs = [
        (
            "addresses",
            addresses(&registered.addresses),
            addresses(&described.addresses),
        ),
        (
            "node_port_addresses",
            addresses(&registered.node_port_addresses()),
            addresses(&described.node_port_addresses()),
        ),
        ("zone", registered.zone.clone(), described.zone.clone()),
        (
            "dataplane",
            registered.dataplane.clone(),
            described.dataplane.clone(),
        ),
    ];
    let differing = pairs
        .into_iter()
        .filter(|(_, registered, described)| registered != described);
    let words: Vec<_> = differing
        .map(|(field, is, says)| format!("{field} {says:?} instead of {is:?}"))
        .collect();
    (!words.is_empty()).then(|| words.join(", "))
}

/// Status, reason and message of a condition.
struct Word(v1::ConditionStatus, &'static str, String);

struct About {
    generation: u64,
    since: Timestamp,
}

impl About {
    fn condition(&self, kind: &str, Word(status, reason, message): Word) -> v1::Condition {
        v1::Condition {
            r#type: kind.to_owned(),
            status: status.into(),
            reason: reason.to_owned(),
            message,
            observed_generation: i64::try_from(self.generation).unwrap_or(i64::MAX),
            last_transition_time: Some(timestamp(self.since)),
        }
    }

    fn addresses(&self, service: &Service) -> v1::Condition {
        let word = match (service.spec.kind, service.spec.cluster_ips.addresses()) {
            (ServiceType::ExternalName, _) => Word(
                True,
                "NotNeeded",
                "an ExternalName has no address".to_owned(),
            ),
            (_, []) => Word(
                True,
                "NotNeeded",
                "a headless Service has no address".to_owned(),
            ),
            (_, addresses) => {
                let list: Vec<_> = addresses.iter().map(ToString::to_string).collect();
                Word(True, "Allocated", list.join(", "))
            }
        };
        self.condition("AddressesAllocated", word)
    }
}

fn readiness(state: &State, workload: &Workload, serving: bool) -> Word {
    let reason = workload
        .health
        .as_ref()
        .map(|health| health.reason.as_str())
        .unwrap_or_default();
    match (serving, state.prober(workload)) {
        (true, _) if workload.spec.draining => Word(
            False,
            "Draining",
            "it serves, but is about to end".to_owned(),
        ),
        (true, Prober::Node(node)) => Word(
            True,
            "ProbePassed",
            format!("the probe on node {node} passes"),
        ),
        (true, _) => Word(
            True,
            "Serving",
            "it needs no probe, or was reported ready".to_owned(),
        ),
        (false, Prober::Node(node)) if workload.health.is_none() => Word(
            False,
            "NotProbedYet",
            format!("node {node} has not reported a result yet"),
        ),
        (false, Prober::Node(node)) => Word(
            False,
            "ProbeFailed",
            format!("the probe on node {node} fails: {reason}"),
        ),
        (false, Prober::Missing) => Word(False, "NoProber", "nobody runs its probe".to_owned()),
        (false, Prober::NotNeeded) => Word(
            False,
            "ReportedNotReady",
            "it was reported not ready".to_owned(),
        ),
    }
}

fn endpoints_resolved(
    state: &State,
    service: &Service,
    endpoints: &[&std::sync::Arc<Endpoint>],
    ready: usize,
) -> Word {
    if service.spec.kind == ServiceType::ExternalName {
        return Word(
            True,
            "NotNeeded",
            "an ExternalName has no endpoints".to_owned(),
        );
    }
    if endpoints.is_empty() {
        return if service.spec.has_selector() {
            let pairs: Vec<_> = service
                .spec
                .selector
                .iter()
                .map(|(k, v)| format!("{k}={v}"))
                .collect();
            Word(
                False,
                "NoWorkloads",
                format!(
                    "no workload in namespace {} has the labels {}",
                    service.namespace,
                    pairs.join(",")
                ),
            )
        } else {
            Word(
                False,
                "NoEndpoints",
                "it has no selector, and no endpoints were written for it".to_owned(),
            )
        };
    }
    if let Some(port) = unserved_port(service, endpoints) {
        return Word(False, "PortNameMismatch", port);
    }
    if ready == 0 {
        let workloads = state.workloads_matching(&service.namespace, &service.spec.selector);
        let why = workloads.iter().find_map(|w| {
            w.health
                .as_ref()
                .map(|h| h.reason.clone())
                .filter(|r| !r.is_empty())
        });
        let why = why
            .map(|why| format!("; for example: {why}"))
            .unwrap_or_default();
        return Word(
            False,
            "NotReady",
            format!("none of {} endpoints is ready{why}", endpoints.len()),
        );
    }
    Word(
        True,
        "Resolved",
        format!("{ready} of {} endpoints are ready", endpoints.len()),
    )
}

/// A port that no endpoint serves: the silent classic of names that don't match.
fn unserved_port(service: &Service, endpoints: &[&std::sync::Arc<Endpoint>]) -> Option<String> {
    let serves = |name: &str| {
        endpoints
            .iter()
            .any(|e| e.ports.iter().any(|p| p.service_port == name))
    };
    let port = service.spec.ports.iter().find(|port| !serves(&port.name))?;
    let label = if port.name.is_empty() {
        port.port.to_string()
    } else {
        port.name.clone()
    };
    Some(match &port.target {
        TargetPort::Name(target) if service.spec.has_selector() => {
            format!(
                "no workload has a {} port named {target:?}, which port {label} targets",
                port.protocol
            )
        }
        _ => format!(
            "no endpoint serves port {label}: the port names of the endpoints must equal those of the Service"
        ),
    })
}

/// How far nodes are with a Service.
struct Programmed {
    nodes: usize,
    done: usize,
    problem: Option<(&'static str, String)>,
}

impl Programmed {
    fn of(state: &State, service: &Service, runtime: &[NodeRuntime]) -> Self {
        let mut result = Self {
            nodes: state.node_count(),
            done: 0,
            problem: None,
        };
        for node in state.nodes() {
            let Some(report) = runtime.iter().find(|r| r.uid == node.meta.uid) else {
                continue;
            };
            match report
                .rejected
                .iter()
                .find(|rejection| rejection.uid == service.meta.uid)
            {
                Some(rejection) => {
                    let reason = if rejection.code == "UNSUPPORTED_FEATURE" {
                        "UnsupportedByNode"
                    } else {
                        "RejectedByNode"
                    };
                    let message = format!(
                        "node {}: {}: {}",
                        node.meta.name, rejection.code, rejection.message
                    );
                    result.problem.get_or_insert((reason, message));
                }
                None if report.attempted >= service.meta.revision => result.done += 1,
                None => {}
            }
        }
        result
    }

    fn condition(&self) -> Word {
        let count = format!("{}/{} nodes", self.done, self.nodes);
        match &self.problem {
            Some((reason, message)) => Word(False, reason, format!("{count}; {message}")),
            None if self.nodes == 0 => Word(
                Unknown,
                "NoNodes",
                "no node is registered; start a plugin".to_owned(),
            ),
            None if self.done < self.nodes => Word(False, "Pending", count),
            None => Word(True, "Programmed", count),
        }
    }
}

fn count(n: usize) -> i32 {
    i32::try_from(n).unwrap_or(i32::MAX)
}
