//! Endpoints that share an address: it takes one share of the traffic.

use portolan_model::view::{View, project};
use portolan_model::{Change, Object, Protocol, ServiceSpec, WorkloadSpec};

use super::bounds::{endpoint_port, serving};
use super::world::{World, at, cluster_ip, port, scoped, selecting};

/// Address and verdicts (cluster, local) of every port of every endpoint that nodes are told of.
fn told(world: &World) -> Vec<(String, u16, bool, bool)> {
    let views = project(&world.state);
    let endpoints = views.into_values().filter_map(|view| match view {
        View::Endpoint(endpoint) => Some(endpoint),
        _ => None,
    });
    let ports = endpoints.flat_map(|endpoint| {
        let address = endpoint.address.to_string();
        let ports = endpoint.ports.into_iter();
        ports.map(move |port| (address.clone(), port.port, port.cluster, port.local))
    });
    let mut told: Vec<_> = ports.collect();
    told.sort();
    told
}

/// How many endpoints traffic for the whole cluster goes to.
fn shares(world: &World) -> usize {
    told(world)
        .iter()
        .filter(|(_, _, cluster, _)| *cluster)
        .count()
}

const APP: &[(&str, &str)] = &[("app", "web")];

#[test]
fn two_workloads_at_one_address_take_one_share() {
    let mut world = World::usual();
    world.create("web", selecting(APP)).unwrap();
    world.workload("a", APP, at("192.0.2.1"));
    world.workload("b", APP, at("192.0.2.1"));
    world.workload("c", APP, at("192.0.2.2"));
    assert_eq!((told(&world).len(), shares(&world)), (3, 2));
    // The one that is ready stands for both.
    let down = WorkloadSpec {
        reported_ready: Some(false),
        ..at("192.0.2.1")
    };
    world.workload("a", APP, down);
    assert_eq!(shares(&world), 2);
    world.run(delete("b")).unwrap();
    assert_eq!(shares(&world), 1);
}

fn delete(key: &str) -> crate::Action {
    crate::Action::Workload(crate::Write::Delete {
        key: scoped(key),
        delete: crate::Delete::default(),
    })
}

#[test]
fn two_sources_with_one_address_take_one_share_a_port() {
    let mut world = World::usual();
    let spec = ServiceSpec {
        ports: vec![port("http", 80), port("admin", 81)],
        ..cluster_ip()
    };
    world.create("db", spec).unwrap();
    let http = || vec![endpoint_port("http", Protocol::Tcp)];
    world.run(serving("one", "192.0.2.1", http())).unwrap();
    world.run(serving("two", "192.0.2.1", http())).unwrap();
    assert_eq!((told(&world).len(), shares(&world)), (2, 1));
    let admin = vec![endpoint_port("admin", Protocol::Tcp)];
    world.run(serving("three", "192.0.2.1", admin)).unwrap();
    assert_eq!(
        shares(&world),
        2,
        "another port of the Service is another share"
    );
}

/// From before it was refused, or since the Service changed.
#[test]
fn a_port_of_another_protocol_serves_nothing() {
    let mut world = World::usual();
    let spec = |protocol| {
        let mut spec = cluster_ip();
        spec.ports = vec![port("http", 80)];
        spec.ports[0].protocol = protocol;
        spec
    };
    world.create("db", spec(Protocol::Tcp)).unwrap();
    let ports = vec![endpoint_port("http", Protocol::Tcp)];
    world.run(serving("one", "192.0.2.1", ports)).unwrap();
    assert_eq!(shares(&world), 1);
    world.apply("db", spec(Protocol::Udp)).unwrap();
    assert_eq!(told(&world), []);
    let endpoint = world
        .state
        .endpoints_after(None, None)
        .next()
        .unwrap()
        .clone();
    let mut udp = (*endpoint).clone();
    udp.ports[0].protocol = Protocol::Udp;
    let next = world.state.revision().next();
    let change = Change::update(endpoint, Object::from(udp));
    world.state.apply_all(next, &[change]);
    assert_eq!(shares(&world), 1);
}
