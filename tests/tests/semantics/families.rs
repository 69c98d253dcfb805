//! F1–F9: families, their policy, and the addresses that follow.

use portolan_proto::v1::ServiceSpec;

use crate::cluster::{Cluster, V4, V6, spec_of};
use crate::expect::{FAILED, INVALID, assert_refused};
use crate::specs::{
    PREFER, REQUIRE, SINGLE, cluster_ip, families, headless, with, with_addresses, with_families,
    with_policy,
};
use crate::stores::ControlPlane;

on_every_store!(
    f1_an_unset_policy_is_single_stack_and_headless_by_hand_requires_both_families,
    f2_unset_families_follow_the_addresses_else_the_default,
    f3_a_dual_policy_with_one_family_known_gets_the_other_as_secondary,
    f4_require_dual_stack_on_a_single_stack_cluster_is_refused,
    f5_prefer_dual_stack_on_a_single_stack_cluster_stays_as_it_is,
    f6_a_family_that_is_not_configured_is_refused,
    f7_single_stack_with_two_families_or_addresses_is_refused,
    f8_an_update_without_a_policy_keeps_it,
    f9_prefer_before_and_after_changes_nothing_though_the_cluster_became_dual_stack,
);

/// Headless without a selector.
fn by_hand() -> ServiceSpec {
    with(headless(), |s| s.selector.clear())
}

/// Policy, families, and the families of the addresses.
pub(crate) fn assert_stack(row: &str, spec: &ServiceSpec, policy: impl Into<i32>, want: &[u8]) {
    assert_eq!(spec.ip_family_policy, policy.into(), "{row}: policy");
    assert_eq!(families(spec), want, "{row}: families");
    if spec.cluster_ips == ["None"] {
        return;
    }
    let of = |text: &String| if text.contains(':') { 6 } else { 4 };
    let addresses: Vec<_> = spec.cluster_ips.iter().map(of).collect();
    assert_eq!(addresses, want, "{row}: addresses {:?}", spec.cluster_ips);
}

fn f1_an_unset_policy_is_single_stack_and_headless_by_hand_requires_both_families(
    plane: &'static ControlPlane,
) {
    for (ranges, first, both) in [
        (&[V4][..], 4, [4, 6]),
        (&[V6], 6, [6, 4]),
        (&[V4, V6], 4, [4, 6]),
        (&[V6, V4], 6, [6, 4]),
    ] {
        let cluster = plane.cluster(ranges);
        let row = format!("{ranges:?}");
        assert_stack(
            &row,
            &cluster.created("web", cluster_ip()),
            SINGLE,
            &[first],
        );
        assert_stack(&row, &cluster.created("less", headless()), SINGLE, &[first]);
        assert_stack(&row, &cluster.created("hand", by_hand()), REQUIRE, &both);
    }
}

fn f2_unset_families_follow_the_addresses_else_the_default(plane: &'static ControlPlane) {
    let cluster = plane.dual();
    let (four, six) = ("10.96.0.4", "fd00:96::4");
    for (name, addresses, want) in [
        ("nothing", &[][..], &[4][..]),
        ("four", &[four], &[4]),
        ("six", &[six], &[6]),
    ] {
        let spec = cluster.created(name, with_addresses(cluster_ip(), addresses));
        assert_stack(name, &spec, SINGLE, want);
        assert!(
            addresses.is_empty() || spec.cluster_ips == addresses,
            "{name}"
        );
    }
    for (name, addresses, want) in [
        ("four-six", ["10.96.0.5", "fd00:96::5"], [4, 6]),
        ("six-four", ["fd00:96::6", "10.96.0.6"], [6, 4]),
    ] {
        let asked = with_policy(with_addresses(cluster_ip(), &addresses), REQUIRE);
        let spec = cluster.created(name, asked);
        assert_stack(name, &spec, REQUIRE, &want);
        assert_eq!(spec.cluster_ips, addresses, "{name}");
    }
}

fn f3_a_dual_policy_with_one_family_known_gets_the_other_as_secondary(
    plane: &'static ControlPlane,
) {
    let cluster = plane.dual();
    for policy in [PREFER, REQUIRE] {
        for (row, spec, want) in [
            ("nothing known", cluster_ip(), [4, 6]),
            ("IPv4 known", with_families(cluster_ip(), &[4]), [4, 6]),
            ("IPv6 known", with_families(cluster_ip(), &[6]), [6, 4]),
            ("both known", with_families(cluster_ip(), &[6, 4]), [6, 4]),
            (
                "an IPv4 address",
                with_addresses(cluster_ip(), &["10.96.0.9"]),
                [4, 6],
            ),
            (
                "an IPv6 address",
                with_addresses(cluster_ip(), &["fd00:96::9"]),
                [6, 4],
            ),
            ("headless", headless(), [4, 6]),
            (
                "headless, IPv6 known",
                with_families(headless(), &[6]),
                [6, 4],
            ),
        ] {
            let asked = spec.cluster_ips.clone();
            let spec = cluster.created("web", with_policy(spec, policy));
            assert_stack(row, &spec, policy, &want);
            assert_eq!(
                spec.cluster_ips[..asked.len()],
                asked,
                "{row}: what was asked for"
            );
            cluster.delete("web").expect(row);
        }
    }
}

fn f4_require_dual_stack_on_a_single_stack_cluster_is_refused(plane: &'static ControlPlane) {
    for ranges in [[V4], [V6]] {
        let cluster = plane.cluster(&ranges);
        for (row, spec) in [
            ("ClusterIP", cluster_ip()),
            ("headless with a selector", headless()),
        ] {
            let answer = cluster.create("web", with_policy(spec, REQUIRE));
            let reason = assert_refused(row, answer, FAILED, "spec.ip_family_policy");
            assert_eq!(reason, "DUAL_STACK", "{row}");
        }
        let exempt = cluster.created("hand", with_policy(by_hand(), REQUIRE));
        assert_eq!(
            families(&exempt).len(),
            2,
            "headless without a selector is exempt"
        );
    }
}

fn f5_prefer_dual_stack_on_a_single_stack_cluster_stays_as_it_is(plane: &'static ControlPlane) {
    for (ranges, only) in [([V4], 4), ([V6], 6)] {
        let cluster = plane.cluster(&ranges);
        for (name, spec) in [("web", cluster_ip()), ("less", headless())] {
            let spec = cluster.created(name, with_policy(spec, PREFER));
            assert_stack(name, &spec, PREFER, &[only]);
        }
    }
}

fn f6_a_family_that_is_not_configured_is_refused(plane: &'static ControlPlane) {
    for (ranges, other, address) in [([V4], 6, "fd00:96::9"), ([V6], 4, "10.96.0.9")] {
        let cluster = plane.cluster(&ranges);
        let both = [if other == 6 { 4 } else { 6 }, other];
        for (row, spec, field) in [
            (
                "a family",
                with_families(cluster_ip(), &[other]),
                "ip_families[0]",
            ),
            (
                "an address",
                with_addresses(cluster_ip(), &[address]),
                "cluster_ips[0]",
            ),
            (
                "as the second one, though preferred only",
                with_policy(with_families(cluster_ip(), &both), PREFER),
                "ip_families[1]",
            ),
            (
                "of a headless one",
                with_families(headless(), &[other]),
                "ip_families[0]",
            ),
        ] {
            let reason = assert_refused(row, cluster.create("web", spec), FAILED, field);
            assert_eq!(reason, "FAMILY_NOT_CONFIGURED", "{row}");
        }
    }
}

fn f7_single_stack_with_two_families_or_addresses_is_refused(plane: &'static ControlPlane) {
    let cluster = plane.dual();
    let two_families = with_families(cluster_ip(), &[4, 6]);
    let two_addresses = with_addresses(cluster_ip(), &["10.96.0.9", "fd00:96::9"]);
    let of_headless = with_families(headless(), &[4, 6]);
    for (row, spec) in [
        ("two families", two_families),
        ("two addresses", two_addresses),
        ("headless", of_headless),
    ] {
        let said = cluster.create("web", with_policy(spec.clone(), SINGLE));
        assert_refused(row, said, INVALID, "spec.ip_family_policy");
        let unset = cluster.create("web", spec);
        assert_refused(
            &format!("{row}, policy unset"),
            unset,
            INVALID,
            "spec.ip_family_policy",
        );
    }
}

fn f8_an_update_without_a_policy_keeps_it(plane: &'static ControlPlane) {
    let cluster = plane.dual();
    for policy in [SINGLE, PREFER, REQUIRE] {
        let before = cluster.created("web", with_policy(cluster_ip(), policy));
        let put = spec_of(cluster.put("web", cluster_ip()).expect("as a whole"));
        assert_eq!(put, before, "{policy:?}: as a whole");
        let changed = with(before.clone(), |s| s.publish_not_ready_addresses = true);
        let unset = with(cluster_ip(), |s| s.publish_not_ready_addresses = true);
        let paths = ["spec.publish_not_ready_addresses", "spec.ip_family_policy"];
        let patched = spec_of(cluster.patch("web", &paths, unset).expect("by mask"));
        assert_eq!(patched, changed, "{policy:?}: by mask");
        cluster.delete("web").expect("it goes");
    }
}

/// A single-stack cluster becomes dual-stack.
fn become_dual(cluster: &Cluster) {
    cluster
        .add_range("six", &[V6])
        .expect("a range of the other family");
    cluster.configure(&[4, 6]).expect("a second family");
}

fn f9_prefer_before_and_after_changes_nothing_though_the_cluster_became_dual_stack(
    plane: &'static ControlPlane,
) {
    let cluster = plane.single();
    let prefers = with_policy(cluster_ip(), PREFER);
    let before = cluster.created("web", prefers.clone());
    let single = cluster.created("single", cluster_ip());
    let less = cluster.created("less", with_policy(headless(), PREFER));
    become_dual(&cluster);
    for (row, answer) in [
        ("left out", cluster.put("web", prefers)),
        ("sent back", cluster.put("web", before.clone())),
        (
            "another field",
            cluster.patch("web", &["labels"], ServiceSpec::default()),
        ),
    ] {
        assert_eq!(spec_of(answer.expect(row)), before, "{row}");
    }
    assert_eq!(
        spec_of(cluster.put("single", cluster_ip()).expect("single")),
        single
    );
    let again = with_policy(headless(), PREFER);
    assert_eq!(spec_of(cluster.put("less", again).expect("headless")), less);
    let new = cluster.created("new", with_policy(cluster_ip(), PREFER));
    assert_stack("a new one gets both", &new, PREFER, &[4, 6]);
}
