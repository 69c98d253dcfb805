//! N1–N6: node ports inside one Service, and against others.

use crate::cluster::{node_ports, spec_of};
use crate::expect::{FAILED, assert_refused};
use crate::specs::{at, load_balancer, named, node_port, port, udp, with_ports};
use crate::stores::ControlPlane;

on_every_store!(
    n1_tcp_and_udp_of_one_port_share_a_number_on_create,
    n2_tcp_and_udp_of_one_port_share_a_number_on_update,
    n3_one_that_asks_gives_its_number_to_its_twin,
    n4_two_protocols_of_different_ports_may_ask_for_one_number,
    n5_explicit_numbers_come_before_automatic_ones,
    n6_another_service_is_refused_whatever_the_protocol,
);

fn n1_tcp_and_udp_of_one_port_share_a_number_on_create(plane: &'static ControlPlane) {
    let cluster = plane.single();
    for (name, spec) in [("node", node_port()), ("balancer", load_balancer())] {
        let spec = with_ports(
            spec,
            [named("dns", 53), udp("dns-udp", 53), named("web", 80)],
        );
        let numbers = node_ports(&cluster.created(name, spec));
        assert_eq!(numbers[0], numbers[1], "{name}");
        assert_ne!(numbers[0], numbers[2], "{name}");
    }
    assert_eq!(cluster.ports_held(), 4);
}

fn n2_tcp_and_udp_of_one_port_share_a_number_on_update(plane: &'static ControlPlane) {
    let cluster = plane.single();
    let before = cluster.created("web", with_ports(node_port(), [named("dns", 53)]));
    let both = with_ports(node_port(), [named("dns", 53), udp("dns-udp", 53)]);
    let after = spec_of(cluster.put("web", both).expect("a second protocol"));
    let number = before.ports[0].node_port;
    assert_eq!(node_ports(&after), [number, number]);
    let one = with_ports(node_port(), [udp("dns-udp", 53)]);
    let after = spec_of(cluster.put("web", one).expect("the first one goes"));
    assert_eq!(node_ports(&after), [number], "the other one keeps it");
    assert_eq!(cluster.ports_held(), 1);
}

fn n3_one_that_asks_gives_its_number_to_its_twin(plane: &'static ControlPlane) {
    let cluster = plane.single();
    let ports = |number| [named("dns", 53), at(number, udp("dns-udp", 53))];
    let asked = with_ports(node_port(), ports(30_040));
    assert_eq!(
        node_ports(&cluster.created("web", asked)),
        [30_040, 30_040],
        "on create"
    );
    cluster.created("other", with_ports(node_port(), [named("a", 80)]));
    let asked = with_ports(node_port(), ports(30_041));
    let after = spec_of(cluster.put("other", asked).expect("on update"));
    assert_eq!(node_ports(&after), [30_041, 30_041], "on update");
}

fn n4_two_protocols_of_different_ports_may_ask_for_one_number(plane: &'static ControlPlane) {
    let cluster = plane.single();
    let ports = [at(30_050, named("a", 80)), at(30_050, udp("b", 81))];
    let spec = cluster.created("web", with_ports(node_port(), ports.clone()));
    assert_eq!(node_ports(&spec), [30_050, 30_050], "on create");
    cluster.delete("web").expect("it goes");
    cluster.created(
        "web",
        with_ports(node_port(), [named("a", 80), udp("b", 81)]),
    );
    let after = spec_of(
        cluster
            .put("web", with_ports(node_port(), ports))
            .expect("on update"),
    );
    assert_eq!(node_ports(&after), [30_050, 30_050], "on update");
    assert_eq!(cluster.ports_held(), 1);
}

fn n5_explicit_numbers_come_before_automatic_ones(plane: &'static ControlPlane) {
    // Two numbers in all: an automatic pick that came first would take the explicit one every other time.
    let cluster = plane.with_node_ports(30_000, 30_001);
    for round in 0..8 {
        for asked in [30_000, 30_001] {
            let ports = [named("auto", 80), at(asked, named("fixed", 81))];
            let spec = cluster.created("web", with_ports(node_port(), ports));
            let other = if asked == 30_000 { 30_001 } else { 30_000 };
            assert_eq!(node_ports(&spec), [other, asked], "round {round}");
            cluster.delete("web").expect("it goes");
        }
    }
}

fn n6_another_service_is_refused_whatever_the_protocol(plane: &'static ControlPlane) {
    let cluster = plane.single();
    cluster.created("web", with_ports(node_port(), [at(30_060, port(80))]));
    for (row, taken) in [
        ("TCP", at(30_060, port(81))),
        ("UDP", at(30_060, udp("", 81))),
    ] {
        let answer = cluster.create("other", with_ports(node_port(), [taken]));
        let reason = assert_refused(row, answer, FAILED, "spec.ports[0].node_port");
        assert_eq!(reason, "NODE_PORT_IN_USE", "{row}");
    }
}
