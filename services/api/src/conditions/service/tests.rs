use portolan_model::view::{ViewKey, ViewKind};
use portolan_model::{
    Cluster, ClusterIps, ClusterSpec, Endpoint, EndpointPort, Family, Labels, Meta, Name, Node,
    NodeReport, NodeSpec, Object, Origin, PortRange, Protocol, Rejection, Revision, ServiceCidr,
    ServicePort, ServiceSpec, TargetPort, Timestamp, Uid, Workload, WorkloadSpec,
};

use super::*;

/// Everything was last written in this revision.
const NOW: Revision = Revision(7);

/// A Service with an endpoint, on two nodes that carry it.
struct World {
    service: Service,
    endpoints: Vec<Endpoint>,
    others: Vec<Object>,
    nodes: Vec<Node>,
    rows: Vec<NodeReport>,
}

impl World {
    fn new() -> Self {
        let port = ServicePort {
            name: "http".to_owned(),
            port: 80,
            protocol: Protocol::Tcp,
            target: TargetPort::Number(8080),
            app_protocol: None,
            node_port: None,
        };
        let service = Service {
            meta: meta("web"),
            namespace: name("default"),
            spec: ServiceSpec {
                ports: vec![port],
                cluster_ips: ClusterIps::Addresses(vec![[10, 96, 0, 10].into()]),
                families: vec![Family::V4],
                ..ServiceSpec::default()
            },
        };
        let nodes = ["n1", "n2"].map(|text| Node {
            meta: meta(text),
            spec: NodeSpec::default(),
            session: 1,
        });
        Self {
            endpoints: vec![endpoint(&service)],
            service,
            others: Vec::new(),
            rows: nodes.iter().map(row).collect(),
            nodes: nodes.into(),
        }
    }

    fn reject(&mut self, node: usize, code: &str) {
        self.rows[node].rejected.push(Rejection {
            object: ViewKey::new(ViewKind::Service, self.service.meta.uid),
            since: NOW,
            code: code.to_owned().into(),
            message: "it can't".to_owned(),
        });
    }

    fn select(&mut self) {
        self.endpoints.clear();
        self.service.spec.selector = labels().into();
    }

    /// In a cluster with a ServiceCIDR.
    fn cover(&mut self, cidr: &str) {
        let spec = ClusterSpec {
            node_ports: PortRange {
                first: 30_000,
                last: 32_767,
            },
            dns_domain: "cluster.local".to_owned(),
            families: vec![Family::V4],
            endpoint_ranges: Vec::new(),
            workload_ranges: Vec::new(),
        };
        let cluster = Cluster {
            meta: meta("default"),
            spec,
        };
        let range = ServiceCidr {
            meta: meta("late"),
            cidrs: vec![cidr.parse().unwrap()],
            draining_since: None,
        };
        self.others.extend([cluster.into(), range.into()]);
    }

    fn status(&self) -> v1::ServiceStatus {
        let objects = self.nodes.iter().cloned().map(Object::from);
        let objects = objects.chain(self.endpoints.iter().cloned().map(Object::from));
        let objects = objects.chain(self.others.iter().cloned());
        let state = State::from_objects(NOW, objects.chain([self.service.clone().into()]));
        service_status(&state, &self.service, &NodeReports::new(self.rows.clone()))
    }
}

fn endpoint(service: &Service) -> Endpoint {
    Endpoint {
        name: name("web.m.1"),
        namespace: name("default"),
        uid: uid("web.m.1"),
        created_at: Timestamp(1),
        updated_at: Timestamp(5),
        revision: NOW,
        service: service.meta.name.clone(),
        service_uid: service.meta.uid,
        origin: Origin::Source("test".to_owned()),
        address: [10, 0, 0, 1].into(),
        ports: vec![EndpointPort {
            service_port: "http".to_owned(),
            port: 8080,
            protocol: Protocol::Tcp,
        }],
        node: None,
        zone: String::new(),
        hostname: None,
        ready: true,
        serving: true,
        terminating: false,
        weight: 1,
    }
}

fn workload(labels: Labels) -> Object {
    let mut meta = meta("web-1");
    meta.labels = labels;
    let workload = Workload {
        meta,
        namespace: name("default"),
        spec: WorkloadSpec {
            addresses: vec!["fd00::1".parse().unwrap()],
            ..WorkloadSpec::default()
        },
        probe_generation: 1,
        readiness: None,
    };
    workload.into()
}

fn row(node: &Node) -> NodeReport {
    NodeReport {
        node: node.meta.name.clone(),
        uid: node.meta.uid,
        session: 1,
        connected: true,
        attempted: NOW,
        durable: NOW,
        rejected: Vec::new(),
        last_contact: Timestamp(1),
    }
}

fn meta(text: &str) -> Meta {
    Meta {
        name: name(text),
        uid: uid(text),
        generation: 3,
        labels: Labels::new(),
        annotations: Labels::new(),
        created_at: Timestamp(1),
        updated_at: Timestamp(2),
        created_in: NOW,
        revision: NOW,
    }
}

fn labels() -> Labels {
    [("app".to_owned(), "web".to_owned())].into()
}

fn name(text: &str) -> Name {
    Name::trusted(text)
}

fn uid(text: &str) -> Uid {
    let fold = |hash: u128, byte: u8| hash * 131 + u128::from(byte);
    Uid::from_random(text.bytes().fold(1, fold) << 8)
}

/// Name, what is different, the condition, its status and reason.
type Row = (
    &'static str,
    fn(&mut World),
    &'static str,
    v1::ConditionStatus,
    &'static str,
);

fn check(rows: &[Row]) {
    for (row, change, kind, status, reason) in rows {
        let mut world = World::new();
        change(&mut world);
        let conditions = world.status().conditions;
        let found = conditions.iter().find(|c| c.r#type == *kind);
        let found = found.unwrap_or_else(|| panic!("{row}: {conditions:?}"));
        assert_eq!(
            (found.status(), found.reason.as_str()),
            (*status, *reason),
            "{row}"
        );
        assert_eq!(found.observed_generation, 3, "{row}");
        assert!(!found.message.is_empty(), "{row}");
        let kinds: std::collections::BTreeSet<_> = conditions.iter().map(|c| &c.r#type).collect();
        assert_eq!(kinds.len(), conditions.len(), "{row}: one of each type");
    }
}

#[test]
fn endpoints_are_resolved_or_it_is_said_why_not() {
    let kind = "EndpointsResolved";
    check(&[
        ("one is ready", |_| {}, kind, True, "Resolved"),
        (
            "none was written",
            |w| w.endpoints.clear(),
            kind,
            False,
            "NoEndpoints",
        ),
        (
            "nothing is matched",
            World::select,
            kind,
            False,
            "NoWorkloads",
        ),
        (
            "what is matched has the other family",
            |w| {
                w.select();
                w.others.push(workload(labels()));
            },
            kind,
            False,
            "NoAddresses",
        ),
        (
            "hand-written with another port name",
            |w| "web".clone_into(&mut w.endpoints[0].ports[0].service_port),
            kind,
            False,
            "PortNameMismatch",
        ),
        (
            "not ready",
            |w| w.endpoints[0].ready = false,
            kind,
            False,
            "NotReady",
        ),
        (
            "an alias",
            |w| w.service.spec.kind = ServiceType::ExternalName,
            kind,
            True,
            "NotNeeded",
        ),
    ]);
}

#[test]
fn what_nodes_are_not_told_of_is_said() {
    let kind = "EndpointsResolved";
    check(&[
        (
            "where a ServiceCIDR is now",
            |w| w.cover("10.0.0.0/24"),
            kind,
            False,
            "NotAdmitted",
        ),
        (
            "one of two where a ServiceCIDR is now",
            |w| {
                w.cover("10.0.0.0/31");
                let other = Endpoint {
                    name: name("web.m.2"),
                    uid: uid("web.m.2"),
                    address: [10, 0, 0, 2].into(),
                    ..w.endpoints[0].clone()
                };
                w.endpoints.push(other);
            },
            kind,
            True,
            "NotAdmitted",
        ),
        (
            "beside a ServiceCIDR",
            |w| w.cover("10.1.0.0/24"),
            kind,
            True,
            "Resolved",
        ),
    ]);
}

#[test]
fn nodes_carry_it_or_it_is_said_why_not() {
    let kind = "Programmed";
    check(&[
        ("both carry it", |_| {}, kind, True, "Programmed"),
        (
            "one lags",
            |w| w.rows[1].attempted = Revision(6),
            kind,
            False,
            "Pending",
        ),
        (
            "one was never there",
            |w| drop(w.rows.pop()),
            kind,
            False,
            "Pending",
        ),
        (
            "none is registered",
            |w| w.nodes.clear(),
            kind,
            Unknown,
            "NoNodes",
        ),
        (
            "one rejects it",
            |w| w.reject(1, "PORT_IN_USE"),
            kind,
            False,
            "RejectedByNode",
        ),
        (
            "one rejects it, the other lacks what it needs",
            |w| {
                w.reject(0, "PORT_IN_USE");
                w.reject(1, "UNSUPPORTED_FEATURE");
            },
            kind,
            False,
            "UnsupportedByNode",
        ),
        (
            "another proxy's",
            |w| {
                let label = "service.kubernetes.io/service-proxy-name".to_owned();
                w.service.meta.labels.insert(label, "other".to_owned());
            },
            kind,
            True,
            "NotNeeded",
        ),
    ]);
}

#[test]
fn a_load_balancer_waits_for_its_address() {
    let kind = "LoadBalancerAssigned";
    let balance: fn(&mut World) = |w| w.service.spec.kind = ServiceType::LoadBalancer;
    let foreign: fn(&mut World) = |w| {
        w.service.spec.kind = ServiceType::LoadBalancer;
        w.service.spec.load_balancer_class = Some("example.com/lb".to_owned());
    };
    check(&[
        ("no pool", balance, kind, False, "NoPool"),
        ("another's class", foreign, kind, Unknown, "ForeignClass"),
        ("it is not ready then", balance, "Ready", False, "NotReady"),
        (
            "but for another's class it is",
            foreign,
            "Ready",
            True,
            "Ready",
        ),
    ]);
    let others = World::new().status().conditions;
    assert!(others.iter().all(|c| c.r#type != kind), "{others:?}");
}

#[test]
fn the_summary_is_the_first_thing_that_is_wrong() {
    check(&[
        ("nothing", |_| {}, "Ready", True, "Ready"),
        (
            "endpoints",
            |w| w.endpoints.clear(),
            "Ready",
            False,
            "NotReady",
        ),
        ("nodes", |w| w.nodes.clear(), "Ready", Unknown, "NotReady"),
    ]);
    let mut world = World::new();
    world.reject(1, "PORT_IN_USE");
    let status = world.status();
    assert!(
        status.conditions[0].message.contains("PORT_IN_USE"),
        "{status:?}"
    );
    assert_eq!((status.nodes, status.programmed_nodes), (2, 1));
    assert_eq!((status.endpoints, status.ready_endpoints), (1, 1));
}

#[test]
fn an_address_counts_once_however_many_endpoints_are_at_it() {
    let mut world = World::new();
    let (mut again, mut other) = (world.endpoints[0].clone(), world.endpoints[0].clone());
    again.name = name("web.m.2");
    again.uid = uid("web.m.2");
    again.ready = false;
    other.name = name("web.m.3");
    other.uid = uid("web.m.3");
    other.address = [10, 0, 0, 2].into();
    world.endpoints.extend([again, other]);
    let status = world.status();
    assert_eq!((status.endpoints, status.ready_endpoints), (2, 2));
}
