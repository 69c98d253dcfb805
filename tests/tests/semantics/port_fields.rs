//! §1.2: the ports of a Service.

use portolan_proto::v1;
use v1::service_port::Target;
use v1::{ServicePort, ServiceSpec};

use crate::expect::FAILED;
use crate::fields::{bad, check};
use crate::specs::{
    alias, at, cluster_ip, headless, load_balancer, named, node_port, port, udp, with, with_ports,
};
use crate::stores::ControlPlane;

on_every_store!(
    s_ports_are_needed_unless_headless_or_an_alias,
    s_port_numbers_and_names_are_unique,
    s_port_names_leave_room_for_srv,
    s_target_ports_are_numbers_or_port_names,
    s_app_protocols_are_qualified_names,
    s_node_ports_are_for_types_that_have_them,
);

fn s_ports_are_needed_unless_headless_or_an_alias(plane: &'static ControlPlane) {
    let no_ports = |spec| with_ports(spec, []);
    let many = |count| {
        with(cluster_ip(), |s: &mut ServiceSpec| {
            s.ports = (1..=count).map(|i| named(&format!("p{i}"), i)).collect();
        })
    };
    check(
        plane,
        vec![
            ("ClusterIP", no_ports(cluster_ip()), bad("spec.ports")),
            ("NodePort", no_ports(node_port()), bad("spec.ports")),
            ("LoadBalancer", no_ports(load_balancer()), bad("spec.ports")),
            ("headless", no_ports(headless()), Ok(())),
            ("ExternalName", no_ports(alias()), Ok(())),
            (
                "ExternalName with ports",
                with_ports(alias(), [port(80)]),
                Ok(()),
            ),
            ("250 of them", many(250), Ok(())),
            ("251 of them", many(251), bad("spec.ports")),
        ],
    );
}

fn s_port_numbers_and_names_are_unique(plane: &'static ControlPlane) {
    let ports = |ports| with(cluster_ip(), |s: &mut ServiceSpec| s.ports = ports);
    let numbers = [0, -1, 65_536, i32::MIN, i32::MAX].map(|number| {
        (
            "no port number",
            ports(vec![port(number)]),
            bad("ports[0].port"),
        )
    });
    check(
        plane,
        [
            ("the lowest", ports(vec![port(1)]), Ok(())),
            ("the highest", ports(vec![port(65_535)]), Ok(())),
            (
                "one number, two protocols",
                ports(vec![named("a", 53), udp("b", 53)]),
                Ok(()),
            ),
            (
                "one number twice",
                ports(vec![named("a", 53), named("b", 53)]),
                bad("ports[1].port"),
            ),
            (
                "one name twice",
                ports(vec![named("a", 53), udp("a", 53)]),
                bad("ports[1].name"),
            ),
            (
                "two without names",
                ports(vec![port(80), udp("", 80)]),
                bad("ports[0].name"),
            ),
            (
                "one of two without a name",
                ports(vec![named("a", 80), port(81)]),
                bad("ports[1].name"),
            ),
            (
                "one node port twice",
                with_ports(
                    node_port(),
                    [at(30_001, named("a", 80)), at(30_001, named("b", 81))],
                ),
                bad("ports[1].node_port"),
            ),
        ]
        .into_iter()
        .chain(numbers)
        .collect(),
    );
}

fn s_port_names_leave_room_for_srv(plane: &'static ControlPlane) {
    let name = |name: &str| with_ports(cluster_ip(), [named(name, 80)]);
    check(
        plane,
        vec![
            ("62 characters", name(&"a".repeat(62)), Ok(())),
            (
                "63: `_` and it are no label",
                name(&"a".repeat(63)),
                bad("ports[0].name"),
            ),
            ("a digit first", name("9p"), Ok(())),
            ("upper case", name("Web"), bad("ports[0].name")),
            ("a dot", name("a.b"), bad("ports[0].name")),
            ("a dash last", name("a-"), bad("ports[0].name")),
        ],
    );
}

fn target(target: Target) -> ServiceSpec {
    with_ports(
        cluster_ip(),
        [ServicePort {
            target: Some(target),
            ..port(80)
        }],
    )
}

fn s_target_ports_are_numbers_or_port_names(plane: &'static ControlPlane) {
    let name = |text: &str| target(Target::TargetPortName(text.to_owned()));
    let at_name = || bad("ports[0].target_port_name");
    check(
        plane,
        vec![
            ("the highest", target(Target::TargetPort(65_535)), Ok(())),
            (
                "too high",
                target(Target::TargetPort(65_536)),
                bad("ports[0].target_port"),
            ),
            (
                "negative",
                target(Target::TargetPort(-1)),
                bad("ports[0].target_port"),
            ),
            ("15 characters", name("abcdefghijklm-9"), Ok(())),
            ("16 characters", name("abcdefghijklm-90"), at_name()),
            ("no letter", name("8080"), at_name()),
            ("a double dash", name("a--b"), at_name()),
            ("a dash first", name("-a"), at_name()),
            ("upper case", name("Web"), at_name()),
        ],
    );
    let cluster = plane.single();
    for (row, spec) in [
        ("0", target(Target::TargetPort(0))),
        (
            "an empty name",
            target(Target::TargetPortName(String::new())),
        ),
        ("unset", cluster_ip()),
    ] {
        let spec = cluster.created("web", spec);
        assert_eq!(
            spec.ports[0].target,
            Some(Target::TargetPort(80)),
            "{row}: as the port"
        );
        cluster.delete("web").expect(row);
    }
}

fn s_app_protocols_are_qualified_names(plane: &'static ControlPlane) {
    let speaks = |text: &str| {
        let app_protocol = Some(text.to_owned());
        with_ports(
            cluster_ip(),
            [ServicePort {
                app_protocol,
                ..port(80)
            }],
        )
    };
    check(
        plane,
        vec![
            ("IANA", speaks("http"), Ok(())),
            ("Kubernetes", speaks("kubernetes.io/h2c"), Ok(())),
            ("one's own", speaks("example.com/my-thing"), Ok(())),
            ("a blank", speaks("my thing"), bad("ports[0].app_protocol")),
            ("two slashes", speaks("a/b/c"), bad("ports[0].app_protocol")),
            ("empty", speaks(""), bad("ports[0].app_protocol")),
        ],
    );
}

fn s_node_ports_are_for_types_that_have_them(plane: &'static ControlPlane) {
    let asks = |spec, number| with_ports(spec, [at(number, port(80))]);
    check(
        plane,
        vec![
            (
                "ClusterIP",
                asks(cluster_ip(), 30_001),
                bad("ports[0].node_port"),
            ),
            (
                "headless",
                asks(headless(), 30_001),
                bad("ports[0].node_port"),
            ),
            (
                "ExternalName",
                asks(alias(), 30_001),
                bad("ports[0].node_port"),
            ),
            ("NodePort", asks(node_port(), 30_001), Ok(())),
            ("LoadBalancer", asks(load_balancer(), 30_001), Ok(())),
            (
                "out of range",
                asks(node_port(), 29_999),
                Err((FAILED, "ports[0].node_port")),
            ),
            ("negative", asks(node_port(), -1), bad("ports[0].node_port")),
            (
                "no port",
                asks(node_port(), 65_536),
                bad("ports[0].node_port"),
            ),
        ],
    );
}
