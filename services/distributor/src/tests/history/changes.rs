//! What may happen next.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use portolan_model::{
    Change, ClusterIps, Endpoint, EndpointPort, Namespace, Node, NodeSpec, Origin, Probe,
    ProbeAction, ProbePort, Protocol, Revision, Scoped, Service, ServiceCidr, ServicePort,
    ServiceSpec, State, TargetPort, Timestamp, TrafficPolicy, Workload, WorkloadSpec,
};
use rand::RngExt;

use super::{History, name};

impl History {
    /// Changes that keep what always holds: no endpoint without its Service.
    pub(super) fn changes(&mut self, state: &State) -> Vec<Change> {
        match self.rng.random_range(0..100) {
            0..4 => self.range_or_namespace(state),
            4..16 => self.node(state),
            16..30 => self.service(state),
            30..36 => self.no_service(state),
            36..62 => self.endpoint(state),
            62..82 => self.flip(state),
            _ => self.workload(state),
        }
    }

    fn range_or_namespace(&mut self, state: &State) -> Vec<Change> {
        let number = self.rng.random_range(0..6);
        let text = format!("extra-{number}");
        if let Some(known) = state.service_cidr(&name(&text)) {
            return vec![Change::delete(known.clone())];
        }
        if number < 3 {
            let namespace = Namespace {
                meta: self.meta(&text),
                spec: portolan_model::NamespaceSpec::default(),
            };
            return match state.namespace(&name(&text)) {
                Some(known) => vec![Change::delete(known.clone())],
                None => vec![Change::create(namespace)],
            };
        }
        let cidr = format!("10.{number}.0.0/16").parse().unwrap();
        vec![Change::create(ServiceCidr {
            meta: self.meta(&text),
            cidrs: vec![cidr],
            draining_since: None,
        })]
    }

    fn node(&mut self, state: &State) -> Vec<Change> {
        let text = format!("node-{}", self.rng.random_range(0..8));
        let zone = format!("zone-{}", self.rng.random_range(0..3));
        let Some(known) = state.node(&name(&text)) else {
            let spec = NodeSpec {
                zone,
                ..NodeSpec::default()
            };
            return vec![Change::create(Node {
                meta: self.meta(&text),
                spec,
                session: 0,
            })];
        };
        if self.rng.random_bool(0.2) {
            return vec![Change::delete(known.clone())];
        }
        // Sometimes only what nobody is shown.
        let spec = NodeSpec {
            zone,
            ..known.spec.clone()
        };
        vec![Change::update(
            known.clone(),
            Node {
                spec,
                session: known.session + 1,
                ..(**known).clone()
            },
        )]
    }

    pub(super) fn service(&mut self, state: &State) -> Vec<Change> {
        let text = format!("service-{}", self.rng.random_range(0..10));
        let key = Scoped::new(name("default"), name(&text));
        let policy = if self.rng.random_bool(0.5) {
            TrafficPolicy::Local
        } else {
            TrafficPolicy::Cluster
        };
        let port = ServicePort {
            name: "http".to_owned(),
            port: self.rng.random_range(1..5),
            protocol: Protocol::Tcp,
            target: TargetPort::Number(80),
            app_protocol: None,
            node_port: None,
        };
        let spec = ServiceSpec {
            ports: vec![port],
            cluster_ips: ClusterIps::Addresses(vec![IpAddr::V4(Ipv4Addr::new(10, 96, 0, 1))]),
            internal_traffic_policy: Some(policy),
            ..ServiceSpec::default()
        };
        match state.service(&key) {
            Some(known) => vec![Change::update(
                known.clone(),
                Service {
                    spec,
                    ..(**known).clone()
                },
            )],
            None => {
                vec![Change::create(Service {
                    meta: self.meta(&text),
                    namespace: name("default"),
                    spec,
                })]
            }
        }
    }

    fn no_service(&mut self, state: &State) -> Vec<Change> {
        let Some(service) = self.pick(state) else {
            return Vec::new();
        };
        let endpoints = state.endpoints_of(&service).cloned();
        endpoints
            .map(Change::delete)
            .chain([Change::delete(service.clone())])
            .collect()
    }

    fn endpoint(&mut self, state: &State) -> Vec<Change> {
        let Some(service) = self.pick(state) else {
            return Vec::new();
        };
        let last = self.rng.random_range(1..8);
        let text = format!("{}.m.test.{last}", service.meta.name);
        if let Some(known) = state.endpoint(&Scoped::new(name("default"), name(&text))) {
            return vec![Change::delete(known.clone())];
        }
        vec![Change::create(self.new_endpoint(&service, &text))]
    }

    pub(super) fn new_endpoint(&mut self, service: &Service, text: &str) -> Endpoint {
        Endpoint {
            name: name(text),
            namespace: name("default"),
            uid: self.uid(),
            created_at: Timestamp(0),
            updated_at: Timestamp(0),
            revision: Revision(1),
            service: service.meta.name.clone(),
            service_uid: service.meta.uid,
            origin: Origin::Source("test".to_owned()),
            address: IpAddr::V4(Ipv4Addr::new(192, 0, 2, self.rng.random())),
            ports: vec![EndpointPort {
                service_port: "http".to_owned(),
                port: 8080,
                protocol: Protocol::Tcp,
            }],
            node: Some(name("node-1")),
            zone: String::new(),
            hostname: None,
            ready: true,
            serving: true,
            terminating: false,
            weight: 1,
        }
    }

    /// Readiness of one endpoint may decide the views of its siblings.
    pub(super) fn flip(&mut self, state: &State) -> Vec<Change> {
        let Some(service) = self.pick(state) else {
            return Vec::new();
        };
        let Some(known) = state.endpoints_of(&service).next().cloned() else {
            return Vec::new();
        };
        let after = Endpoint {
            ready: !known.ready,
            terminating: known.ready,
            ..(*known).clone()
        };
        vec![Change::update(known, after)]
    }

    fn workload(&mut self, state: &State) -> Vec<Change> {
        let text = format!("workload-{}", self.rng.random_range(0..6));
        let key = Scoped::new(name("default"), name(&text));
        let spec = WorkloadSpec {
            addresses: vec![IpAddr::V4(Ipv4Addr::new(
                192,
                0,
                2,
                self.rng.random_range(1..200),
            ))],
            node: Some(name("node-1")),
            probe: self.rng.random_bool(0.6).then(tcp_probe),
            ..WorkloadSpec::default()
        };
        match state.workload(&key).cloned() {
            Some(known) if self.rng.random_bool(0.3) => vec![Change::delete(known)],
            Some(known) => {
                let after = Workload {
                    spec,
                    ..(*known).clone()
                };
                vec![Change::update(known, after)]
            }
            None => {
                let meta = self.meta(&text);
                let workload = Workload {
                    meta,
                    namespace: name("default"),
                    spec,
                    probe_generation: 1,
                    readiness: None,
                };
                vec![Change::create(workload)]
            }
        }
    }

    fn pick(&mut self, state: &State) -> Option<Arc<Service>> {
        let count = state.services_after(None, None).count();
        let index = self.rng.random_range(0..count.max(1));
        state.services_after(None, None).nth(index).cloned()
    }
}

fn tcp_probe() -> Probe {
    Probe {
        action: ProbeAction::TcpConnect {
            port: ProbePort::Number(80),
        },
        initial_delay_seconds: 0,
        period_seconds: 10,
        timeout_seconds: 1,
        success_threshold: 1,
        failure_threshold: 3,
    }
}
