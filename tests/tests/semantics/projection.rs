//! §3.3 and rows 73–81 of the checklist: which endpoints a node may pick, from what every node of the cluster is told.

use std::net::IpAddr;

use portolan_proto::v1;
use portolan_tests::api::block_on;
use serde_json::Value;
use v1::{EndpointSpec, ServiceSpec, TrafficDistribution, TrafficPolicy};

use crate::cluster::Cluster;
use crate::specs::{at, cluster_ip, load_balancer, node_port, port, with, with_more, with_ports};
use crate::stores::ControlPlane;

on_every_store!(
    p_ready_ones_come_first_and_terminating_ones_are_the_last_resort,
    p_an_internal_local_policy_drops_where_others_exist_else_rejects,
    p_an_external_local_policy_is_for_outside_alone,
    p_policies_of_one_service_are_independent,
    c73_a_zone_with_endpoints_uses_only_these,
    c74_a_zone_without_takes_all,
    c75_nodes_of_a_zone_share,
    c76_one_endpoint_without_a_zone_voids_hints,
    c77_unready_ones_do_not_count,
    c78_a_node_without_a_zone_takes_all,
    c79_local_lists_ignore_topology,
    c80_the_own_node_then_the_zone_then_all,
    c81_an_internal_local_policy_leaves_no_cluster_list,
);

const NODE_PORT: u64 = 30_080;

/// Four nodes: n1 and n2 in zone a, n3 in b, n4 in none; and a Service that endpoints are written for.
fn lab(plane: &'static ControlPlane, spec: ServiceSpec, endpoints: Vec<EndpointSpec>) -> Cluster {
    let cluster = plane.single();
    for (node, address, zone) in [
        ("n1", "192.0.2.1", "a"),
        ("n2", "192.0.2.2", "a"),
        ("n3", "192.0.2.3", "b"),
        ("n4", "192.0.2.4", ""),
    ] {
        cluster.node(node, address, zone);
    }
    cluster.created("web", spec);
    cluster
        .write_endpoints("web", "test", endpoints)
        .expect("endpoints");
    cluster
}

/// Endpoint 10.1.0.N on a node of a zone.
fn endpoint(number: u8, node: &str, zone: &str) -> EndpointSpec {
    EndpointSpec {
        address: format!("10.1.0.{number}"),
        ports: vec![v1::EndpointPort {
            port: 8080,
            ..v1::EndpointPort::default()
        }],
        node: node.to_owned(),
        zone: zone.to_owned(),
        ..EndpointSpec::default()
    }
}

/// 1 on n1 and 2 on n2 in zone a, 3 on n3 in zone b.
fn spread() -> Vec<EndpointSpec> {
    vec![
        endpoint(1, "n1", "a"),
        endpoint(2, "n2", "a"),
        endpoint(3, "n3", "b"),
    ]
}

fn unready(spec: EndpointSpec) -> EndpointSpec {
    with_more(spec, |s| (s.ready, s.serving) = (Some(false), Some(false)))
}

fn draining(spec: EndpointSpec) -> EndpointSpec {
    with_more(spec, |s| {
        (s.ready, s.serving, s.terminating) = (Some(false), Some(true), Some(true));
    })
}

/// What a node may pick at a frontend: last octets, or what it does with traffic instead.
type Picked = Result<Vec<u8>, String>;

/// What every node of the cluster is told, by kind.
struct Told(Vec<Value>);

impl Told {
    fn to(cluster: &Cluster, node: &str) -> Self {
        let request = v1::DumpNodeViewRequest {
            name: format!("{}/nodes/{node}", cluster.name),
        };
        let dump = block_on(cluster.nodes().dump_node_view(request)).expect("a view");
        let objects = dump.into_inner().objects.into_iter();
        let parse = |text: String| serde_json::from_str(&text).expect("JSON");
        Self(objects.map(parse).collect())
    }

    fn all(&self, kind: &str) -> impl Iterator<Item = &Value> {
        self.0.iter().filter_map(move |o| o["view"].get(kind))
    }

    fn named(&self, kind: &str, name: &str) -> &Value {
        let mut all = self.all(kind);
        all.find(|it| it["name"] == name).expect(name)
    }

    /// Last octets of the endpoints that are wanted, by endpoint and its port.
    fn choose(&self, wanted: impl Fn(&Value, &Value) -> bool) -> Vec<u8> {
        let chosen = self.all("endpoint").filter(|e| wanted(e, &e["ports"][0]));
        let mut octets: Vec<_> = chosen.map(|e| last_octet(&e["address"])).collect();
        octets.sort_unstable();
        octets
    }

    /// Those that are hinted for the node or zone, if such hints hold.
    fn near(&self, frontend: &Value, word: &str, own: &Value) -> Vec<u8> {
        let (valid, hints) = (format!("{word}_hints_valid"), format!("{word}_hints"));
        let names = |e: &Value| e[&hints].as_array().is_some_and(|all| all.contains(own));
        self.choose(|e, port| frontend[&valid] == true && port["cluster"] == true && names(e))
    }
}

/// The three lines that are left for a node, on what it is told. `port`: 80, or the node port.
fn picked(cluster: &Cluster, node: &str, port: u64, inside: bool) -> Picked {
    let told = Told::to(cluster, node);
    let own_node = Value::from(node);
    let zone = &told.named("node", node)["zone"];
    let frontends = told.named("service", "web")["frontends"].as_array();
    let mut frontends = frontends.expect("frontends").iter();
    let frontend = frontends.find(|f| f["port"] == port).expect("the frontend");
    let is_local = frontend["policy"] == "Local" && !(frontend["reach"] == "External" && inside);
    let lists = if is_local {
        vec![told.choose(|e, port| port["local"] == true && e["node"] == own_node)]
    } else {
        vec![
            told.near(frontend, "node", &own_node),
            told.near(frontend, "zone", zone),
            told.choose(|_, port| port["cluster"] == true),
        ]
    };
    let list = lists.into_iter().find(|list| !list.is_empty());
    list.ok_or_else(|| frontend["when_empty"].as_str().expect("a word").to_owned())
}

fn last_octet(address: &Value) -> u8 {
    match address.as_str().and_then(|text| text.parse().ok()) {
        Some(IpAddr::V4(v4)) => v4.octets()[3],
        other => panic!("{address}: {other:?}"),
    }
}

/// What nodes pick at the virtual address, from each node that a row names.
fn assert_picks(row: &str, cluster: &Cluster, want: &[(&str, &[u8])]) {
    for (node, want) in want {
        assert_eq!(
            picked(cluster, node, 80, true),
            Ok(want.to_vec()),
            "{row}: {node}"
        );
    }
}

fn near(wish: TrafficDistribution) -> ServiceSpec {
    with(cluster_ip(), |s| s.traffic_distribution = wish.into())
}

fn zone() -> ServiceSpec {
    near(TrafficDistribution::PreferSameZone)
}

fn local_outside(spec: ServiceSpec) -> ServiceSpec {
    let number = i32::try_from(NODE_PORT).expect("a port");
    with(with_ports(spec, [at(number, port(80))]), |s| {
        s.external_traffic_policy = TrafficPolicy::Local.into();
    })
}

fn local_inside() -> ServiceSpec {
    with(cluster_ip(), |s| {
        s.internal_traffic_policy = TrafficPolicy::Local.into();
    })
}

fn p_ready_ones_come_first_and_terminating_ones_are_the_last_resort(plane: &'static ControlPlane) {
    let [one, two, three] = spread().try_into().expect("three");
    for (row, endpoints, want) in [
        ("all ready", vec![one.clone(), two.clone()], Ok(vec![1, 2])),
        (
            "one terminating",
            vec![draining(one.clone()), two.clone()],
            Ok(vec![2]),
        ),
        (
            "only terminating",
            vec![draining(one.clone()), draining(two.clone())],
            Ok(vec![1, 2]),
        ),
        (
            "terminating and unready",
            vec![draining(one.clone()), unready(two.clone())],
            Ok(vec![1]),
        ),
        (
            "only unready",
            vec![unready(one), unready(two)],
            Err("Reject".to_owned()),
        ),
        ("none", vec![], Err("Reject".to_owned())),
        ("terminating, elsewhere", vec![draining(three)], Ok(vec![3])),
    ] {
        let cluster = lab(plane, cluster_ip(), endpoints);
        assert_eq!(picked(&cluster, "n1", 80, true), want, "{row}");
    }
}

fn p_an_internal_local_policy_drops_where_others_exist_else_rejects(plane: &'static ControlPlane) {
    let (drop, reject) = (|| Err("Drop".to_owned()), || Err("Reject".to_owned()));
    for (row, endpoints, on, want) in [
        ("its own", spread(), "n1", Ok(vec![1])),
        ("elsewhere", spread(), "n4", drop()),
        (
            "terminating elsewhere",
            vec![draining(endpoint(2, "n2", "a"))],
            "n1",
            drop(),
        ),
        (
            "unready elsewhere",
            vec![unready(endpoint(2, "n2", "a"))],
            "n1",
            reject(),
        ),
        ("none", vec![], "n1", reject()),
        (
            "terminating here, ready elsewhere",
            vec![draining(endpoint(1, "n1", "a")), endpoint(2, "n2", "a")],
            "n1",
            Ok(vec![1]),
        ),
        (
            "ready here, terminating here",
            vec![endpoint(1, "n1", "a"), draining(endpoint(2, "n1", "a"))],
            "n1",
            Ok(vec![1]),
        ),
    ] {
        let cluster = lab(plane, local_inside(), endpoints);
        assert_eq!(picked(&cluster, on, 80, true), want, "{row}");
    }
}

fn p_an_external_local_policy_is_for_outside_alone(plane: &'static ControlPlane) {
    for spec in [node_port(), load_balancer()] {
        let cluster = lab(plane, local_outside(spec), spread());
        assert_eq!(
            picked(&cluster, "n1", NODE_PORT, false),
            Ok(vec![1]),
            "from outside"
        );
        assert_eq!(
            picked(&cluster, "n4", NODE_PORT, false),
            Err("Drop".to_owned()),
            "elsewhere only"
        );
        assert_eq!(
            picked(&cluster, "n4", NODE_PORT, true),
            Ok(vec![1, 2, 3]),
            "from inside"
        );
        assert_eq!(
            picked(&cluster, "n4", 80, true),
            Ok(vec![1, 2, 3]),
            "by the virtual address"
        );
        cluster
            .write_endpoints("web", "test", vec![])
            .expect("none");
        assert_eq!(
            picked(&cluster, "n4", NODE_PORT, false),
            Err("Reject".to_owned()),
            "none at all"
        );
    }
}

fn p_policies_of_one_service_are_independent(plane: &'static ControlPlane) {
    // Row 50 and so on: ready ones elsewhere, a terminating one here.
    let spec = with(local_outside(node_port()), |s| {
        s.internal_traffic_policy = TrafficPolicy::Cluster.into();
    });
    let cluster = lab(
        plane,
        spec,
        vec![draining(endpoint(1, "n1", "a")), endpoint(3, "n3", "b")],
    );
    assert_eq!(
        picked(&cluster, "n1", 80, true),
        Ok(vec![3]),
        "cluster-wide: ready ones"
    );
    assert_eq!(
        picked(&cluster, "n1", NODE_PORT, false),
        Ok(vec![1]),
        "here: the terminating one"
    );
}

fn c73_a_zone_with_endpoints_uses_only_these(plane: &'static ControlPlane) {
    assert_picks(
        "73",
        &lab(plane, zone(), spread()),
        &[("n3", &[3]), ("n1", &[1, 2])],
    );
}

fn c74_a_zone_without_takes_all(plane: &'static ControlPlane) {
    let cluster = lab(plane, zone(), spread()[..2].to_vec());
    assert_picks("74", &cluster, &[("n3", &[1, 2])]);
}

fn c75_nodes_of_a_zone_share(plane: &'static ControlPlane) {
    let endpoints = vec![endpoint(1, "n1", "a"), endpoint(3, "n3", "b")];
    assert_picks(
        "75",
        &lab(plane, zone(), endpoints),
        &[("n1", &[1]), ("n2", &[1])],
    );
}

fn c76_one_endpoint_without_a_zone_voids_hints(plane: &'static ControlPlane) {
    let [one, two, three] = spread().try_into().expect("three");
    let without = with_more(three, |s| s.zone.clear());
    let cluster = lab(
        plane,
        zone(),
        vec![one.clone(), two.clone(), without.clone()],
    );
    assert_picks("76", &cluster, &[("n1", &[1, 2, 3]), ("n3", &[1, 2, 3])]);
    let cluster = lab(plane, zone(), vec![one, two, unready(without)]);
    assert_picks("76, but unready", &cluster, &[("n1", &[1, 2])]);
}

fn c77_unready_ones_do_not_count(plane: &'static ControlPlane) {
    let [one, two, three] = spread().try_into().expect("three");
    let cluster = lab(
        plane,
        zone(),
        vec![unready(one.clone()), two.clone(), three.clone()],
    );
    assert_picks("77, one of two", &cluster, &[("n1", &[2])]);
    let cluster = lab(plane, zone(), vec![one, two, unready(three)]);
    assert_picks("77, the only one", &cluster, &[("n3", &[1, 2])]);
    let all = spread().into_iter().map(draining).collect();
    assert_picks(
        "the fallback ignores hints",
        &lab(plane, zone(), all),
        &[("n3", &[1, 2, 3])],
    );
}

fn c78_a_node_without_a_zone_takes_all(plane: &'static ControlPlane) {
    assert_picks("78", &lab(plane, zone(), spread()), &[("n4", &[1, 2, 3])]);
}

fn c79_local_lists_ignore_topology(plane: &'static ControlPlane) {
    let spec = with(local_outside(node_port()), |s| {
        s.traffic_distribution = zone().traffic_distribution;
    });
    let cluster = lab(plane, spec, spread());
    assert_eq!(
        picked(&cluster, "n1", NODE_PORT, false),
        Ok(vec![1]),
        "from outside"
    );
    assert_eq!(
        picked(&cluster, "n1", NODE_PORT, true),
        Ok(vec![1, 2]),
        "from inside"
    );
    assert_picks(
        "by the virtual address",
        &cluster,
        &[("n1", &[1, 2]), ("n3", &[3])],
    );
}

fn c80_the_own_node_then_the_zone_then_all(plane: &'static ControlPlane) {
    let same = || near(TrafficDistribution::PreferSameNode);
    let cluster = lab(plane, same(), spread());
    assert_picks(
        "80, the own node",
        &cluster,
        &[("n1", &[1]), ("n2", &[2]), ("n3", &[3])],
    );
    let cluster = lab(plane, same(), spread()[1..].to_vec());
    assert_picks("80, then the zone", &cluster, &[("n1", &[2])]);
    let cluster = lab(plane, same(), spread()[2..].to_vec());
    assert_picks("80, then all", &cluster, &[("n1", &[3]), ("n4", &[3])]);
    cluster
        .patch("web", &["spec.traffic_distribution"], cluster_ip())
        .expect("no wish");
    cluster
        .write_endpoints("web", "test", spread())
        .expect("endpoints");
    assert_picks("without a wish", &cluster, &[("n1", &[1, 2, 3])]);
}

fn c81_an_internal_local_policy_leaves_no_cluster_list(plane: &'static ControlPlane) {
    let spec = with(local_inside(), |s| {
        s.traffic_distribution = zone().traffic_distribution;
    });
    let cluster = lab(plane, spec, spread());
    assert_picks("81", &cluster, &[("n1", &[1]), ("n3", &[3])]);
    assert_eq!(picked(&cluster, "n4", 80, true), Err("Drop".to_owned()));
}
