//! A cluster in a box: every operation is decided and applied as the committer would.

use std::net::IpAddr;

use portolan_model::{
    ClusterIps, ClusterSpec, Family, Labels, Name, NodeSpec, Object, PortRange, Protocol, Refusal,
    Revision, Scoped, Service, ServicePort, ServiceSpec, ServiceType, State, TargetPort, Timestamp,
    Workload, WorkloadSpec,
};

use crate::{
    Action, Context, DeleteMode, Inputs, NamespaceParams, NodeParams, Operation, Outcome, PutMode,
    ServiceField, ServiceParams, WorkloadField, WorkloadParams, decide,
};

pub(super) struct World {
    pub(super) state: State,
    pub(super) now: Timestamp,
    seed: u128,
}

impl World {
    /// ServiceCIDR and node ports as given; families IPv4.
    pub(super) fn new(cidr: &str, node_ports: (u16, u16)) -> Self {
        let mut world = Self {
            state: State::default(),
            now: Timestamp(1_000_000),
            seed: 1,
        };
        let spec = ClusterSpec {
            node_ports: PortRange {
                first: node_ports.0,
                last: node_ports.1,
            },
            dns_domain: "cluster.local".to_owned(),
            families: vec![Family::V4],
            endpoint_ranges: Vec::new(),
            workload_ranges: Vec::new(),
        };
        let cidrs = vec![cidr.parse().unwrap()];
        world
            .run(Action::Bootstrap {
                name: name("default"),
                spec,
                cidrs,
            })
            .unwrap();
        world
    }

    pub(super) fn usual() -> Self {
        Self::new("10.96.0.0/16", (30000, 32767))
    }

    pub(super) fn run(&mut self, action: Action) -> Result<Outcome, Refusal> {
        self.run_as(action, Context::default())
    }

    pub(super) fn run_as(&mut self, action: Action, context: Context) -> Result<Outcome, Refusal> {
        self.seed += 1;
        self.now.0 += 1_000;
        let revision = self.state.revision().next();
        let validate_only = context.validate_only;
        let inputs = Inputs {
            revision,
            now: self.now,
            seed: self
                .seed
                .wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835),
        };
        let decision = decide(&self.state, &Operation { action, context }, inputs)?;
        if !decision.changes.is_empty() && !validate_only {
            let mut replayed = self.state.clone();
            replayed.apply_all(revision, &decision.changes);
            assert_eq!(
                replayed.digest(),
                decision.state.digest(),
                "the changes lead to the state"
            );
            self.state = replayed;
        }
        Ok(decision.outcome)
    }

    pub(super) fn create(&mut self, key: &str, spec: ServiceSpec) -> Result<Service, Refusal> {
        self.put(key, spec, PutMode::Create)
    }

    pub(super) fn apply(&mut self, key: &str, spec: ServiceSpec) -> Result<Service, Refusal> {
        self.put(
            key,
            spec,
            PutMode::Update {
                allow_missing: true,
                etag: None,
                expected_uid: None,
            },
        )
    }

    pub(super) fn put(
        &mut self,
        key: &str,
        spec: ServiceSpec,
        mode: PutMode,
    ) -> Result<Service, Refusal> {
        let params = ServiceParams {
            spec,
            fields: ServiceField::ALL.into(),
            ..ServiceParams::default()
        };
        let outcome = self.run(Action::PutService {
            key: scoped(key),
            params,
            mode,
        })?;
        Ok(service(&outcome))
    }

    pub(super) fn delete(&mut self, key: &str) -> Result<Outcome, Refusal> {
        self.run(Action::DeleteService {
            key: scoped(key),
            mode: DeleteMode::default(),
        })
    }

    pub(super) fn namespace(&mut self, text: &str) {
        let action = Action::PutNamespace {
            name: name(text),
            params: NamespaceParams::default(),
            mode: PutMode::Create,
        };
        self.run(action).unwrap();
    }

    pub(super) fn node(&mut self, text: &str) {
        let spec = NodeSpec {
            addresses: vec![ip("192.0.2.1")],
            zone: "a".to_owned(),
            ..NodeSpec::default()
        };
        let params = NodeParams {
            spec,
            ..NodeParams::default()
        };
        self.run(Action::PutNode {
            name: name(text),
            params,
            mode: PutMode::Create,
        })
        .unwrap();
    }

    pub(super) fn workload(
        &mut self,
        key: &str,
        labels: &[(&str, &str)],
        spec: WorkloadSpec,
    ) -> Workload {
        let params = WorkloadParams {
            labels: pairs(labels),
            annotations: Labels::new(),
            spec,
            fields: WorkloadField::ALL.into(),
        };
        let mode = PutMode::Update {
            allow_missing: true,
            etag: None,
            expected_uid: None,
        };
        let outcome = self
            .run(Action::PutWorkload {
                key: scoped(key),
                params,
                mode,
            })
            .unwrap();
        match outcome.objects.first() {
            Some(Object::Workload(workload)) => (**workload).clone(),
            other => panic!("no workload but {other:?}"),
        }
    }
}

pub(super) fn service(outcome: &Outcome) -> Service {
    match outcome.objects.first() {
        Some(Object::Service(service)) => (**service).clone(),
        other => panic!("no Service but {other:?}"),
    }
}

pub(super) fn name(text: &str) -> Name {
    Name::subdomain(text).unwrap()
}

/// `name` in namespace default, or `namespace/name`.
pub(super) fn scoped(text: &str) -> Scoped {
    let (namespace, rest) = text.split_once('/').unwrap_or(("default", text));
    Scoped::new(name(namespace), name(rest))
}

pub(super) fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

pub(super) fn pairs(list: &[(&str, &str)]) -> Labels {
    list.iter()
        .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
        .collect()
}

pub(super) fn port(name: &str, number: u16) -> ServicePort {
    ServicePort {
        name: name.to_owned(),
        port: number,
        protocol: Protocol::Tcp,
        target: TargetPort::Number(8080),
        app_protocol: None,
        node_port: None,
    }
}

pub(super) fn cluster_ip() -> ServiceSpec {
    ServiceSpec {
        ports: vec![port("", 80)],
        ..ServiceSpec::default()
    }
}

pub(super) fn with_address(address: &str) -> ServiceSpec {
    ServiceSpec {
        cluster_ips: ClusterIps::Addresses(vec![ip(address)]),
        ..cluster_ip()
    }
}

pub(super) fn node_port() -> ServiceSpec {
    ServiceSpec {
        kind: ServiceType::NodePort,
        ..cluster_ip()
    }
}

pub(super) fn selecting(labels: &[(&str, &str)]) -> ServiceSpec {
    ServiceSpec {
        selector: pairs(labels).into(),
        ..cluster_ip()
    }
}

pub(super) fn at(address: &str) -> WorkloadSpec {
    WorkloadSpec {
        addresses: vec![ip(address)],
        ..WorkloadSpec::default()
    }
}

/// ErrorInfo-like word of a refusal.
pub(super) fn reason(refusal: &Refusal) -> &'static str {
    match refusal {
        Refusal::Invalid { .. } => "INVALID",
        Refusal::Immutable { .. } => "IMMUTABLE",
        Refusal::NotFound { .. } => "NOT_FOUND",
        Refusal::AlreadyExists { .. } => "ALREADY_EXISTS",
        Refusal::TooLarge { .. } => "TOO_LARGE",
        Refusal::Precondition { reason, .. }
        | Refusal::Exhausted { reason, .. }
        | Refusal::Conflict { reason, .. } => reason.as_str(),
    }
}

pub(super) fn revision(world: &World) -> Revision {
    world.state.revision()
}
