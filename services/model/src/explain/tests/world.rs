//! A cluster in which a Service works, to be broken.

use std::net::IpAddr;

use ipnet::IpNet;

use super::super::{Flow, FlowExplanation, ServiceExplanation, flow, service};
use crate::view::{ViewKey, ViewKind};
use crate::{
    ClaimOwner, ClaimState, Cluster, ClusterIps, ClusterSpec, Endpoint, EndpointPort, Family,
    IpClaim, Labels, Meta, Name, Namespace, NamespaceSpec, Node, NodeReport, NodeReports, NodeSpec,
    Object, Origin, PortClaim, PortRange, Probe, ProbeAction, ProbePort, Protocol, Readiness,
    Rejection, Revision, Service, ServiceCidr, ServicePort, ServiceSpec, ServiceType, State,
    TargetPort, Timestamp, TrafficPolicy, Uid, Workload, WorkloadPort, WorkloadSpec,
};

/// Every object was last written in this revision, which nodes have.
const NOW: Revision = Revision(9);

/// Service `web` at 10.96.0.10:80, workloads `web-1` on n1 and `web-2` on n2.
pub(super) struct World {
    pub(super) service: Service,
    pub(super) workloads: Vec<Workload>,
    pub(super) nodes: Vec<Node>,
    pub(super) reports: Vec<NodeReport>,
    pub(super) workload_ranges: Vec<IpNet>,
    written: Vec<Endpoint>,
}

impl World {
    pub(super) fn new() -> Self {
        let nodes: Vec<_> = [1, 2].map(node).into();
        let mut world = Self {
            service: web(),
            workloads: Vec::new(),
            reports: nodes.iter().map(report).collect(),
            nodes,
            workload_ranges: vec!["10.0.0.0/16".parse().unwrap()],
            written: Vec::new(),
        };
        world.add_workload("web-1", "n1", &[("http", 8080)]);
        world.add_workload("web-2", "n2", &[("http", 8080)]);
        world
    }

    pub(super) fn add_workload(&mut self, text: &str, node: &str, ports: &[(&str, u16)]) {
        let number = self.workloads.len() + 1;
        let port = |(name, port): &(&str, u16)| WorkloadPort {
            name: (*name).to_owned(),
            port: *port,
            protocol: Protocol::Tcp,
        };
        let probed = ports.first().map_or(8080, |(_, port)| *port);
        let spec = WorkloadSpec {
            addresses: vec![format!("10.0.0.{number}").parse().unwrap()],
            node: Some(name(node)),
            ports: ports.iter().map(port).collect(),
            probe: Some(probe(probed)),
            ..WorkloadSpec::default()
        };
        let mut meta = meta(text);
        meta.labels = pairs(&[("app", "web")]);
        self.workloads.push(Workload {
            meta,
            namespace: name("default"),
            spec,
            probe_generation: 1,
            readiness: Some(readiness(true, "")),
        });
    }

    pub(super) fn select(&mut self, selector: &[(&str, &str)]) {
        self.service.spec.selector = pairs(selector).into();
    }

    pub(super) fn label(&mut self, workload: &str, key: &str, value: &str) {
        let labels = &mut self.workload(workload).meta.labels;
        labels.insert(key.to_owned(), value.to_owned());
    }

    pub(super) fn move_workloads(&mut self, namespace: &str) {
        let moved = self.workloads.iter_mut();
        moved.for_each(|workload| workload.namespace = name(namespace));
    }

    pub(super) fn fail(&mut self, workload: &str, reason: &str) {
        self.workload(workload).readiness = Some(readiness(false, reason));
    }

    pub(super) fn alias(&mut self, target: &str) {
        self.service.spec.kind = ServiceType::ExternalName;
        self.service.spec.external_name = Some(target.to_owned());
        self.service.spec.cluster_ips = ClusterIps::default();
        self.workloads.clear();
    }

    pub(super) fn external(&mut self, kind: ServiceType, policy: TrafficPolicy) {
        self.service.spec.kind = kind;
        self.service.spec.external_traffic_policy = Some(policy);
        self.service.spec.ports[0].node_port = Some(30_080);
    }

    /// By hand, with this name of its port; the selector goes.
    pub(super) fn write_endpoint(&mut self, port: &str) {
        self.select(&[]);
        let (mut endpoint, origin) = (
            endpoint(&self.service, "web.m.1", [10, 0, 0, 1].into()),
            Origin::Source("test".to_owned()),
        );
        endpoint.origin = origin;
        endpoint.ports.push(EndpointPort {
            service_port: port.to_owned(),
            port: 8080,
            protocol: Protocol::Tcp,
        });
        self.written.push(endpoint);
    }

    pub(super) fn report(&mut self, node: &str) -> &mut NodeReport {
        let mut reports = self.reports.iter_mut();
        reports.find(|row| row.node == name(node)).unwrap()
    }

    pub(super) fn reject(&mut self, node: &str, code: &str) {
        let rejection = Rejection {
            object: ViewKey::new(ViewKind::Service, self.service.meta.uid),
            since: NOW,
            code: code.to_owned().into(),
            message: "somebody has the port".to_owned(),
        };
        self.report(node).rejected.push(rejection);
    }

    fn workload(&mut self, text: &str) -> &mut Workload {
        let mut workloads = self.workloads.iter_mut();
        workloads.find(|w| w.meta.name == name(text)).unwrap()
    }

    pub(super) fn state(&self) -> State {
        let owner = ClaimOwner {
            uid: self.service.meta.uid,
            namespace: self.service.namespace.clone(),
            name: self.service.meta.name.clone(),
        };
        let mut objects: Vec<Object> = vec![self.cluster().into(), service_cidr().into()];
        objects.extend(["default", "shop"].map(|name| namespace(name).into()));
        objects.extend(self.nodes.iter().cloned().map(Object::from));
        objects.extend(self.workloads.iter().cloned().map(Object::from));
        for address in self.service.spec.cluster_ips.addresses() {
            let (address, owner, state) = (*address, owner.clone(), ClaimState::Held);
            objects.push(
                IpClaim {
                    address,
                    owner,
                    state,
                }
                .into(),
            );
        }
        for port in self.service.spec.ports.iter().filter_map(|p| p.node_port) {
            let (owner, state) = (owner.clone(), ClaimState::Held);
            objects.push(PortClaim { port, owner, state }.into());
        }
        objects.push(self.service.clone().into());
        let state = State::from_objects(NOW, objects);
        let derived = self.workloads.iter().filter_map(|w| self.derive(&state, w));
        let endpoints = derived.chain(self.written.iter().cloned());
        let all = state.objects().chain(endpoints.map(Object::from));
        State::from_objects(NOW, all)
    }

    fn cluster(&self) -> Cluster {
        Cluster {
            meta: meta("default"),
            spec: ClusterSpec {
                node_ports: PortRange {
                    first: 30_000,
                    last: 32_767,
                },
                dns_domain: "cluster.local".to_owned(),
                families: vec![Family::V4],
                endpoint_ranges: Vec::new(),
                workload_ranges: self.workload_ranges.clone(),
            },
        }
    }

    /// As the allocator does.
    fn derive(&self, state: &State, workload: &Workload) -> Option<Endpoint> {
        let spec = &self.service.spec;
        if !spec.has_selector()
            || workload.namespace != self.service.namespace
            || !spec.selector.matches(&workload.meta.labels)
        {
            return None;
        }
        let address = workload.spec.addresses[0];
        if !spec.families.contains(&Family::of(address)) {
            return None;
        }
        let file_name = format!("web.w.{}", workload.meta.name);
        let mut endpoint = endpoint(&self.service, &file_name, address);
        endpoint.ports = spec
            .ports
            .iter()
            .filter_map(|port| {
                let number = match &port.target {
                    TargetPort::Number(number) => *number,
                    TargetPort::Name(name) => workload.spec.named_port(name, port.protocol)?,
                };
                Some(EndpointPort {
                    service_port: port.name.clone(),
                    port: number,
                    protocol: port.protocol,
                })
            })
            .collect();
        endpoint.origin = Origin::Workload {
            name: workload.meta.name.clone(),
            uid: workload.meta.uid,
        };
        endpoint.node.clone_from(&workload.spec.node);
        endpoint.serving = state.is_serving(workload);
        endpoint.terminating = workload.spec.draining;
        endpoint.ready = endpoint.serving && !endpoint.terminating;
        Some(endpoint)
    }

    pub(super) fn explain(&self) -> ServiceExplanation {
        let reports = NodeReports::new(self.reports.clone());
        service(&self.state(), &reports, &self.service, None)
    }

    pub(super) fn codes(&self) -> Vec<&'static str> {
        let findings = self.explain().findings;
        findings.into_iter().map(|finding| finding.code).collect()
    }

    /// On n1.
    pub(super) fn flow(&self, asked: Flow) -> FlowExplanation {
        let (state, reports) = (self.state(), NodeReports::new(self.reports.clone()));
        let node = state.node(&name("n1")).unwrap();
        flow(&state, &reports, node, asked)
    }
}

fn web() -> Service {
    let port = ServicePort {
        name: "http".to_owned(),
        port: 80,
        protocol: Protocol::Tcp,
        target: TargetPort::Name("http".to_owned()),
        app_protocol: None,
        node_port: None,
    };
    Service {
        meta: meta("web"),
        namespace: name("default"),
        spec: ServiceSpec {
            selector: pairs(&[("app", "web")]).into(),
            ports: vec![port],
            cluster_ips: ClusterIps::Addresses(vec![[10, 96, 0, 10].into()]),
            families: vec![Family::V4],
            internal_traffic_policy: Some(TrafficPolicy::Cluster),
            ..ServiceSpec::default()
        },
    }
}

fn endpoint(service: &Service, text: &str, address: IpAddr) -> Endpoint {
    Endpoint {
        name: name(text),
        namespace: service.namespace.clone(),
        uid: uid(text),
        created_at: Timestamp::default(),
        updated_at: Timestamp::default(),
        revision: NOW,
        service: service.meta.name.clone(),
        service_uid: service.meta.uid,
        origin: Origin::Source(String::new()),
        address,
        ports: Vec::new(),
        node: None,
        zone: String::new(),
        hostname: None,
        ready: true,
        serving: true,
        terminating: false,
        weight: 1,
    }
}

fn node(number: u8) -> Node {
    Node {
        meta: meta(&format!("n{number}")),
        spec: NodeSpec {
            addresses: vec![[192, 0, 2, number].into()],
            dataplane: "nftables".to_owned(),
            ..NodeSpec::default()
        },
        session: 1,
    }
}

fn report(node: &Node) -> NodeReport {
    NodeReport {
        node: node.meta.name.clone(),
        uid: node.meta.uid,
        session: 1,
        connected: true,
        attempted: NOW,
        durable: NOW,
        rejected: Vec::new(),
        last_contact: Timestamp::default(),
    }
}

fn probe(port: u16) -> Probe {
    Probe {
        action: ProbeAction::TcpConnect {
            port: ProbePort::Number(port),
        },
        initial_delay_seconds: 0,
        period_seconds: 10,
        timeout_seconds: 1,
        success_threshold: 1,
        failure_threshold: 3,
    }
}

fn readiness(serving: bool, reason: &str) -> Readiness {
    Readiness {
        serving,
        probe_generation: 1,
        session: 1,
        seq: 1,
        reason: reason.to_owned(),
    }
}

fn service_cidr() -> ServiceCidr {
    ServiceCidr {
        meta: meta("services"),
        cidrs: vec!["10.96.0.0/16".parse().unwrap()],
        draining_since: None,
    }
}

fn namespace(text: &str) -> Namespace {
    Namespace {
        meta: meta(text),
        spec: NamespaceSpec::default(),
    }
}

fn meta(text: &str) -> Meta {
    Meta {
        name: name(text),
        uid: uid(text),
        generation: 1,
        labels: Labels::new(),
        annotations: Labels::new(),
        created_at: Timestamp::default(),
        updated_at: Timestamp::default(),
        created_in: NOW,
        revision: NOW,
    }
}

/// Another one for every name.
fn uid(text: &str) -> Uid {
    let number = text
        .bytes()
        .fold(1u128, |hash, byte| hash * 131 + u128::from(byte));
    Uid::from_random(number << 8)
}

pub(super) fn name(text: &str) -> Name {
    Name::trusted(text)
}

fn pairs(list: &[(&str, &str)]) -> Labels {
    let pairs = list.iter();
    pairs
        .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
        .collect()
}
