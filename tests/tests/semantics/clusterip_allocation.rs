//! A1–A7: which addresses a range has, in which order they are picked, and what several ranges make of each other.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv6Addr};

use portolan_proto::v1;
use portolan_tests::api::block_on;
use portolan_tests::{eventually, holds};
use tonic::{Response, Status};

use crate::cluster::{Cluster, V4, V6};
use crate::expect::{EXHAUSTED, FAILED, Verdict, assert_refused, assert_verdict, count};
use crate::specs::{PREFER, REQUIRE, cluster_ip, with_addresses, with_families, with_policy};
use crate::stores::ControlPlane;

on_every_store!(
    a1_every_address_is_handed_out_once_and_a_released_one_comes_again,
    a2_addresses_that_are_never_given_are_refused_and_change_no_count,
    a3_tiny_ranges_are_full_at_once_and_stay_so,
    a4_the_static_band_is_used_last,
    a4_bands_have_the_published_edges,
    a5_a_range_of_64_bits_does_not_overflow,
    a6_a_second_range_is_used_when_the_first_is_full,
    a7_an_edge_of_one_range_is_usable_in_another,
    a7_a_range_grows_and_shrinks,
    a7_a_range_in_use_is_not_deleted_and_its_holders_are_named,
    a7_a_drained_range_gives_nothing_and_goes_when_it_is_empty,
    a_dual_stack_exhaustion_gives_the_other_family_back,
);

/// Creates Services `{prefix}0` and so on, and gives their first addresses.
fn fill(cluster: &Cluster, prefix: &str, number: u32) -> Vec<IpAddr> {
    let create = |i| {
        let spec = cluster.created(&format!("{prefix}{i}"), cluster_ip());
        address(&spec.cluster_ips[0])
    };
    (0..number).map(create).collect()
}

fn address(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

fn assert_distinct(addresses: &[IpAddr]) {
    let distinct: BTreeSet<_> = addresses.iter().collect();
    assert_eq!(distinct.len(), addresses.len(), "{addresses:?}");
}

/// A create that finds everything full, with exact counts.
fn assert_full(cluster: &Cluster, row: &str, range: &str, used: u64, capacity: u64) {
    let status = cluster.create("one-more", cluster_ip()).expect_err(row);
    for (key, want) in [("used", used), ("quarantined", 0), ("capacity", capacity)] {
        assert_eq!(count(&status, key), want, "{row}: {key}");
    }
    let reason = assert_refused(row, Err::<(), _>(status), EXHAUSTED, range);
    assert_eq!(reason, "CLUSTER_IP_EXHAUSTED", "{row}");
}

fn a1_every_address_is_handed_out_once_and_a_released_one_comes_again(
    plane: &'static ControlPlane,
) {
    for (range, number) in [("10.98.0.0/28", 14), ("fd00:98::/124", 15)] {
        let cluster = plane.cluster(&[range]);
        let addresses = fill(&cluster, "s", number);
        assert_distinct(&addresses);
        assert_full(&cluster, range, range, number.into(), number.into());
        for i in [0, 7, number - 1] {
            cluster.delete(&format!("s{i}")).expect("it goes");
            let spec = cluster.created(&format!("s{i}"), cluster_ip());
            assert_eq!(
                address(&spec.cluster_ips[0]),
                addresses[i as usize],
                "{range}: the only free one"
            );
        }
        assert_full(&cluster, range, range, number.into(), number.into());
    }
}

fn a2_addresses_that_are_never_given_are_refused_and_change_no_count(plane: &'static ControlPlane) {
    let cluster = plane.dual();
    cluster.created("taken", with_addresses(cluster_ip(), &["10.96.0.77"]));
    let before = cluster.status();
    for (row, text, kind) in [
        ("the network", "10.96.0.0", "RANGE"),
        ("broadcast", "10.96.0.255", "RANGE"),
        ("the IPv6 base", "fd00:96::", "RANGE"),
        ("outside", "10.97.0.1", "RANGE"),
        ("just below", "10.95.255.255", "RANGE"),
        ("just above", "10.96.1.0", "RANGE"),
        ("outside, IPv6", "fd00:96::1:0", "RANGE"),
        ("taken", "10.96.0.77", "CLUSTER_IP_IN_USE"),
    ] {
        let answer = cluster.create("web", with_addresses(cluster_ip(), &[text]));
        let reason = assert_refused(row, answer, FAILED, "spec.cluster_ips[0]");
        assert_eq!(reason, kind, "{row}");
        assert_eq!(cluster.status(), before, "{row}");
    }
    for text in ["10.96.0.1", "10.96.0.254", "fd00:96::1", "fd00:96::ffff"] {
        let name = text.replace([':', '.'], "-");
        cluster.created(&format!("s{name}"), with_addresses(cluster_ip(), &[text]));
    }
}

fn a3_tiny_ranges_are_full_at_once_and_stay_so(plane: &'static ControlPlane) {
    for (range, capacity) in [
        ("10.98.0.0/32", 0),
        ("10.98.0.0/31", 0),
        ("fd00:98::/128", 0),
        ("fd00:98::/127", 1),
    ] {
        let cluster = plane.cluster(&[range]);
        fill(&cluster, "s", capacity);
        for round in 0..5 {
            let row = format!("{range}, round {round}");
            assert_full(&cluster, &row, range, capacity.into(), capacity.into());
        }
    }
    let cluster = plane.cluster(&["10.98.0.0/30"]);
    assert_distinct(&fill(&cluster, "s", 2));
    for round in 0..100 {
        assert_full(&cluster, &format!("round {round}"), "10.98.0.0/30", 2, 2);
    }
    for text in ["10.98.0.0", "10.98.0.3"] {
        let answer = cluster.create("web", with_addresses(cluster_ip(), &[text]));
        assert_refused(text, answer, FAILED, "spec.cluster_ips[0]");
    }
}

fn a4_the_static_band_is_used_last(plane: &'static ControlPlane) {
    let cluster = plane.cluster(&["10.98.0.0/25"]);
    let dynamic = fill(&cluster, "s", 110);
    assert_distinct(&dynamic);
    let first = address("10.98.0.17");
    assert!(dynamic.iter().all(|a| *a >= first), "{dynamic:?}");
    for i in 1..=16 {
        let asked = with_addresses(cluster_ip(), &[&format!("10.98.0.{i}")]);
        cluster.created(&format!("fixed-{i}"), asked);
    }
    assert_full(&cluster, "all 126", "10.98.0.0/25", 126, 126);
    cluster.delete("fixed-5").expect("it goes");
    let spec = cluster.created("last", cluster_ip());
    assert_eq!(
        spec.cluster_ips,
        ["10.98.0.5"],
        "the band, once the rest is full"
    );
}

fn a4_bands_have_the_published_edges(plane: &'static ControlPlane) {
    for (range, first_dynamic, picks) in [
        ("10.98.0.0/16", "10.98.1.1", 40),
        ("10.98.0.0/22", "10.98.0.65", 40),
        ("10.98.0.0/26", "10.98.0.17", 46),
        ("10.98.0.0/27", "10.98.0.17", 14),
        ("fd00:98::/112", "fd00:98::101", 40),
        ("fd00:98::/120", "fd00:98::11", 60),
    ] {
        let cluster = plane.cluster(&[range]);
        let first = address(first_dynamic);
        let picked = fill(&cluster, "s", picks);
        assert!(picked.iter().all(|a| *a >= first), "{range}: {picked:?}");
        let asked = with_addresses(cluster_ip(), &[first_dynamic]);
        if !picked.contains(&first) {
            cluster.created("edge", asked);
        }
    }
    let cluster = plane.cluster(&["10.98.0.0/28"]);
    let picked = fill(&cluster, "s", 13);
    let low = picked.iter().filter(|a| **a < address("10.98.0.8")).count();
    assert!(low >= 6, "a /28 has no band: {picked:?}");
}

fn a5_a_range_of_64_bits_does_not_overflow(plane: &'static ControlPlane) {
    let cluster = plane.cluster(&["fd00:98::/64"]);
    let usage = cluster.status().service_ranges;
    assert_eq!(usage[0].capacity, u64::MAX, "2^64 - 1");
    let base = u128::from("fd00:98::".parse::<Ipv6Addr>().expect("an address"));
    let offset = |a: &IpAddr| match a {
        IpAddr::V6(v6) => u128::from(*v6) - base,
        IpAddr::V4(v4) => panic!("{v4}"),
    };
    let picked = fill(&cluster, "s", 60);
    assert!(
        picked.iter().all(|a| (257..1 << 64).contains(&offset(a))),
        "{picked:?}"
    );
    let far = picked.iter().filter(|a| offset(a) > 1 << 32).count();
    assert!(far > 50, "random over all of it: {picked:?}");
    let ok: Verdict = Ok(());
    for (i, (text, want)) in [
        ("fd00:98::", Err((FAILED, "cluster_ips[0]"))),
        ("fd00:98::1", ok),
        ("fd00:98::100", ok),
        ("fd00:98::101", ok),
        ("fd00:98:0:0:ffff:ffff:ffff:ffff", ok),
        ("fd00:98:0:1::", Err((FAILED, "cluster_ips[0]"))),
        (
            "fd00:97:ffff:ffff:ffff:ffff:ffff:ffff",
            Err((FAILED, "cluster_ips[0]")),
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let asked = with_addresses(cluster_ip(), &[text]);
        assert_verdict(text, cluster.create(&format!("edge-{i}"), asked), want);
    }
    assert_refused(
        "wider",
        cluster.add_range("wide", &["fd01::/63"]),
        crate::expect::INVALID,
        "cidrs[0]",
    );
}

fn a6_a_second_range_is_used_when_the_first_is_full(plane: &'static ControlPlane) {
    let (first, second) = ("10.98.0.0/28", "10.99.0.0/28");
    let cluster = plane.cluster(&[first]);
    let mut all = fill(&cluster, "s", 14);
    assert_full(&cluster, "the first", first, 14, 14);
    cluster
        .add_range("second", &[second])
        .expect("a second range");
    all.extend(fill(&cluster, "t", 14));
    assert_distinct(&all);
    assert!(
        all[14..]
            .iter()
            .all(|a| a.to_string().starts_with("10.99.0.")),
        "{all:?}"
    );
    assert_full(&cluster, "both", "10.98.0.0/28,10.99.0.0/28", 28, 28);
    cluster.delete("s3").expect("it goes");
    let spec = cluster.created("again", cluster_ip());
    assert_eq!(
        address(&spec.cluster_ips[0]),
        all[3],
        "either range, wherever there is room"
    );
}

fn a7_an_edge_of_one_range_is_usable_in_another(plane: &'static ControlPlane) {
    let cluster = plane.cluster(&["192.168.1.0/24"]);
    let asked = |text: &str| with_addresses(cluster_ip(), &[text]);
    for (name, text) in [("low", "192.168.1.0"), ("high", "192.168.1.255")] {
        assert_refused(
            text,
            cluster.create(name, asked(text)),
            FAILED,
            "cluster_ips[0]",
        );
    }
    cluster
        .add_range("around", &["192.168.0.0/16"])
        .expect("a range around it");
    for (name, text) in [("low", "192.168.1.0"), ("high", "192.168.1.255")] {
        cluster.created(name, asked(text));
    }
    let answer = cluster.create("edge", asked("192.168.0.0"));
    assert_refused("its own edge", answer, FAILED, "cluster_ips[0]");
    assert_eq!(cluster.audit(false).total, 0);
}

fn remove(cluster: &Cluster, id: &str, drain: bool) -> Result<v1::ServiceCidr, Status> {
    let request = v1::DeleteServiceCidrRequest {
        name: format!("{}/serviceCidrs/{id}", cluster.name),
        drain,
        ..v1::DeleteServiceCidrRequest::default()
    };
    block_on(cluster.ranges().delete_service_cidr(request)).map(Response::into_inner)
}

fn a7_a_range_grows_and_shrinks(plane: &'static ControlPlane) {
    let cluster = plane.cluster(&["10.98.0.0/28"]);
    fill(&cluster, "s", 14);
    cluster
        .add_range("around", &["10.98.0.0/24"])
        .expect("it grows");
    // What is counted once is counted once: 254 in all, whatever overlaps.
    assert_distinct(&fill(&cluster, "t", 240));
    assert_full(&cluster, "grown", "10.98.0.0/24", 254, 254);
    assert_refused(
        "in use",
        remove(&cluster, "around", false),
        FAILED,
        "serviceCidrs/around",
    );
    for i in 0..240 {
        cluster.delete(&format!("t{i}")).expect("it goes");
    }
    for service in cluster.list() {
        let held = address(&service.spec.expect("a specification").cluster_ips[0]);
        assert!(held < address("10.98.0.16"), "{held}");
    }
    remove(&cluster, "around", false).expect("every address in use lies in the other one");
    assert_full(&cluster, "shrunk", "10.98.0.0/28", 14, 14);
}

fn a7_a_range_in_use_is_not_deleted_and_its_holders_are_named(plane: &'static ControlPlane) {
    let cluster = plane.cluster(&["10.98.0.0/24"]);
    fill(&cluster, "s", 12);
    let status = remove(&cluster, "default", false).expect_err("in use");
    let named = crate::expect::fields(&status);
    let owners = named
        .iter()
        .filter(|subject| subject.contains("/services/s"))
        .count();
    assert_eq!(owners, 10, "{named:?}");
    cluster
        .add_range("equal", &["10.98.0.0/24"])
        .expect("ranges may be equal");
    remove(&cluster, "default", false).expect("the equal one keeps them");
    assert_refused(
        "the last one",
        remove(&cluster, "equal", false),
        FAILED,
        "serviceCidrs/equal",
    );
}

fn a7_a_drained_range_gives_nothing_and_goes_when_it_is_empty(plane: &'static ControlPlane) {
    let cluster = plane.cluster(&["10.98.0.0/28"]);
    fill(&cluster, "s", 3);
    cluster
        .add_range("new", &["10.99.0.0/28"])
        .expect("the new one");
    let draining = remove(&cluster, "default", true).expect("it drains");
    let state = |range: v1::ServiceCidr| range.status.expect("a status").state();
    assert_eq!(state(draining), v1::ServiceCidrState::Draining);
    let picked = fill(&cluster, "t", 14);
    assert!(
        picked.iter().all(|a| a.to_string().starts_with("10.99.0.")),
        "{picked:?}"
    );
    let status = cluster
        .create("full", cluster_ip())
        .expect_err("only the new one counts");
    assert_eq!(count(&status, "capacity"), 14);
    let answer = cluster.create("full", with_addresses(cluster_ip(), &["10.98.0.14"]));
    assert_refused("asked for", answer, FAILED, "cluster_ips[0]");
    let range = || {
        let request = v1::GetServiceCidrRequest {
            name: format!("{}/serviceCidrs/default", cluster.name),
            ..v1::GetServiceCidrRequest::default()
        };
        block_on(cluster.ranges().get_service_cidr(request)).map(Response::into_inner)
    };
    assert_eq!(
        range()
            .expect("held, so there")
            .status
            .expect("a status")
            .usage[0]
            .used,
        3
    );
    cluster
        .patch("s0", &["labels"], cluster_ip())
        .expect("what is held may be written");
    for i in 0..3 {
        cluster.delete(&format!("s{i}")).expect("it goes");
    }
    // It is there for its grace, ten seconds, and then goes by itself.
    assert!(range().is_ok(), "the grace is not over");
    eventually("the range goes", || {
        holds(
            range().is_err_and(|s| s.code() == tonic::Code::NotFound),
            "it is still there",
        )
    });
}

fn a_dual_stack_exhaustion_gives_the_other_family_back(plane: &'static ControlPlane) {
    for (ranges, full) in [
        ([V4, "fd00:98::/128"], "fd00:98::/128"),
        (["10.98.0.0/31", V6], "10.98.0.0/31"),
    ] {
        let cluster = plane.cluster(&ranges);
        for order in [[4, 6], [6, 4]] {
            for policy in [REQUIRE, PREFER] {
                let dual = with_policy(with_families(cluster_ip(), &order), policy);
                let answer = cluster.create("web", dual);
                assert_refused("one half is full", answer, EXHAUSTED, full);
                assert_eq!(cluster.addresses_held(), 0, "all or nothing");
            }
        }
    }
}
