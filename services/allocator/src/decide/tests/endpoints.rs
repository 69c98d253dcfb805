//! Endpoints and readiness.

use portolan_model::{
    ClusterIps, EndpointPort, Probe, ProbeAction, ProbePort, Protocol, ServiceSpec, TargetPort,
    Uid, WorkloadPort, WorkloadSpec,
};

use super::world::{World, at, cluster_ip, created, ip, name, port, reason, scoped, selecting};
use crate::{
    Action, Delete, EndpointAction, EndpointParams, NodeAction, ReadinessItem, ReadinessReport,
    Verb, Write,
};

const APP: &[(&str, &str)] = &[("app", "web")];

/// (workload's address, ready, serving, terminating) of each endpoint of a Service, in order.
fn seen(world: &World, key: &str) -> Vec<(String, bool, bool, bool)> {
    let service = world.state.service(&scoped(key)).unwrap();
    let endpoints = world.state.endpoints_of(service);
    endpoints
        .map(|e| (e.address.to_string(), e.ready, e.serving, e.terminating))
        .collect()
}

fn probed(address: &str, node: &str) -> WorkloadSpec {
    let probe = Probe {
        action: ProbeAction::TcpConnect {
            port: ProbePort::Number(80),
        },
        initial_delay_seconds: 0,
        period_seconds: 1,
        timeout_seconds: 1,
        success_threshold: 1,
        failure_threshold: 1,
    };
    WorkloadSpec {
        node: Some(name(node)),
        probe: Some(probe),
        ..at(address)
    }
}

fn report(world: &World, node: &str, session: u64, seq: u64, items: &[(Uid, u64, bool)]) -> Action {
    let items = items
        .iter()
        .map(|(workload, probe_generation, serving)| ReadinessItem {
            workload: *workload,
            probe_generation: *probe_generation,
            serving: *serving,
            reason: "connection refused".to_owned(),
        });
    let node_uid = world
        .state
        .node(&name(node))
        .map_or_else(|| Uid::from_random(0), |node| node.meta.uid);
    let items = items.collect();
    Action::Node(NodeAction::ReportReadiness(ReadinessReport {
        node: name(node),
        node_uid,
        session,
        seq,
        full: seq == 1,
        items,
    }))
}

#[test]
fn a_selector_finds_workloads_whichever_comes_first() {
    let mut world = World::usual();
    world.workload("early", &[("app", "web"), ("tier", "x")], at("192.0.2.1"));
    world.create("web", selecting(APP)).unwrap();
    world.workload("late", APP, at("192.0.2.2"));
    world.workload("other", &[("app", "db")], at("192.0.2.3"));
    world.namespace("elsewhere");
    world.workload("elsewhere/foreign", APP, at("192.0.2.4"));
    let addresses: Vec<_> = seen(&world, "web").into_iter().map(|e| e.0).collect();
    assert_eq!(addresses, ["192.0.2.1", "192.0.2.2"]);

    world.workload("late", &[("app", "db")], at("192.0.2.2"));
    assert_eq!(seen(&world, "web").len(), 1, "relabelled");
    world.apply("web", selecting(&[("app", "db")])).unwrap();
    let addresses: Vec<_> = seen(&world, "web").into_iter().map(|e| e.0).collect();
    assert_eq!(addresses, ["192.0.2.2", "192.0.2.3"], "another selector");
    world
        .run(Action::Workload(Write::Delete {
            key: scoped("other"),
            delete: Delete::default(),
        }))
        .unwrap();
    assert_eq!(seen(&world, "web").len(), 1, "deleted");
    world.delete("web").unwrap();
    assert_eq!(
        world.state.endpoints_after(None, None).count(),
        0,
        "the Service takes its endpoints along"
    );
}

#[test]
fn named_target_ports_are_looked_up_per_workload() {
    let mut world = World::usual();
    let mut spec = selecting(APP);
    spec.ports[0].target = TargetPort::Name("http".to_owned());
    world.create("web", spec).unwrap();
    let named = |number| {
        vec![WorkloadPort {
            name: "http".to_owned(),
            port: number,
            protocol: Protocol::Tcp,
        }]
    };
    world.workload(
        "a",
        APP,
        WorkloadSpec {
            ports: named(8080),
            ..at("192.0.2.1")
        },
    );
    world.workload(
        "b",
        APP,
        WorkloadSpec {
            ports: named(9090),
            ..at("192.0.2.2")
        },
    );
    world.workload("c", APP, at("192.0.2.3"));
    let service = world.state.service(&scoped("web")).unwrap();
    let ports: Vec<Vec<u16>> = world
        .state
        .endpoints_of(service)
        .map(|e| e.ports.iter().map(|p| p.port).collect())
        .collect();
    assert_eq!(ports, [vec![8080], vec![9090], vec![]]);
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn readiness_follows_probe_node_and_report() {
    let with = |spec: WorkloadSpec, ready| WorkloadSpec {
        reported_ready: ready,
        ..spec
    };
    let on_n1 = |ready| WorkloadSpec {
        node: Some(name("n1")),
        ..with(at("192.0.2.1"), ready)
    };
    for (case, spec, registered, serving) in [
        ("neither node nor probe", at("192.0.2.1"), false, true),
        (
            "reported not ready",
            with(at("192.0.2.1"), Some(false)),
            false,
            false,
        ),
        (
            "probe without node",
            probed("192.0.2.1", "n1"),
            false,
            false,
        ),
        (
            "probe without node, reported ready",
            with(probed("192.0.2.1", "n1"), Some(true)),
            false,
            true,
        ),
        (
            "probe before its first result",
            probed("192.0.2.1", "n1"),
            true,
            false,
        ),
        (
            "a report counts not beside a node that probes",
            with(probed("192.0.2.1", "n1"), Some(true)),
            true,
            false,
        ),
        ("node without probe", on_n1(None), true, true),
        (
            "node without probe, reported ready",
            on_n1(Some(true)),
            true,
            true,
        ),
        (
            "node without probe, reported not ready",
            on_n1(Some(false)),
            true,
            false,
        ),
        (
            "unknown node, no probe, reported not ready",
            on_n1(Some(false)),
            false,
            false,
        ),
    ] {
        let mut world = World::usual();
        world.create("web", selecting(APP)).unwrap();
        world.workload("w", APP, spec.clone());
        if registered {
            world.node("n1");
        }
        assert_eq!(
            seen(&world, "web"),
            [("192.0.2.1".to_owned(), serving, serving, false)],
            "{case}"
        );
        let draining = WorkloadSpec {
            draining: true,
            ..spec
        };
        world.workload("w", APP, draining);
        assert_eq!(
            seen(&world, "web"),
            [("192.0.2.1".to_owned(), false, serving, true)],
            "{case}, draining"
        );
    }
}

#[test]
fn publishing_what_is_not_ready_makes_it_ready_but_not_serving() {
    let mut world = World::usual();
    let spec = ServiceSpec {
        publish_not_ready_addresses: true,
        cluster_ips: ClusterIps::None,
        ..selecting(APP)
    };
    world.create("web", spec).unwrap();
    world.workload(
        "w",
        APP,
        WorkloadSpec {
            reported_ready: Some(false),
            ..at("192.0.2.1")
        },
    );
    assert_eq!(
        seen(&world, "web"),
        [("192.0.2.1".to_owned(), true, false, false)]
    );
}

#[test]
fn reports_count_in_order_of_session_and_number() {
    let mut world = World::usual();
    world.node("n1");
    world.node("n2");
    world.create("web", selecting(APP)).unwrap();
    let workload = world.workload("w", APP, probed("192.0.2.1", "n1"));
    let (uid, generation) = (workload.meta.uid, workload.probe_generation);
    let steps = [
        ("first result", "n1", 10, 1, generation, true, None, true),
        ("fails", "n1", 10, 2, generation, false, None, false),
        ("an old report", "n1", 10, 1, generation, true, None, false),
        ("another node", "n2", 99, 1, generation, true, None, false),
        (
            "another probe",
            "n1",
            10,
            3,
            generation + 1,
            true,
            None,
            false,
        ),
        ("a new session", "n1", 11, 1, generation, true, None, true),
        (
            "the old session",
            "n1",
            10,
            9,
            generation,
            false,
            Some("SESSION_FENCED"),
            true,
        ),
        (
            "no node of that name",
            "n3",
            1,
            1,
            generation,
            false,
            Some("NOT_FOUND"),
            true,
        ),
    ];
    for (case, node, session, seq, generation, serving, refused, ready) in steps {
        let action = report(&world, node, session, seq, &[(uid, generation, serving)]);
        let result = world.run(action);
        assert_eq!(result.as_ref().err().map(reason), refused, "{case}");
        assert_eq!(seen(&world, "web")[0].1, ready, "{case}");
    }
    let before = world.state.revision();
    let again = report(&world, "n1", 11, 2, &[(uid, generation, true)]);
    assert_eq!(world.run(again).unwrap().verb, Verb::Unchanged);
    assert_eq!(world.state.revision(), before, "no news make no revision");
    let moved = world.workload("w", APP, probed("192.0.2.9", "n1"));
    assert_eq!(moved.probe_generation, generation + 1);
    assert!(
        !seen(&world, "web")[0].1,
        "what was probed elsewhere says nothing about the new address"
    );
}

fn written(address: &str) -> EndpointParams {
    EndpointParams {
        address: ip(address),
        ports: vec![EndpointPort {
            service_port: String::new(),
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

fn replace(key: &str, source: &str, addresses: &[&str]) -> Action {
    let endpoints = addresses.iter().map(|address| written(address)).collect();
    Action::Endpoint(EndpointAction::Replace {
        service: scoped(key),
        source: source.to_owned(),
        endpoints,
    })
}

#[test]
fn a_source_replaces_what_it_wrote_and_nothing_else() {
    let mut world = World::usual();
    world.create("db", cluster_ip()).unwrap();
    assert_eq!(
        world
            .run(replace("db", "a", &["192.0.2.1", "192.0.2.2"]))
            .unwrap()
            .verb,
        Verb::Created
    );
    world.run(replace("db", "b", &["192.0.2.2"])).unwrap();
    let kept = world
        .run(replace("db", "a", &["192.0.2.1", "192.0.2.2"]))
        .unwrap();
    assert_eq!(kept.verb, Verb::Unchanged);
    let uids: Vec<_> = kept
        .objects
        .iter()
        .map(portolan_model::Object::uid)
        .collect();
    let shorter = world.run(replace("db", "a", &["192.0.2.1"])).unwrap();
    assert_eq!(shorter.verb, Verb::Configured);
    assert_eq!(
        shorter.objects[0].uid(),
        uids[0],
        "what stays keeps its identity"
    );
    assert_eq!(seen(&world, "db").len(), 2);
}

#[test]
fn endpoints_are_refused_where_they_do_not_belong() {
    let mut world = World::usual();
    world.create("managed", selecting(APP)).unwrap();
    world.create("db", cluster_ip()).unwrap();
    for (case, action, expected) in [
        (
            "the Service keeps its own",
            replace("managed", "a", &["192.0.2.1"]),
            "SERVICE_HAS_SELECTOR",
        ),
        (
            "no such Service",
            replace("nothing", "a", &["192.0.2.1"]),
            "NOT_FOUND",
        ),
        ("loopback", replace("db", "a", &["127.0.0.1"]), "RANGE"),
        (
            "link-local",
            replace("db", "a", &["169.254.169.254"]),
            "INVALID",
        ),
        (
            "a virtual address",
            replace("db", "a", &["10.96.0.7"]),
            "RANGE",
        ),
        (
            "twice the same",
            replace("db", "a", &["192.0.2.1", "192.0.2.1"]),
            "INVALID",
        ),
        ("no source", replace("db", "", &["192.0.2.1"]), "INVALID"),
    ] {
        assert_eq!(reason(&world.run(action).unwrap_err()), expected, "{case}");
    }
    let circle = WorkloadSpec {
        addresses: vec![ip("10.96.0.7")],
        ..at("10.96.0.7")
    };
    let put = Action::Workload(Write::Put {
        key: scoped("w"),
        put: created(circle),
    });
    assert_eq!(reason(&world.run(put).unwrap_err()), "RANGE");
}

#[test]
fn without_its_selector_a_service_keeps_its_endpoints_and_takes_others() {
    let mut world = World::usual();
    world.create("web", selecting(APP)).unwrap();
    world.workload("w", APP, at("192.0.2.1"));
    world.apply("web", cluster_ip()).unwrap();
    assert_eq!(seen(&world, "web").len(), 1);
    world.run(replace("web", "a", &["192.0.2.7"])).unwrap();
    assert_eq!(seen(&world, "web").len(), 2);
    world.apply("web", selecting(APP)).unwrap();
    let addresses: Vec<_> = seen(&world, "web").into_iter().map(|e| e.0).collect();
    assert_eq!(addresses, ["192.0.2.1"], "with a selector, only its own");
}

#[test]
fn a_headless_service_needs_no_ports() {
    let mut world = World::usual();
    let spec = ServiceSpec {
        cluster_ips: ClusterIps::None,
        ports: Vec::new(),
        ..selecting(APP)
    };
    world.create("set", spec).unwrap();
    world.workload("w", APP, at("192.0.2.1"));
    assert_eq!(seen(&world, "set").len(), 1);
    assert_eq!(port("", 80).port, 80);
}
