//! §1.2: addresses, ranges, and what only load balancers have.

use portolan_proto::v1;
use v1::ServiceSpec;

use crate::cluster::{spec_of, texts};
use crate::fields::{bad, check};
use crate::specs::{
    REQUIRE, alias, cluster_ip, headless, load_balancer, local_balancer, node_port, with,
    with_addresses, with_families, with_policy,
};
use crate::stores::ControlPlane;

on_every_store!(
    s_cluster_ips_are_canonical_one_a_family_and_agree_with_families,
    s_addresses_with_leading_zeros_zones_or_mapped_are_refused,
    s_what_is_for_load_balancers_is_refused_elsewhere,
    s_source_ranges_are_ranges,
    s_requested_balancer_addresses_are_one_a_family,
);

fn s_cluster_ips_are_canonical_one_a_family_and_agree_with_families(plane: &'static ControlPlane) {
    let ips = |list: &[&str]| with_policy(with_addresses(cluster_ip(), list), REQUIRE);
    check(
        plane,
        vec![
            (
                "None and an address",
                ips(&["None", "10.96.0.9"]),
                bad("cluster_ips[0]"),
            ),
            (
                "an address and None",
                ips(&["10.96.0.9", "None"]),
                bad("cluster_ips[1]"),
            ),
            ("lower case", ips(&["none"]), bad("cluster_ips[0]")),
            (
                "two of a family",
                ips(&["10.96.0.9", "10.96.0.10"]),
                bad("cluster_ips[1]"),
            ),
            (
                "three",
                ips(&["10.96.0.9", "fd00:96::9", "10.96.0.10"]),
                bad("cluster_ips"),
            ),
            ("no address", ips(&["web"]), bad("cluster_ips[0]")),
            (
                "against the families",
                with_families(ips(&["10.96.0.9", "fd00:96::9"]), &[6, 4]),
                bad("cluster_ips[0]"),
            ),
            (
                "one family twice",
                with_families(ips(&[]), &[4, 4]),
                bad("ip_families[1]"),
            ),
            (
                "three families",
                with_families(ips(&[]), &[4, 6, 4]),
                bad("ip_families"),
            ),
        ],
    );
    let cluster = plane.dual();
    let spec = with_addresses(cluster_ip(), &["FD00:0096:0:0::00AB"]);
    let spec = cluster.created("web", spec);
    assert_eq!(spec.cluster_ips[0], "fd00:96::ab", "as canonical text");
    let again = with_addresses(cluster_ip(), &["fd00:96:0::ab"]);
    let again = cluster.put("web", again).expect("the same address");
    assert_eq!(spec_of(again), spec, "addresses compare, not texts");
}

fn s_addresses_with_leading_zeros_zones_or_mapped_are_refused(plane: &'static ControlPlane) {
    let rows = [
        "010.096.0.9",
        "10.96.0.09",
        "::ffff:10.96.0.9",
        "::ffff:a60:9",
        "fe80::1%eth0",
        "10.96.9",
        "0x0a.96.0.9",
        " 10.96.0.9",
        "",
    ];
    let rows = rows.into_iter().flat_map(|text| {
        let requested = with(load_balancer(), |s| {
            s.requested_load_balancer_ips = texts(&[text]);
        });
        [
            (
                text,
                with_addresses(cluster_ip(), &[text]),
                bad("cluster_ips[0]"),
            ),
            (text, requested, bad("requested_load_balancer_ips[0]")),
        ]
    });
    check(plane, rows.collect());
}

fn s_what_is_for_load_balancers_is_refused_elsewhere(plane: &'static ControlPlane) {
    let mut rows = Vec::new();
    for spec in [cluster_ip(), node_port(), headless(), alias()] {
        for on in [true, false] {
            let flagged = with(spec.clone(), |s| {
                s.allocate_load_balancer_node_ports = Some(on);
            });
            rows.push((
                "the flag",
                flagged,
                bad("allocate_load_balancer_node_ports"),
            ));
        }
        let class = with(spec.clone(), |s| {
            s.load_balancer_class = Some("a".to_owned());
        });
        rows.push(("a class", class, bad("load_balancer_class")));
        let ranges = with(spec.clone(), |s| {
            s.load_balancer_source_ranges = texts(&["10.0.0.0/8"]);
        });
        rows.push(("source ranges", ranges, bad("load_balancer_source_ranges")));
        let health = with(spec, |s| s.health_check_node_port = 30_002);
        rows.push(("a health-check port", health, bad("health_check_node_port")));
    }
    let class = |text: &str| {
        with(load_balancer(), |s| {
            s.load_balancer_class = Some(text.to_owned());
        })
    };
    rows.extend([
        (
            "a class with a prefix",
            class("example.com/internal"),
            Ok(()),
        ),
        ("an empty class", class(""), bad("load_balancer_class")),
        (
            "a class with a blank",
            class("a b"),
            bad("load_balancer_class"),
        ),
    ]);
    check(plane, rows);
    let cluster = plane.single();
    let spec = cluster.created("web", load_balancer());
    assert_eq!(
        spec.allocate_load_balancer_node_ports,
        Some(true),
        "the default"
    );
}

fn s_source_ranges_are_ranges(plane: &'static ControlPlane) {
    let ranges = |list: &[&str]| {
        with(local_balancer(), |s| {
            s.load_balancer_source_ranges = texts(list);
        })
    };
    let first = || bad("load_balancer_source_ranges[0]");
    check(
        plane,
        vec![
            (
                "both families",
                ranges(&["192.0.2.0/24", "2001:db8::/32"]),
                Ok(()),
            ),
            ("everything", ranges(&["0.0.0.0/0", "::/0"]), Ok(())),
            ("an address alone", ranges(&["192.0.2.1"]), first()),
            ("host bits", ranges(&["192.0.2.1/24"]), first()),
            ("leading zeros", ranges(&["192.0.02.0/24"]), first()),
            ("mapped", ranges(&["::ffff:192.0.2.0/120"]), first()),
            ("too long a prefix", ranges(&["192.0.2.0/33"]), first()),
            ("no range", ranges(&["all"]), first()),
            (
                "the second one",
                ranges(&["192.0.2.0/24", ""]),
                bad("load_balancer_source_ranges[1]"),
            ),
        ],
    );
    let cluster = plane.single();
    let spec = cluster.created("web", ranges(&[" 192.0.2.0/24\t", "2001:DB8::/32"]));
    assert_eq!(
        spec.load_balancer_source_ranges,
        texts(&["192.0.2.0/24", "2001:db8::/32"]),
        "trimmed"
    );
    let cleared = cluster.put("web", ranges(&[])).expect("cleared");
    assert!(spec_of(cleared).load_balancer_source_ranges.is_empty());
}

fn s_requested_balancer_addresses_are_one_a_family(plane: &'static ControlPlane) {
    let asks = |spec, list: &[&str]| {
        with(spec, |s: &mut ServiceSpec| {
            s.requested_load_balancer_ips = texts(list);
        })
    };
    check(
        plane,
        vec![
            ("one", asks(load_balancer(), &["192.0.2.1"]), Ok(())),
            (
                "one a family",
                asks(load_balancer(), &["192.0.2.1", "2001:db8::1"]),
                Ok(()),
            ),
            (
                "two of a family",
                asks(load_balancer(), &["192.0.2.1", "192.0.2.2"]),
                bad("requested_load_balancer_ips[1]"),
            ),
            (
                "three",
                asks(load_balancer(), &["192.0.2.1", "2001:db8::1", "192.0.2.2"]),
                bad("requested_load_balancer_ips"),
            ),
            (
                "not of a load balancer: a warning",
                asks(node_port(), &["192.0.2.1"]),
                Ok(()),
            ),
        ],
    );
}
