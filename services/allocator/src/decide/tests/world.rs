//! A cluster in a box: every operation is decided and applied as the committer would.

use std::fmt::Debug;
use std::net::IpAddr;
use std::sync::Arc;

use portolan_model::{
    ClusterIps, ClusterSpec, Family, Labels, Name, NamespaceSpec, NodeSpec, Object, PortRange,
    Protocol, Refusal, Revision, Scoped, Service, ServicePort, ServiceSpec, ServiceType, State,
    TargetPort, Timestamp, Violations, Workload, WorkloadSpec,
};

use crate::{
    Action, ClusterAction, Context, Delete, Inputs, Merge, NamespaceAction, NewCluster, NodeAction,
    Operation, Outcome, Params, Preconditions, Put, ServiceAction, Update, Write, decide,
};

/// An update that replaces everything.
#[derive(Debug)]
struct Whole<S>(Params<S>);

impl<S: Clone + PartialEq + Debug + Send + Sync> Merge<S> for Whole<S> {
    fn wanted(&self, _: Option<&Params<S>>, _: &mut Violations) -> Params<S> {
        self.0.clone()
    }

    fn recheck(&self, _: &Params<S>, _: &mut Violations) {}

    fn means(&self, _: &str) -> bool {
        true
    }

    fn is_kept(&self, _: &str, stored: &Params<S>, wanted: &Params<S>) -> bool {
        stored == wanted
    }
}

/// Everything anew.
pub(super) fn whole<S>(spec: S) -> Update<S>
where
    S: Clone + PartialEq + Debug + Send + Sync + 'static,
{
    labelled(Params {
        spec,
        labels: Labels::new(),
        annotations: Labels::new(),
    })
}

pub(super) fn labelled<S>(params: Params<S>) -> Update<S>
where
    S: Clone + PartialEq + Debug + Send + Sync + 'static,
{
    Update {
        merge: Arc::new(Whole(params)),
        preconditions: Preconditions::default(),
    }
}

/// Whether it is there or not.
pub(super) fn applied<S>(update: Update<S>) -> Put<S> {
    Put::Update {
        update,
        allow_missing: true,
    }
}

pub(super) fn created<S>(spec: S) -> Put<S> {
    Put::Create(Params {
        spec,
        labels: Labels::new(),
        annotations: Labels::new(),
    })
}

pub(super) struct World {
    pub(super) state: State,
    pub(super) now: Timestamp,
    seed: u128,
}

impl World {
    /// ServiceCIDR and node ports as given; families IPv4.
    pub(super) fn new(cidr: &str, node_ports: (u16, u16)) -> Self {
        Self::of(&[cidr], vec![Family::V4], node_ports)
    }

    /// Both families, IPv4 first.
    pub(super) fn dual() -> Self {
        let families = vec![Family::V4, Family::V6];
        Self::of(&["10.96.0.0/16", "fd00::/112"], families, (30000, 32767))
    }

    fn of(cidrs: &[&str], families: Vec<Family>, node_ports: (u16, u16)) -> Self {
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
            families,
            endpoint_ranges: Vec::new(),
            workload_ranges: Vec::new(),
        };
        let cidrs = cidrs.iter().map(|cidr| cidr.parse().unwrap()).collect();
        world
            .run(Action::Cluster(ClusterAction::Bootstrap(NewCluster {
                name: name("default"),
                spec,
                cidrs,
            })))
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
        self.put(key, created(spec))
    }

    pub(super) fn apply(&mut self, key: &str, spec: ServiceSpec) -> Result<Service, Refusal> {
        self.put(key, applied(whole(spec)))
    }

    pub(super) fn put(&mut self, key: &str, put: Put<ServiceSpec>) -> Result<Service, Refusal> {
        let key = scoped(key);
        let outcome = self.run(Action::Service(ServiceAction::Put { key, put }))?;
        Ok(service(&outcome))
    }

    pub(super) fn delete(&mut self, key: &str) -> Result<Outcome, Refusal> {
        self.run(Action::Service(ServiceAction::Delete {
            key: scoped(key),
            delete: Delete::default(),
        }))
    }

    pub(super) fn namespace(&mut self, text: &str) {
        let action = Action::Namespace(NamespaceAction::Put {
            name: name(text),
            put: created(NamespaceSpec::default()),
        });
        self.run(action).unwrap();
    }

    pub(super) fn node(&mut self, text: &str) {
        let spec = NodeSpec {
            addresses: vec![ip("192.0.2.1")],
            zone: "a".to_owned(),
            ..NodeSpec::default()
        };
        self.run(Action::Node(NodeAction::Put {
            name: name(text),
            put: created(spec),
        }))
        .unwrap();
    }

    pub(super) fn workload(
        &mut self,
        key: &str,
        labels: &[(&str, &str)],
        spec: WorkloadSpec,
    ) -> Workload {
        let params = Params {
            labels: pairs(labels),
            annotations: Labels::new(),
            spec,
        };
        let key = scoped(key);
        let put = applied(labelled(params));
        let outcome = self.run(Action::Workload(Write::Put { key, put })).unwrap();
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
