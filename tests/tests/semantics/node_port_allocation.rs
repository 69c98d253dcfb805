//! A1–A4 and A10 for node ports: the range, its bands, exhaustion, and all or nothing.

use std::collections::BTreeSet;

use crate::cluster::node_ports;
use crate::expect::{EXHAUSTED, FAILED, assert_refused, count};
use crate::specs::{at, cluster_ip, local_balancer, named, node_port, port, with_ports};
use crate::stores::ControlPlane;

on_every_store!(
    a1_every_node_port_is_handed_out_once_and_a_released_one_comes_again,
    a2_node_ports_outside_or_taken_are_refused_and_change_no_count,
    a4_the_static_band_of_node_ports_is_used_last,
    a4_node_port_bands_have_the_published_edges,
    a10_a_refused_write_gives_back_what_it_took,
    a10_a_refused_write_frees_nothing,
    a10_a_rehearsal_takes_nothing_and_sees_its_own_asks,
);

fn a1_every_node_port_is_handed_out_once_and_a_released_one_comes_again(
    plane: &'static ControlPlane,
) {
    let cluster = plane.with_node_ports(30_000, 30_007);
    let create = |name: &str| cluster.created(name, node_port()).ports[0].node_port;
    let numbers: Vec<_> = (0..8).map(|i| create(&format!("s{i}"))).collect();
    let distinct: BTreeSet<_> = numbers.iter().copied().collect();
    assert_eq!(distinct, (30_000..=30_007).collect());
    for (row, spec) in [
        ("a node port", node_port()),
        ("for health checks", local_balancer()),
    ] {
        let status = cluster.create("full", spec).expect_err(row);
        for (key, want) in [("used", 8), ("quarantined", 0), ("capacity", 8)] {
            assert_eq!(count(&status, key), want, "{row}: {key}");
        }
        let reason = assert_refused(row, Err::<(), _>(status), EXHAUSTED, "30000-30007");
        assert_eq!(reason, "NODE_PORT_EXHAUSTED", "{row}");
    }
    cluster.delete("s3").expect("it goes");
    assert_eq!(create("again"), numbers[3], "the only free one");
}

fn a2_node_ports_outside_or_taken_are_refused_and_change_no_count(plane: &'static ControlPlane) {
    let cluster = plane.with_node_ports(30_000, 30_100);
    cluster.created("taken", with_ports(node_port(), [at(30_050, port(80))]));
    for (number, kind) in [
        (29_999, "RANGE"),
        (30_101, "RANGE"),
        (1, "RANGE"),
        (30_050, "NODE_PORT_IN_USE"),
    ] {
        let answer = cluster.create("web", with_ports(node_port(), [at(number, port(80))]));
        let reason = assert_refused("refused", answer, FAILED, "spec.ports[0].node_port");
        assert_eq!(reason, kind, "{number}");
        assert_eq!(cluster.ports_held(), 1, "{number}");
    }
    for number in [30_000, 30_100] {
        cluster.created(
            &format!("s{number}"),
            with_ports(node_port(), [at(number, port(80))]),
        );
    }
}

fn a4_the_static_band_of_node_ports_is_used_last(plane: &'static ControlPlane) {
    // 48 ports: a band of 16.
    let cluster = plane.with_node_ports(30_000, 30_047);
    for i in 0..48 {
        let number = cluster.created(&format!("s{i}"), node_port()).ports[0].node_port;
        assert_eq!(number >= 30_016, i < 32, "pick {i} is {number}");
    }
}

fn a4_node_port_bands_have_the_published_edges(plane: &'static ControlPlane) {
    for (first, last, dynamic, picks) in [
        (30_000, 32_767, 30_086, 60),
        (20_000, 32_767, 20_128, 60),
        (30_000, 30_016, 30_016, 1),
        (30_000, 30_511, 30_016, 60),
    ] {
        let cluster = plane.with_node_ports(first, last);
        for i in 0..picks {
            let number = cluster.created(&format!("s{i}"), node_port()).ports[0].node_port;
            assert!(
                (dynamic..=last).contains(&number),
                "{first}-{last}: {number}"
            );
        }
    }
    let cluster = plane.with_node_ports(30_000, 30_015);
    let pick = |i| cluster.created(&format!("s{i}"), node_port()).ports[0].node_port;
    let low = (0..14).map(pick).filter(|number| *number < 30_008).count();
    assert!(low >= 6, "16 ports have no band");
}

fn a10_a_refused_write_gives_back_what_it_took(plane: &'static ControlPlane) {
    let cluster = plane.with_node_ports(30_000, 30_100);
    cluster.created("taken", with_ports(node_port(), [at(30_050, port(80))]));
    cluster.created("web", cluster_ip());
    let asks = with_ports(
        node_port(),
        [
            at(30_051, named("a", 80)),
            at(30_050, named("b", 81)),
            named("c", 82),
        ],
    );
    for (row, answer) in [
        ("create", cluster.create("new", asks.clone())),
        ("update", cluster.put("web", asks)),
    ] {
        assert_refused(row, answer, FAILED, "spec.ports[1].node_port");
        assert_eq!(cluster.ports_held(), 1, "{row}");
    }
    cluster.created("free", with_ports(node_port(), [at(30_051, port(80))]));
}

fn a10_a_refused_write_frees_nothing(plane: &'static ControlPlane) {
    let cluster = plane.with_node_ports(30_000, 30_001);
    let before = cluster.created("web", with_ports(node_port(), [at(30_000, named("a", 80))]));
    cluster.created("taken", with_ports(node_port(), [at(30_001, port(80))]));
    let moved = with_ports(node_port(), [at(30_001, named("b", 80))]);
    assert_refused(
        "moved",
        cluster.put("web", moved),
        FAILED,
        "spec.ports[0].node_port",
    );
    assert_eq!(cluster.spec("web"), before);
    let heir = with_ports(node_port(), [at(30_000, port(80))]);
    assert_refused(
        "still held",
        cluster.create("heir", heir),
        FAILED,
        "spec.ports[0].node_port",
    );
    // Giving one up and taking another in one write, with nothing else free.
    cluster.delete("taken").expect("it goes");
    let moved = with_ports(node_port(), [at(30_001, named("b", 80))]);
    assert_eq!(
        node_ports(&crate::cluster::spec_of(
            cluster.put("web", moved).expect("moved")
        )),
        [30_001]
    );
    assert_eq!(
        cluster.ports_held(),
        1,
        "the old one is released with the commit"
    );
}

fn a10_a_rehearsal_takes_nothing_and_sees_its_own_asks(plane: &'static ControlPlane) {
    let cluster = plane.with_node_ports(30_000, 30_001);
    let rehearse = |ports| {
        let spec = with_ports(node_port(), ports);
        cluster.create_with("web", spec, |r| r.validate_only = true)
    };
    for _ in 0..5 {
        rehearse([at(30_000, named("a", 80)), named("b", 81)]).expect("there is room");
        assert_eq!(cluster.ports_held(), 0);
    }
    let spec = with_ports(
        node_port(),
        [at(30_000, named("a", 80)), named("b", 81), named("c", 82)],
    );
    let answer = cluster.create_with("web", spec, |r| r.validate_only = true);
    assert_refused("its own asks count", answer, EXHAUSTED, "30000-30001");
}
