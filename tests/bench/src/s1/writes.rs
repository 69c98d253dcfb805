//! The transactions that a control plane would make, decided beforehand by the real allocator.

use std::sync::Arc;

use portolan_allocator::{
    Action, Context, Inputs, Operation, PutMode, ServiceField, ServiceParams, decide,
};
use portolan_model::{
    ClusterSpec, Family, Labels, Name, PortRange, Protocol, Scoped, ServicePort, ServiceSpec,
    ServiceType, State, TargetPort, Timestamp, Uid,
};
use portolan_store::{AuditEntry, Commit, Write};

use super::Workload;

/// More than a loop over a file manages in a cell.
const COUNT: usize = 30_000;
/// Any time will do, if it is the same in all rows.
const NOW: Timestamp = Timestamp(1_700_000_000_000_000);
/// Who asks, as the API writes it down.
const PRINCIPAL: &str = "anonymous@127.0.0.1";

/// A new cluster, then one Service after the other.
pub(super) struct Writes {
    pub(super) cluster: Name,
    pub(super) bootstrap: Write,
    pub(super) creates: Vec<Write>,
}

impl Writes {
    pub(super) fn new(workload: Workload) -> Self {
        let cluster = name("default");
        let mut state = State::default();
        let bootstrap = next(&mut state, operation("Bootstrap", bootstrap(&cluster)));
        let creates = (0..COUNT).map(|number| {
            next(
                &mut state,
                operation("CreateService", create(workload, number)),
            )
        });
        Self {
            cluster,
            bootstrap,
            creates: creates.collect(),
        }
    }
}

/// Decides an operation, and moves on.
fn next(state: &mut State, operation: Operation) -> Write {
    let revision = state.revision().next();
    let inputs = Inputs {
        revision,
        now: NOW,
        seed: rand::random(),
    };
    let decision =
        decide(state, &operation, inputs).expect("an empty cluster has room for all of them");
    *state = decision.state;
    state.set_revision(revision);
    let resource = decision
        .outcome
        .objects
        .first()
        .map(portolan_model::Object::resource)
        .unwrap_or_default();
    let Context {
        principal,
        method,
        request_id,
        traceparent,
        ..
    } = operation.context;
    Write {
        commit: Arc::new(Commit {
            revision,
            token: Uid::from_random(rand::random()),
            committed_at: NOW,
            traceparent,
            digest: state.digest(),
            changes: decision.changes,
        }),
        audit: vec![AuditEntry {
            principal,
            method: method.to_owned(),
            resource,
            request_id,
        }],
    }
}

fn operation(method: &'static str, action: Action) -> Operation {
    Operation {
        action,
        context: Context {
            principal: PRINCIPAL.to_owned(),
            method,
            ..Context::default()
        },
    }
}

fn bootstrap(cluster: &Name) -> Action {
    Action::Bootstrap {
        name: cluster.clone(),
        spec: ClusterSpec {
            node_ports: PortRange {
                first: 10_000,
                last: 65_535,
            },
            dns_domain: "cluster.local".to_owned(),
            families: vec![Family::V4],
            endpoint_ranges: Vec::new(),
            workload_ranges: Vec::new(),
        },
        cidrs: vec!["10.0.0.0/12".parse().expect("a CIDR")],
    }
}

fn create(workload: Workload, number: usize) -> Action {
    let id = format!("service-{number}");
    Action::PutService {
        key: Scoped::new(name("default"), name(&id)),
        params: ServiceParams {
            labels: Labels::new(),
            annotations: Labels::new(),
            spec: ServiceSpec {
                kind: match workload {
                    Workload::ClusterIp => ServiceType::ClusterIP,
                    Workload::NodePort => ServiceType::NodePort,
                },
                selector: Labels::from([("app".to_owned(), id)]),
                ports: vec![ServicePort {
                    name: String::new(),
                    port: 80,
                    protocol: Protocol::Tcp,
                    target: TargetPort::Number(8080),
                    app_protocol: None,
                    node_port: None,
                }],
                ..ServiceSpec::default()
            },
            fields: ServiceField::ALL.into(),
        },
        mode: PutMode::Create,
    }
}

fn name(text: &str) -> Name {
    Name::label(text).expect("a DNS label")
}
