//! The transactions that a control plane would make, decided beforehand by the real allocator.

use std::sync::Arc;

use portolan_allocator::{
    Action, ClusterAction, Context, Inputs, NewCluster, NewService, Operation, Params, Put,
    ServiceAction, decide,
};
use portolan_model::{
    ClusterSpec, Family, Labels, Name, PortRange, Protocol, Scoped, ServicePort, ServiceSpec,
    ServiceType, State, TargetPort, Timestamp, Uid,
};
use portolan_store::{AuditEntry, Commit, Write};

use crate::s1::Workload;

/// More than a loop over a file manages in a cell.
const COUNT: usize = 30_000;
/// Any time will do, if it is the same in all rows.
const NOW: Timestamp = Timestamp(1_700_000_000_000_000);
/// Who asks, as the API writes it down.
const PRINCIPAL: &str = "anonymous@127.0.0.1";

/// A new cluster, then one Service after the other.
pub(crate) struct Writes {
    pub(crate) cluster: Name,
    pub(crate) bootstrap: Write,
    pub(crate) creates: Vec<Write>,
}

impl Writes {
    /// One Service a transaction.
    pub(crate) fn new(workload: Workload) -> Self {
        let creates = (0..COUNT).map(|number| operation("CreateService", create(workload, number)));
        Self::decided(creates)
    }

    /// So many Services a transaction.
    pub(crate) fn batches(batches: usize, services: usize) -> Self {
        let batch = |batch| {
            let numbers = batch * services..(batch + 1) * services;
            let service = |number| {
                let (key, params) = service(Workload::ClusterIp, number);
                NewService { key, params }
            };
            let action = Action::Service(ServiceAction::CreateAll(numbers.map(service).collect()));
            operation("BatchCreateServices", action)
        };
        Self::decided((0..batches).map(batch))
    }

    fn decided(operations: impl Iterator<Item = Operation>) -> Self {
        let cluster = name("default");
        let mut state = State::default();
        let bootstrap = next(&mut state, operation("Bootstrap", bootstrap(&cluster)));
        Self {
            cluster,
            bootstrap,
            creates: operations
                .map(|operation| next(&mut state, operation))
                .collect(),
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
        records: decision.records,
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
    Action::Cluster(ClusterAction::Bootstrap(NewCluster {
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
    }))
}

fn create(workload: Workload, number: usize) -> Action {
    let (key, params) = service(workload, number);
    Action::Service(ServiceAction::Put {
        key,
        put: Put::Create(params),
    })
}

fn service(workload: Workload, number: usize) -> (Scoped, Params<ServiceSpec>) {
    let id = format!("service-{number}");
    let key = Scoped::new(name("default"), name(&id));
    let spec = ServiceSpec {
        kind: match workload {
            Workload::ClusterIp => ServiceType::ClusterIP,
            Workload::NodePort => ServiceType::NodePort,
        },
        selector: Labels::from([("app".to_owned(), id)]).into(),
        ports: vec![ServicePort {
            name: String::new(),
            port: 80,
            protocol: Protocol::Tcp,
            target: TargetPort::Number(8080),
            app_protocol: None,
            node_port: None,
        }],
        ..ServiceSpec::default()
    };
    let params = Params {
        labels: Labels::new(),
        annotations: Labels::new(),
        spec,
    };
    (key, params)
}

fn name(text: &str) -> Name {
    Name::label(text).expect("a DNS label")
}
