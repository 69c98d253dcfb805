//! Rows of the checklist on API and allocator that no other module has under another id; [`crate::rows`] knows where the
//! others are.

use portolan_proto::v1;
use portolan_tests::api::block_on;
use portolan_tests::{Server, Store, eventually};
use tonic::{Code, Response, Status, Streaming};
use v1::service_port::Target;
use v1::{ServicePort, ServiceSpec, WatchEventType};

use crate::cluster::{Cluster, node_ports, spec_of};
use crate::expect::{FAILED, assert_refused};
use crate::specs::{
    at, cluster_ip, load_balancer, named, node_port, port, udp, with, with_addresses, with_more,
    with_ports,
};
use crate::stores::{ControlPlane, Kind};

on_every_store!(
    c1_the_api_is_an_endpoint_like_any_other,
    c2_endpoints_follow_workloads_that_come_and_go,
    c3_ports_on_different_workloads_make_a_subset_each,
    c4_an_edited_port_set_is_what_nodes_are_told,
    c5_an_address_is_not_given_twice_while_its_service_lives,
    c6_a_taken_node_port_is_told_with_its_holder_and_free_after_the_delete,
    c7_a_node_port_out_of_range_is_refused_on_create_and_update,
    c8_a_released_node_port_is_told_to_no_node_and_can_be_had_again,
    c9_removing_one_protocol_leaves_the_other,
    c11_editing_a_node_port_frees_the_old_and_editing_the_port_keeps_it,
    c14_a_watch_sees_each_change_of_a_service_in_order,
    c15_endpoints_have_the_same_life_and_two_services_may_share_an_address,
    c20_no_address_is_given_twice_across_a_restart,
    c21_a_foreign_class_is_left_alone_and_sctp_is_only_an_object,
);

/// With the selector that the workloads of this module have.
fn selecting(spec: ServiceSpec) -> ServiceSpec {
    with(spec, |s| {
        s.selector = [("app".to_owned(), "web".to_owned())].into();
    })
}

const WEB: [(&str, &str); 1] = [("app", "web")];

fn addresses(cluster: &Cluster, service: &str) -> Vec<String> {
    let endpoints = cluster.endpoints(service).into_iter();
    endpoints.map(|e| e.address).collect()
}

/// What nodes are told, as one text.
fn told(cluster: &Cluster) -> String {
    let request = v1::DumpNodeViewRequest {
        name: format!("{}/nodes/n1", cluster.name),
    };
    let dump = block_on(cluster.nodes().dump_node_view(request)).expect("a view");
    dump.into_inner().objects.join("\n")
}

/// Its own address as an endpoint, which a node then forwards to. TLS comes to the API later: what holds now is that the
/// control plane can stand behind a virtual address without a selector, and that loopback needs the operator's word.
fn c1_the_api_is_an_endpoint_like_any_other(plane: &'static ControlPlane) {
    let port: i32 = plane
        .url
        .rsplit(':')
        .next()
        .and_then(|text| text.parse().ok())
        .expect("a port");
    let own = || v1::EndpointSpec {
        address: "127.0.0.1".to_owned(),
        ports: vec![v1::EndpointPort {
            port,
            ..v1::EndpointPort::default()
        }],
        ..v1::EndpointSpec::default()
    };
    let cluster = plane.single();
    cluster.created("portolan", cluster_ip());
    let answer = cluster.write_endpoints("portolan", "control-plane", vec![own()]);
    assert_refused("loopback unasked", answer, FAILED, "address");
    let settings = v1::ClusterSpec {
        endpoint_ranges: vec!["127.0.0.0/8".to_owned()],
        ..v1::ClusterSpec::default()
    };
    let cluster = plane.cluster_of(&["10.96.0.0/24"], settings);
    cluster.node("n1", "192.0.2.1", "a");
    cluster.created("portolan", with_addresses(cluster_ip(), &["10.96.0.1"]));
    let written = cluster.write_endpoints("portolan", "control-plane", vec![own()]);
    written.expect("loopback by the operator's word");
    let told = told(&cluster);
    assert!(
        told.contains("\"10.96.0.1\"") && told.contains(&port.to_string()),
        "{told}"
    );
}

fn c2_endpoints_follow_workloads_that_come_and_go(plane: &'static ControlPlane) {
    let cluster = plane.single();
    cluster.created("web", selecting(cluster_ip()));
    for (step, want) in [
        ("+a", &["10.1.0.1"][..]),
        ("+b", &["10.1.0.1", "10.1.0.2"]),
        ("-a", &["10.1.0.2"]),
        ("-b", &[]),
    ] {
        let (name, last) = if step.ends_with('a') {
            ("a", 1)
        } else {
            ("b", 2)
        };
        if step.starts_with('+') {
            cluster.workload(name, &WEB, &[&format!("10.1.0.{last}")]);
        } else {
            cluster.delete_workload(name);
        }
        assert_eq!(addresses(&cluster, "web"), want, "{step}");
    }
}

fn c3_ports_on_different_workloads_make_a_subset_each(plane: &'static ControlPlane) {
    let cluster = plane.single();
    let to = |port, name: &str| ServicePort {
        target: Some(Target::TargetPortName(name.to_owned())),
        ..port
    };
    let two = with_ports(
        cluster_ip(),
        [to(named("one", 80), "p-one"), to(named("two", 81), "p-two")],
    );
    cluster.created("web", selecting(two));
    for (name, address, port_name) in [("a", "10.1.0.1", "p-one"), ("b", "10.1.0.2", "p-two")] {
        cluster.workload_with(name, &WEB, &[address], |s| {
            s.ports = vec![v1::WorkloadPort {
                name: port_name.to_owned(),
                port: 8080,
                ..v1::WorkloadPort::default()
            }];
        });
    }
    let endpoints = cluster.endpoints("web").into_iter();
    let ports: Vec<Vec<_>> = endpoints
        .map(|e| e.ports.into_iter().map(|p| p.service_port).collect())
        .collect();
    assert_eq!(ports, [["one"], ["two"]]);
}

fn c4_an_edited_port_set_is_what_nodes_are_told(plane: &'static ControlPlane) {
    let cluster = plane.single();
    cluster.node("n1", "192.0.2.1", "a");
    cluster.workload("a", &WEB, &["10.1.0.1"]);
    cluster.created(
        "web",
        selecting(with_ports(
            cluster_ip(),
            [named("a", 1080), named("b", 1081)],
        )),
    );
    let has = |number: u16| told(&cluster).contains(&format!("\"port\":{number}"));
    assert!(has(1080) && has(1081) && !has(1082));
    let edited = with_ports(cluster_ip(), [named("b", 1081), named("c", 1082)]);
    cluster
        .patch("web", &["spec.ports"], edited)
        .expect("other ports");
    assert!(!has(1080) && has(1081) && has(1082));
    let ports: Vec<_> = cluster.endpoints("web")[0]
        .ports
        .iter()
        .map(|p| p.port)
        .collect();
    assert_eq!(ports, [1081, 1082]);
}

fn c5_an_address_is_not_given_twice_while_its_service_lives(plane: &'static ControlPlane) {
    let cluster = plane.cluster(&["10.98.0.0/30"]);
    let first = cluster.created("web", cluster_ip()).cluster_ips;
    for round in 0..10 {
        let other = cluster.created("other", cluster_ip()).cluster_ips;
        assert_ne!(other, first, "round {round}");
        cluster.delete("other").expect("it goes");
    }
    cluster.delete("web").expect("it goes");
    cluster.created("heir", with_addresses(cluster_ip(), &[&first[0]]));
    cluster.created("web", cluster_ip());
}

fn c6_a_taken_node_port_is_told_with_its_holder_and_free_after_the_delete(
    plane: &'static ControlPlane,
) {
    let cluster = plane.single();
    let asked = || with_ports(node_port(), [at(30_070, port(80))]);
    cluster.created("holder", asked());
    let status = cluster.create("other", asked()).expect_err("taken");
    assert!(
        status.message().contains("30070") && status.message().contains("default/holder"),
        "{status:?}"
    );
    assert_refused(
        "taken",
        Err::<(), _>(status),
        FAILED,
        "spec.ports[0].node_port",
    );
    cluster.delete("holder").expect("it goes");
    cluster.created("other", asked());
}

fn c7_a_node_port_out_of_range_is_refused_on_create_and_update(plane: &'static ControlPlane) {
    let cluster = plane.single();
    cluster.created("web", node_port());
    for number in [29_999, 32_768] {
        let asked = || with_ports(node_port(), [at(number, port(80))]);
        for answer in [
            cluster.create("other", asked()),
            cluster.put("web", asked()),
        ] {
            let reason = assert_refused("out of range", answer, FAILED, "spec.ports[0].node_port");
            assert_eq!(reason, "RANGE", "{number}");
        }
    }
}

fn c8_a_released_node_port_is_told_to_no_node_and_can_be_had_again(plane: &'static ControlPlane) {
    let cluster = plane.single();
    let asked = || with_ports(node_port(), [at(30_080, port(80))]);
    cluster.created("web", asked());
    cluster.node("n1", "192.0.2.1", "a");
    assert!(told(&cluster).contains("30080"));
    cluster.put("web", cluster_ip()).expect("to ClusterIP");
    assert!(!told(&cluster).contains("30080"));
    cluster.delete_node("n1");
    eventually("it is free", || cluster.create("heir", asked()));
}

fn c9_removing_one_protocol_leaves_the_other(plane: &'static ControlPlane) {
    let cluster = plane.single();
    for spec in [node_port(), load_balancer()] {
        let both = with_ports(spec.clone(), [named("dns", 53), udp("dns-udp", 53)]);
        let [tcp, udp_number] = node_ports(&cluster.created("web", both))[..] else {
            panic!("two ports");
        };
        assert_eq!(tcp, udp_number);
        let one = with_ports(spec, [udp("dns-udp", 53)]);
        let after = spec_of(cluster.put("web", one).expect("one goes"));
        assert_eq!((node_ports(&after), cluster.ports_held()), (vec![tcp], 1));
        cluster.delete("web").expect("it goes");
    }
}

fn c11_editing_a_node_port_frees_the_old_and_editing_the_port_keeps_it(
    plane: &'static ControlPlane,
) {
    let cluster = plane.single();
    let asked = |number, public| with_ports(node_port(), [at(number, named("web", public))]);
    cluster.created("web", asked(30_071, 80));
    cluster
        .put("web", asked(30_072, 80))
        .expect("another node port");
    cluster.created("heir", with_ports(node_port(), [at(30_071, port(80))]));
    let after = cluster.put("web", asked(0, 8080)).expect("another port");
    assert_eq!(node_ports(&spec_of(after)), [30_072]);
}

fn c14_a_watch_sees_each_change_of_a_service_in_order(plane: &'static ControlPlane) {
    let cluster = plane.single();
    let request = v1::WatchServicesRequest {
        parent: format!("{}/namespaces/-", cluster.name),
        ..v1::WatchServicesRequest::default()
    };
    let watch = block_on(cluster.services().watch_services(request)).map(Response::into_inner);
    let mut watch = watch.expect("a watch");
    let created = cluster
        .create("web", cluster_ip())
        .expect("created")
        .revision;
    for name in ["b", "c"] {
        cluster.created(name, cluster_ip());
    }
    assert_eq!(cluster.list().len(), 3, "in all namespaces");
    let publishing = with(cluster_ip(), |s| s.publish_not_ready_addresses = true);
    let patched = cluster.patch("web", &["spec.publish_not_ready_addresses"], publishing);
    let patched = patched.expect("patched").revision;
    let deleted = cluster.delete("web").expect("deleted").revision;
    assert_eq!(cluster.list().len(), 2);
    let seen = block_on(changes_of(&mut watch, "web", 3)).expect("the watch goes on");
    let want = [
        (WatchEventType::Added, created),
        (WatchEventType::Modified, patched),
        (WatchEventType::Deleted, deleted),
    ];
    assert_eq!(seen, want);
}

/// So many events about a Service, but for those about its status alone.
async fn changes_of(
    watch: &mut Streaming<v1::WatchServicesResponse>,
    name: &str,
    number: usize,
) -> Result<Vec<(WatchEventType, u64)>, Status> {
    let (mut seen, mut last) = (Vec::new(), 0);
    while seen.len() < number {
        let event = watch.message().await?.expect("the watch goes on");
        let is_about = |s: &v1::Service| s.name.ends_with(&format!("/{name}"));
        if event.service.as_ref().is_some_and(is_about) && event.revision > last {
            last = event.revision;
            seen.push((event.r#type(), event.revision));
        }
    }
    Ok(seen)
}

fn c15_endpoints_have_the_same_life_and_two_services_may_share_an_address(
    plane: &'static ControlPlane,
) {
    let cluster = plane.single();
    let at = |address: &str, port| v1::EndpointSpec {
        address: address.to_owned(),
        ports: vec![v1::EndpointPort {
            port,
            ..v1::EndpointPort::default()
        }],
        ..v1::EndpointSpec::default()
    };
    for name in ["one", "two"] {
        cluster.created(name, cluster_ip());
        let written =
            cluster.write_endpoints(name, "test", vec![at("10.1.0.1", 80), at("10.1.0.2", 80)]);
        assert_eq!(written.expect("created").endpoints.len(), 2);
    }
    let draining = with_more(at("10.1.0.1", 81), |s| s.terminating = Some(true));
    let written = cluster
        .write_endpoints("one", "test", vec![draining])
        .expect("changed");
    let [endpoint] = &written.endpoints[..] else {
        panic!("one is left: {written:?}");
    };
    assert_eq!(endpoint.spec.as_ref().map(|s| s.ports[0].port), Some(81));
    let request = v1::DeleteEndpointRequest {
        name: endpoint.name.clone(),
        ..v1::DeleteEndpointRequest::default()
    };
    block_on(cluster.endpoint_api().delete_endpoint(request.clone())).expect("deleted");
    let again = block_on(cluster.endpoint_api().delete_endpoint(request));
    assert_refused("again", again, Code::NotFound, "");
    assert_eq!(addresses(&cluster, "one").len(), 0);
    assert_eq!(
        addresses(&cluster, "two"),
        ["10.1.0.1", "10.1.0.2"],
        "the other one has its own"
    );
}

/// In memory nothing outlives the process, so there a fail-over is that of a connection.
fn c20_no_address_is_given_twice_across_a_restart(plane: &'static ControlPlane) {
    let store = match plane.kind {
        Kind::Memory => return fail_over(plane),
        Kind::Sqlite => Store::Sqlite,
        Kind::Postgres => Store::Postgres(
            block_on(portolan_store_postgres::testing::fresh_database()).expect("a database"),
        ),
    };
    let mut server = Server::start(None, &store, &["--service-cidr", "10.98.0.0/28"]);
    let cluster = Cluster::of_server(ControlPlane::of_server(plane.kind, &server));
    let mut given = Vec::new();
    for round in 0..14 {
        if round % 4 == 1 {
            server.process.kill();
            server.start_again();
        }
        let spec = eventually("a Service", || {
            cluster.update(&format!("s{round}"), &["*"], node_port(), |r| {
                r.allow_missing = true;
            })
        });
        let spec = spec_of(spec);
        given.push((spec.cluster_ips.clone(), node_ports(&spec)));
    }
    assert_distinct(&given);
    let full = cluster.create("full", cluster_ip());
    assert_refused("all 14", full, Code::ResourceExhausted, "10.98.0.0/28");
    assert_eq!(cluster.audit(false).total, 0);
}

fn fail_over(plane: &'static ControlPlane) {
    let cluster = plane.cluster(&["10.98.0.0/28"]);
    let other = cluster.other_door();
    let mut given = Vec::new();
    for round in 0..14 {
        let door = if round % 2 == 0 { &cluster } else { &other };
        let spec = door.created(&format!("s{round}"), node_port());
        given.push((spec.cluster_ips.clone(), node_ports(&spec)));
    }
    assert_distinct(&given);
}

fn assert_distinct(given: &[(Vec<String>, Vec<i32>)]) {
    let addresses: std::collections::BTreeSet<_> = given.iter().map(|(a, _)| a).collect();
    let ports: std::collections::BTreeSet<_> = given.iter().map(|(_, p)| p).collect();
    assert_eq!(
        (addresses.len(), ports.len()),
        (given.len(), given.len()),
        "{given:?}"
    );
}

fn c21_a_foreign_class_is_left_alone_and_sctp_is_only_an_object(plane: &'static ControlPlane) {
    let cluster = plane.single();
    let foreign = with(load_balancer(), |s| {
        s.load_balancer_class = Some("example.com/other".to_owned());
    });
    cluster.created("foreign", foreign);
    let status = cluster.get("foreign").status.expect("a status");
    assert_eq!(
        status
            .load_balancer
            .map_or(0, |balancer| balancer.ingress.len()),
        0
    );
    let assigned = status
        .conditions
        .iter()
        .find(|c| c.r#type == "LoadBalancerAssigned");
    assert_eq!(assigned.map(|c| &c.reason[..]), Some("ForeignClass"));
    let modules = || std::fs::read_to_string("/proc/modules").unwrap_or_default();
    let has_sctp = || modules().lines().any(|line| line.starts_with("sctp "));
    let before = has_sctp();
    let sctp = with_more(named("s", 9999), |p| p.protocol = v1::Protocol::Sctp.into());
    cluster.created("sctp", with_ports(cluster_ip(), [sctp]));
    assert_eq!(has_sctp(), before, "no module is loaded for it");
}
