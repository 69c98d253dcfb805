//! How large things may be, and what nothing can be at.

use portolan_model::{
    Change, EndpointPort, HttpHeader, Labels, NodeSpec, Object, Probe, ProbeAction, ProbePort,
    Protocol, Refusal, WorkloadSpec, limits,
};

use super::world::{
    World, applied, at, cluster_ip, created, ip, labelled, name, port, reason, scoped,
};
use crate::{Action, EndpointAction, EndpointParams, NodeAction, Outcome, Params, Write};

fn put(world: &mut World, params: Params<WorkloadSpec>) -> Result<Outcome, Refusal> {
    world.run(Action::Workload(Write::Put {
        key: scoped("w"),
        put: applied(labelled(params)),
    }))
}

/// Annotations of this many octets.
fn annotated(octets: usize, spec: WorkloadSpec) -> Params<WorkloadSpec> {
    let key = "example.com/a".to_owned();
    let value = "x".repeat(octets - key.len());
    Params {
        annotations: Labels::from([(key, value)]),
        spec,
        ..Params::default()
    }
}

/// A probe that is full to its bounds.
fn full_probe() -> Probe {
    let header = HttpHeader {
        name: "a".repeat(limits::HEADER_NAME.value),
        value: "b".repeat(limits::HEADER_VALUE.value),
    };
    Probe {
        action: ProbeAction::HttpGet {
            port: ProbePort::Number(80),
            path: format!("/{}", "a".repeat(limits::PROBE_PATH.value - 1)),
            host: "h".repeat(limits::PROBE_NAME.value),
            headers: vec![header; limits::PROBE_HEADERS.value],
        },
        initial_delay_seconds: 0,
        period_seconds: 10,
        timeout_seconds: 1,
        success_threshold: 1,
        failure_threshold: 3,
    }
}

fn fields(refusal: Refusal) -> Vec<String> {
    match refusal {
        Refusal::Invalid { violations } => violations.into_iter().map(|v| v.field).collect(),
        other => panic!("not invalid: {other}"),
    }
}

#[test]
fn an_object_has_a_size_whatever_brought_it_together() {
    let probed = WorkloadSpec {
        probe: Some(full_probe()),
        ..at("192.0.2.1")
    };
    let half = limits::OBJECT.value / 2;
    for (case, params, refused) in [
        (
            "a full probe alone",
            Params {
                spec: probed.clone(),
                ..Params::default()
            },
            None,
        ),
        ("annotations alone", annotated(half, at("192.0.2.1")), None),
        ("both", annotated(half, probed), Some("workload")),
        (
            "annotations over their own bound",
            annotated(limits::ANNOTATIONS.value + 1, at("192.0.2.1")),
            Some("workload.annotations"),
        ),
    ] {
        let done = put(&mut World::usual(), params);
        let found = done.err().map(fields).unwrap_or_default();
        assert_eq!(found.first().map(String::as_str), refused, "{case}");
    }
}

/// From a release that knew no bound.
#[test]
fn what_was_larger_before_may_stay_and_shrink_but_not_grow() {
    let mut world = World::usual();
    let outcome = put(&mut world, annotated(1000, at("192.0.2.1"))).unwrap();
    let Some(Object::Workload(before)) = outcome.objects.first() else {
        panic!("no workload");
    };
    let (large, spec) = (limits::OBJECT.value, at("192.0.2.1"));
    let mut after = (**before).clone();
    after.meta.annotations = annotated(large, spec.clone()).annotations;
    let change = Change::update(before.clone(), after);
    let next = world.state.revision().next();
    world.state.apply_all(next, &[change]);
    for (case, octets, fits) in [
        ("as it is", large, true),
        ("larger", large + 1, false),
        ("smaller", large - 1, true),
        ("as it was", large, false),
    ] {
        let done = put(&mut world, annotated(octets, spec.clone()));
        assert_eq!(done.is_ok(), fits, "{case}");
    }
}

#[test]
fn nothing_is_at_an_address_that_never_can_be_one() {
    for address in [
        "0.0.0.0",
        "0.0.0.5",
        "224.0.0.1",
        "169.254.169.254",
        "240.0.0.1",
        "255.255.255.255",
        "fe80::1",
        "::127.0.0.1",
        "64:ff9b::7f00:1",
    ] {
        let mut world = World::usual();
        world.create("db", cluster_ip()).unwrap();
        let node = NodeSpec {
            addresses: vec![ip(address)],
            ..NodeSpec::default()
        };
        let node = Action::Node(NodeAction::Put {
            name: name("n"),
            put: created(node),
        });
        let workload = Action::Workload(Write::Put {
            key: scoped("w"),
            put: created(at(address)),
        });
        for (action, field) in [
            (node, "node.spec.addresses[0]"),
            (workload, "workload.spec.addresses[0]"),
            (
                serving("test", address, Vec::new()),
                "endpoints[0].spec.address",
            ),
        ] {
            let refused = world.run(action).unwrap_err();
            assert_eq!(fields(refused), [field], "{address}");
        }
    }
}

#[test]
fn a_node_is_at_no_address_of_a_service() {
    let mut world = World::usual();
    for (address, expected) in [("10.96.0.7", Some("RANGE")), ("192.0.2.7", None)] {
        let spec = NodeSpec {
            addresses: vec![ip("192.0.2.1"), ip(address)],
            ..NodeSpec::default()
        };
        let action = Action::Node(NodeAction::Put {
            name: name("n"),
            put: applied(super::world::whole(spec)),
        });
        let refused = world.run(action).err();
        assert_eq!(refused.as_ref().map(reason), expected, "{address}");
    }
}

pub(super) fn serving(source: &str, address: &str, ports: Vec<EndpointPort>) -> Action {
    Action::Endpoint(EndpointAction::Replace {
        service: scoped("db"),
        source: source.to_owned(),
        endpoints: vec![EndpointParams {
            address: ip(address),
            ports,
            node: None,
            zone: String::new(),
            hostname: None,
            ready: true,
            serving: true,
            terminating: false,
            weight: 1,
        }],
    })
}

pub(super) fn endpoint_port(name: &str, protocol: Protocol) -> EndpointPort {
    EndpointPort {
        service_port: name.to_owned(),
        port: 8080,
        protocol,
    }
}

#[test]
fn the_ports_of_a_hand_written_endpoint_are_ports_that_a_service_can_have() {
    let many = |count| {
        let names = (0..count).map(|i| format!("p{i}"));
        let ports = names.map(|name| endpoint_port(&name, Protocol::Tcp));
        ports.collect::<Vec<_>>()
    };
    let one = |name: &str, protocol| vec![endpoint_port(name, protocol)];
    for (case, ports, expected) in [
        ("the Service's", one("http", Protocol::Tcp), None),
        ("one that it may get", one("admin", Protocol::Udp), None),
        (
            "an upper-case name",
            one("aCapital", Protocol::Tcp),
            Some("INVALID"),
        ),
        (
            "a long name",
            one(&"a".repeat(100_000), Protocol::Tcp),
            Some("INVALID"),
        ),
        (
            "one too long",
            one(&"a".repeat(63), Protocol::Tcp),
            Some("INVALID"),
        ),
        ("a NUL", one("\0", Protocol::Tcp), Some("INVALID")),
        (
            "as many as may be",
            many(limits::ENDPOINT_PORTS.value),
            None,
        ),
        (
            "one too many",
            many(limits::ENDPOINT_PORTS.value + 1),
            Some("INVALID"),
        ),
        (
            "another protocol",
            one("http", Protocol::Udp),
            Some("PROTOCOL_MISMATCH"),
        ),
        (
            "a third protocol",
            one("http", Protocol::Sctp),
            Some("PROTOCOL_MISMATCH"),
        ),
    ] {
        let mut world = World::usual();
        let mut spec = cluster_ip();
        spec.ports = vec![port("http", 80)];
        world.create("db", spec).unwrap();
        let refused = world.run(serving("test", "192.0.2.1", ports)).err();
        assert_eq!(refused.as_ref().map(reason), expected, "{case}");
    }
}
