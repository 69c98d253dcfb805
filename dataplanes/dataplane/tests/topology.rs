//! From stored endpoints to what a node uses: projection and choice together, as conformance lists name them (73–81 are
//! rows of the topology part of Kubernetes' own list, 38 and 39 of other proxies).

use std::net::IpAddr;

use portolan_dataplane::{Views, without_local};
use portolan_model::view::{Reach, project, touched};
use portolan_model::{
    Change, ClusterIps, Endpoint, EndpointPort, Family, FamilyPolicy, Labels, Meta, Name, Node,
    NodeSpec, Origin, Protocol, Revision, Service, ServicePort, ServiceSpec, ServiceType, State,
    TargetPort, Timestamp, TrafficDistribution, TrafficPolicy, Uid,
};

const VIP: &str = "10.96.0.10";

fn ip(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

fn name(text: &str) -> Name {
    Name::trusted(text)
}

fn meta(text: &str, number: u128) -> Meta {
    Meta {
        name: name(text),
        uid: Uid::from_random(number << 64),
        generation: 1,
        labels: Labels::new(),
        annotations: Labels::new(),
        created_at: Timestamp::default(),
        updated_at: Timestamp::default(),
        created_in: Revision(1),
        revision: Revision(1),
    }
}

fn node(number: u8, zone: &str) -> Node {
    Node {
        meta: meta(&format!("n{number}"), u128::from(number)),
        spec: NodeSpec {
            addresses: vec![IpAddr::from([192, 0, 2, number])],
            zone: zone.to_owned(),
            ..NodeSpec::default()
        },
        session: 0,
    }
}

fn service(spec: ServiceSpec) -> Service {
    let port = ServicePort {
        name: String::new(),
        port: 80,
        protocol: Protocol::Tcp,
        target: TargetPort::Number(8080),
        app_protocol: None,
        node_port: (spec.kind != ServiceType::ClusterIP).then_some(30_080),
    };
    Service {
        meta: meta("web", 100),
        namespace: name("default"),
        spec: ServiceSpec {
            ports: vec![port],
            cluster_ips: ClusterIps::Addresses(vec![ip(VIP)]),
            families: vec![Family::V4],
            ..spec
        },
    }
}

/// Endpoint 10.0.0.N on node n of a zone.
fn endpoint(number: u8, on: u8, zone: &str) -> Endpoint {
    Endpoint {
        name: name(&format!("web.m.{number}")),
        namespace: name("default"),
        uid: Uid::from_random(u128::from(number) << 32),
        created_at: Timestamp::default(),
        updated_at: Timestamp::default(),
        revision: Revision(1),
        service: name("web"),
        service_uid: meta("web", 100).uid,
        origin: Origin::Source("test".to_owned()),
        address: IpAddr::from([10, 0, 0, number]),
        ports: vec![EndpointPort {
            service_port: String::new(),
            port: 8080,
            protocol: Protocol::Tcp,
        }],
        node: Some(name(&format!("n{on}"))),
        zone: zone.to_owned(),
        hostname: None,
        ready: true,
        serving: true,
        terminating: false,
        weight: 1,
    }
}

fn state(service: Service, endpoints: &[Endpoint]) -> State {
    let nodes = [node(1, "a"), node(2, "a"), node(3, "b"), node(4, "")];
    let objects = nodes.into_iter().map(Into::into);
    let objects = objects
        .chain([service.into()])
        .chain(endpoints.iter().cloned().map(Into::into));
    State::from_objects(Revision(1), objects)
}

fn views(service: Service, endpoints: &[Endpoint]) -> Views {
    let mut views = Views::default();
    views.apply(project(&state(service, endpoints)), []);
    views
}

/// Last octets of what a node uses at an address and port.
fn used(views: &Views, node: &str, at: (&str, u16)) -> Vec<u8> {
    let state = views.desired_all(&name(node));
    let frontend = state
        .iter()
        .find(|(key, _)| key.address.to_string() == at.0 && key.port == at.1);
    let (_, frontend) = frontend.unwrap_or_else(|| panic!("{node} carries {at:?}"));
    let last = |address: IpAddr| match address {
        IpAddr::V4(v4) => v4.octets()[3],
        IpAddr::V6(v6) => v6.octets()[15],
    };
    let backends = frontend.pool.backends.iter();
    let mut used: Vec<_> = backends.map(|b| last(b.address)).collect();
    used.sort_unstable();
    used
}

fn near(wish: TrafficDistribution) -> ServiceSpec {
    ServiceSpec {
        traffic_distribution: Some(wish),
        ..ServiceSpec::default()
    }
}

/// 1 on n1 and 2 on n2 in zone a, 3 on n3 in zone b.
fn spread() -> Vec<Endpoint> {
    vec![
        endpoint(1, 1, "a"),
        endpoint(2, 2, "a"),
        endpoint(3, 3, "b"),
    ]
}

fn changed(change: impl Fn(&mut Vec<Endpoint>)) -> Vec<Endpoint> {
    let mut endpoints = spread();
    change(&mut endpoints);
    endpoints
}

/// Name, the Service's wish, endpoints, the node, what it uses.
type Row<'a> = (&'a str, &'a ServiceSpec, Vec<Endpoint>, &'a str, &'a [u8]);

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn a_node_prefers_what_is_near() {
    let zone = near(TrafficDistribution::PreferSameZone);
    let same_node = near(TrafficDistribution::PreferSameNode);
    let unready = |number: usize| {
        changed(move |all| {
            all[number].ready = false;
            all[number].serving = false;
        })
    };
    let rows: [Row<'_>; 14] = [
        (
            "no wish takes all",
            &ServiceSpec::default(),
            spread(),
            "n1",
            &[1, 2, 3],
        ),
        (
            "73 a zone with endpoints uses only these",
            &zone,
            spread(),
            "n3",
            &[3],
        ),
        (
            "74 a zone without takes all",
            &zone,
            spread()[..2].to_vec(),
            "n3",
            &[1, 2],
        ),
        ("75 nodes of a zone share", &zone, spread(), "n1", &[1, 2]),
        (
            "76 one endpoint without a zone voids hints",
            &zone,
            changed(|all| all[2].zone.clear()),
            "n1",
            &[1, 2, 3],
        ),
        (
            "76 unready ones without a zone do not",
            &zone,
            changed(|all| {
                all[2].zone.clear();
                all[2].ready = false;
                all[2].serving = false;
            }),
            "n1",
            &[1, 2],
        ),
        (
            "77 unready ones in the zone do not count",
            &zone,
            unready(0),
            "n1",
            &[2],
        ),
        (
            "77 a zone with unready ones only takes all",
            &zone,
            unready(2),
            "n3",
            &[1, 2],
        ),
        (
            "78 a node without a zone takes all",
            &zone,
            spread(),
            "n4",
            &[1, 2, 3],
        ),
        ("80 the own node first", &same_node, spread(), "n1", &[1]),
        (
            "80 then the zone",
            &same_node,
            spread()[1..].to_vec(),
            "n1",
            &[2],
        ),
        (
            "80 then all",
            &same_node,
            spread()[2..].to_vec(),
            "n1",
            &[3],
        ),
        (
            "80 an endpoint without a node leaves the zone",
            &same_node,
            changed(|all| all[2].node = None),
            "n1",
            &[1, 2],
        ),
        (
            "the fallback to terminating ones ignores hints",
            &zone,
            changed(|all| {
                for endpoint in all {
                    endpoint.ready = false;
                    endpoint.terminating = true;
                }
            }),
            "n3",
            &[1, 2, 3],
        ),
    ];
    for (row, spec, endpoints, on, want) in rows {
        let views = views(service(spec.clone()), &endpoints);
        assert_eq!(used(&views, on, (VIP, 80)), want, "{row}");
    }
}

#[test]
fn row_79_local_policies_ignore_topology() {
    let spec = ServiceSpec {
        kind: ServiceType::NodePort,
        external_traffic_policy: Some(TrafficPolicy::Local),
        ..near(TrafficDistribution::PreferSameZone)
    };
    let views = views(service(spec), &spread());
    let node_port = ("192.0.2.1", 30_080);
    assert_eq!(used(&views, "n1", node_port), [1], "from outside");
    assert_eq!(
        used(&views, "n1", (VIP, 80)),
        [1, 2],
        "by the virtual address"
    );
    let state = views.desired_all(&name("n1"));
    let inside = state
        .values()
        .find_map(|frontend| frontend.inside.as_ref())
        .expect("sources inside have a list of their own");
    assert_eq!(inside.backends.len(), 2, "sources inside prefer the zone");
}

#[test]
fn row_81_an_internal_local_policy_leaves_no_cluster_list() {
    let spec = ServiceSpec {
        internal_traffic_policy: Some(TrafficPolicy::Local),
        ..near(TrafficDistribution::PreferSameZone)
    };
    let views = views(service(spec), &spread());
    for (on, want) in [("n1", &[1][..]), ("n3", &[3]), ("n4", &[])] {
        assert_eq!(used(&views, on, (VIP, 80)), want, "{on}");
    }
    let state = views.desired_all(&name("n1"));
    assert!(state.values().all(|frontend| frontend.inside.is_none()));
}

#[test]
fn rows_38_and_39_another_proxys_services_are_left_alone_while_the_label_is_there() {
    let proxy = "service.kubernetes.io/service-proxy-name";
    let headless = "service.kubernetes.io/headless";
    for (row, label, is_carried) in [
        ("no label", None, true),
        ("38 another proxy", Some((proxy, "other")), false),
        ("38 a proxy without a name", Some((proxy, "")), false),
        ("38 ourselves", Some((proxy, "portolan")), true),
        ("39 headless by label", Some((headless, "")), false),
        ("39 whatever its value", Some((headless, "no")), false),
    ] {
        let plain = service(ServiceSpec::default());
        let mut labelled = plain.clone();
        let label = label.map(|(key, value)| (key.to_owned(), value.to_owned()));
        labelled.meta.labels.extend(label);
        let mut state = state(plain.clone(), &spread());
        let mut views = Views::default();
        views.apply(project(&state), []);
        for (now, before, after, want) in [
            ("set", &plain, &labelled, is_carried),
            ("taken away", &labelled, &plain, true),
        ] {
            let change = Change::update(before.clone(), after.clone());
            state.apply(&change);
            let touched = touched(&state, [&change]).into_iter();
            views.apply(touched.filter_map(|(key, view)| Some((key, view?))), []);
            let carried = views.desired_all(&name("n1"));
            assert_eq!(!carried.is_empty(), want, "{row}, {now}");
        }
    }
}

#[test]
fn traffic_of_a_family_stays_in_it() {
    let dual = ServiceSpec {
        kind: ServiceType::NodePort,
        external_traffic_policy: Some(TrafficPolicy::Local),
        family_policy: Some(FamilyPolicy::RequireDualStack),
        session_affinity: portolan_model::SessionAffinity::ClientIP,
        affinity_timeout: Some(60),
        ..ServiceSpec::default()
    };
    let mut service = service(dual);
    service.spec.families = vec![Family::V4, Family::V6];
    let six = "fd00::10";
    service.spec.cluster_ips = ClusterIps::Addresses(vec![ip(VIP), ip(six)]);
    let mut endpoints = spread();
    endpoints[2].address = ip("fd01::3");
    // The only IPv4 endpoints are about to end; that IPv6 has a ready one is no help to them.
    for endpoint in &mut endpoints[..2] {
        endpoint.ready = false;
        endpoint.terminating = true;
    }
    let views = views(service, &endpoints);
    assert_eq!(used(&views, "n1", (VIP, 80)), [1, 2]);
    assert_eq!(used(&views, "n1", (six, 80)), [3]);
    let state = views.desired_all(&name("n1"));
    assert!(
        state
            .values()
            .all(|frontend| frontend.affinity_seconds == 60)
    );
}

/// 59 of the conformance checklist: counted only if endpoints exist elsewhere.
#[test]
fn a_node_counts_services_that_have_usable_endpoints_elsewhere_only() {
    let local = Some(TrafficPolicy::Local);
    let spec = |internal, external| ServiceSpec {
        kind: ServiceType::NodePort,
        internal_traffic_policy: internal,
        external_traffic_policy: external,
        ..ServiceSpec::default()
    };
    let here = endpoint(1, 1, "a");
    let elsewhere = endpoint(3, 3, "b");
    let unready = Endpoint {
        ready: false,
        serving: false,
        ..elsewhere.clone()
    };
    let terminating = Endpoint {
        ready: false,
        terminating: true,
        ..elsewhere.clone()
    };
    for (row, spec, endpoints, internal, external) in [
        ("no policy", spec(None, None), vec![elsewhere.clone()], 0, 0),
        ("internal", spec(local, None), vec![elsewhere.clone()], 1, 0),
        ("external", spec(None, local), vec![elsewhere.clone()], 0, 1),
        ("both", spec(local, local), vec![elsewhere.clone()], 1, 1),
        ("one here", spec(local, local), vec![here, elsewhere], 0, 0),
        ("none at all", spec(local, local), vec![], 0, 0),
        ("unready elsewhere", spec(local, local), vec![unready], 0, 0),
        (
            "terminating elsewhere",
            spec(local, local),
            vec![terminating],
            1,
            1,
        ),
    ] {
        let state = views(service(spec), &endpoints).desired_all(&name("n1"));
        assert_eq!(without_local(&state, Reach::Internal), internal, "{row}");
        assert_eq!(without_local(&state, Reach::External), external, "{row}");
    }
}
