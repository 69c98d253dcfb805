//! F1–F16: families, their policy, and the addresses that follow.

use portolan_proto::v1::ServiceSpec;

use crate::cluster::{Cluster, V4, V6, spec_of, texts};
use crate::expect::{FAILED, INVALID, Verdict, assert_refused, assert_verdict};
use crate::specs::{
    PREFER, REQUIRE, SINGLE, alias, cluster_ip, families, headless, with, with_addresses,
    with_families, with_policy,
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
    f10_an_upgrade_allocates_the_secondary_and_leaves_the_primary,
    f11_a_downgrade_trims_to_the_primary_and_releases_the_secondary,
    f12_a_shorter_list_needs_the_policy_single_stack,
    f13_an_address_or_family_is_not_changed_in_place,
    f14_a_primary_address_left_out_is_kept,
    f15_families_of_a_headless_service_change_freely,
    f16_headless_and_not_headless_are_two_worlds,
);

/// Headless without a selector.
fn by_hand() -> ServiceSpec {
    with(headless(), |s| s.selector.clear())
}

/// Policy, families, and the families of the addresses.
fn assert_stack(row: &str, spec: &ServiceSpec, policy: impl Into<i32>, want: &[u8]) {
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
        assert_stack(&row, &cluster.created("web", cluster_ip()), SINGLE, &[first]);
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
        assert!(addresses.is_empty() || spec.cluster_ips == addresses, "{name}");
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
            ("an IPv4 address", with_addresses(cluster_ip(), &["10.96.0.9"]), [4, 6]),
            ("an IPv6 address", with_addresses(cluster_ip(), &["fd00:96::9"]), [6, 4]),
            ("headless", headless(), [4, 6]),
            ("headless, IPv6 known", with_families(headless(), &[6]), [6, 4]),
        ] {
            let asked = spec.cluster_ips.clone();
            let spec = cluster.created("web", with_policy(spec, policy));
            assert_stack(row, &spec, policy, &want);
            assert_eq!(spec.cluster_ips[..asked.len()], asked, "{row}: what was asked for");
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
        assert_eq!(families(&exempt).len(), 2, "headless without a selector is exempt");
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
            ("a family", with_families(cluster_ip(), &[other]), "ip_families[0]"),
            ("an address", with_addresses(cluster_ip(), &[address]), "cluster_ips[0]"),
            (
                "as the second one, though preferred only",
                with_policy(with_families(cluster_ip(), &both), PREFER),
                "ip_families[1]",
            ),
            ("of a headless one", with_families(headless(), &[other]), "ip_families[0]"),
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
        assert_refused(&format!("{row}, policy unset"), unset, INVALID, "spec.ip_family_policy");
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
    cluster.add_range("six", &[V6]).expect("a range of the other family");
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
        ("another field", cluster.patch("web", &["labels"], ServiceSpec::default())),
    ] {
        assert_eq!(spec_of(answer.expect(row)), before, "{row}");
    }
    assert_eq!(spec_of(cluster.put("single", cluster_ip()).expect("single")), single);
    let again = with_policy(headless(), PREFER);
    assert_eq!(spec_of(cluster.put("less", again).expect("headless")), less);
    let new = cluster.created("new", with_policy(cluster_ip(), PREFER));
    assert_stack("a new one gets both", &new, PREFER, &[4, 6]);
}

fn f10_an_upgrade_allocates_the_secondary_and_leaves_the_primary(plane: &'static ControlPlane) {
    let cluster = plane.dual();
    for (row, change, want) in [
        ("policy Prefer", with_policy(cluster_ip(), PREFER), None),
        ("policy Require", with_policy(cluster_ip(), REQUIRE), None),
        (
            "policy and families",
            with_policy(with_families(cluster_ip(), &[4, 6]), REQUIRE),
            None,
        ),
        (
            "policy and an address that is asked for",
            with_policy(with_addresses(cluster_ip(), &["PRIMARY", "fd00:96::77"]), PREFER),
            Some("fd00:96::77"),
        ),
    ] {
        let before = cluster.created("web", cluster_ip());
        let primary = before.cluster_ips[0].clone();
        let change = with(change, |s| {
            s.cluster_ips.iter_mut().take(1).for_each(|ip| ip.clone_from(&primary));
        });
        let after = spec_of(cluster.put("web", change).expect(row));
        assert_eq!(families(&after), [4, 6], "{row}");
        assert_eq!(after.cluster_ips.len(), 2, "{row}");
        assert_eq!(after.cluster_ips[0], primary, "{row}: the primary stays");
        assert!(want.is_none_or(|want| after.cluster_ips[1] == want), "{row}: {after:?}");
        cluster.delete("web").expect(row);
    }
    for (row, spec) in [
        ("a second family", with_families(cluster_ip(), &[4, 6])),
        ("a taken address", with_addresses(cluster_ip(), &["", "fd00:96::99"])),
    ] {
        let before = cluster.created("web", cluster_ip());
        let spec = with(spec, |s| {
            s.cluster_ips.iter_mut().take(1).for_each(|ip| ip.clone_from(&before.cluster_ips[0]));
        });
        let kept_single = cluster.put("web", spec.clone());
        assert_refused(row, kept_single, INVALID, "spec.ip_family_policy");
        let other = with_addresses(cluster_ip(), &["fd00:96::99"]);
        cluster.created("other", other);
        let want: Verdict = if row == "a taken address" {
            Err((FAILED, "cluster_ips[1]"))
        } else {
            Ok(())
        };
        assert_verdict(row, cluster.put("web", with_policy(spec, PREFER)), want);
        cluster.delete("web").expect(row);
        cluster.delete("other").expect(row);
    }
}

fn f11_a_downgrade_trims_to_the_primary_and_releases_the_secondary(plane: &'static ControlPlane) {
    let cluster = plane.dual();
    for (row, order) in [("IPv4 first", [4, 6]), ("IPv6 first", [6, 4])] {
        let dual = with_policy(with_families(cluster_ip(), &order), REQUIRE);
        let before = cluster.created("web", dual);
        let single = with_policy(before.clone(), SINGLE);
        let after = spec_of(cluster.put("web", single).expect(row));
        assert_stack(row, &after, SINGLE, &order[..1]);
        assert_eq!(after.cluster_ips[..], before.cluster_ips[..1], "{row}");
        let freed = with_addresses(cluster_ip(), &[&before.cluster_ips[1]]);
        cluster.created("heir", freed);
        cluster.delete("heir").expect(row);
        cluster.delete("web").expect(row);
    }
    let by_lists = cluster.created("lists", with_policy(cluster_ip(), REQUIRE));
    let shorter = with(with_policy(by_lists.clone(), SINGLE), |s| {
        s.cluster_ips.truncate(1);
        s.ip_families.truncate(1);
    });
    let after = spec_of(cluster.put("lists", shorter).expect("shorter lists and the policy"));
    assert_eq!(after.cluster_ips[..], by_lists.cluster_ips[..1]);
    let less = with_policy(with_families(headless(), &[6, 4]), REQUIRE);
    let less = cluster.created("less", less);
    let after = spec_of(cluster.put("less", with_policy(less, SINGLE)).expect("headless"));
    assert_stack("headless", &after, SINGLE, &[6]);
}

fn f12_a_shorter_list_needs_the_policy_single_stack(plane: &'static ControlPlane) {
    let cluster = plane.dual();
    for policy in [PREFER, REQUIRE] {
        let before = cluster.created("web", with_policy(cluster_ip(), policy));
        let addresses = with(before.clone(), |s| s.cluster_ips.truncate(1));
        let families = with(before.clone(), |s| s.ip_families.truncate(1));
        let both = with(addresses.clone(), |s| s.ip_families.truncate(1));
        for (row, spec) in [("addresses", addresses), ("families", families), ("both", both)] {
            let answer = cluster.put("web", spec.clone());
            assert_refused(row, answer, INVALID, "spec.ip_family_policy");
            let unset = with(spec, |s| s.ip_family_policy = 0);
            let answer = cluster.put("web", unset);
            assert_refused(&format!("{row}, unset"), answer, INVALID, "spec.ip_family_policy");
        }
        assert_eq!(cluster.spec("web"), before, "{policy:?}: nothing changed");
        cluster.delete("web").expect("it goes");
    }
}

fn f13_an_address_or_family_is_not_changed_in_place(plane: &'static ControlPlane) {
    let cluster = plane.dual();
    let dual = cluster.created("dual", with_policy(cluster_ip(), REQUIRE));
    let single = cluster.created("single", cluster_ip());
    let swap = |list: &[String]| list.iter().rev().cloned().collect::<Vec<_>>();
    let primary = with(dual.clone(), |s| s.cluster_ips[0] = "10.96.0.250".to_owned());
    let secondary = with(dual.clone(), |s| s.cluster_ips[1] = "fd00:96::250".to_owned());
    let swapped = with(dual.clone(), |s| {
        s.cluster_ips = swap(&dual.cluster_ips);
        s.ip_families.reverse();
    });
    let order = with(dual.clone(), |s| {
        s.cluster_ips.clear();
        s.ip_families.reverse();
    });
    let other = with_addresses(cluster_ip(), &["fd00:96::9"]);
    let family = with_families(cluster_ip(), &[6]);
    for (row, name, spec, field) in [
        ("the primary address", "dual", primary, "cluster_ips[0]"),
        ("the secondary address", "dual", secondary, "cluster_ips[1]"),
        ("both, the other way round", "dual", swapped, "cluster_ips[0]"),
        ("the order of families", "dual", order, ""),
        ("another address", "single", with_addresses(cluster_ip(), &["10.96.0.251"]), "cluster_ips[0]"),
        ("an address of the other family", "single", other, "cluster_ips[0]"),
        ("the other family", "single", family, ""),
    ] {
        assert_refused(row, cluster.put(name, spec), INVALID, field);
    }
    assert_eq!(cluster.spec("dual"), dual);
    assert_eq!(cluster.spec("single"), single);
}

fn f14_a_primary_address_left_out_is_kept(plane: &'static ControlPlane) {
    let cluster = plane.dual();
    for (name, spec) in [
        ("single", cluster_ip()),
        ("dual", with_policy(cluster_ip(), REQUIRE)),
    ] {
        let before = cluster.created(name, spec);
        let cleared = with(before.clone(), |s| s.cluster_ips.clear());
        let put = cluster.put(name, cleared).expect(name);
        assert_eq!(spec_of(put), before, "{name}: as a whole");
        let patch = cluster.patch(name, &["spec.cluster_ips"], ServiceSpec::default());
        assert_eq!(spec_of(patch.expect(name)), before, "{name}: by mask");
    }
}

fn f15_families_of_a_headless_service_change_freely(plane: &'static ControlPlane) {
    let cluster = plane.dual();
    cluster.created("less", headless());
    for (row, policy, order) in [
        ("the other one", SINGLE, &[6][..]),
        ("and back", SINGLE, &[4]),
        ("both", PREFER, &[4, 6]),
        ("the other way round", PREFER, &[6, 4]),
        ("and again", REQUIRE, &[4, 6]),
        ("one of them, not the first", SINGLE, &[6]),
    ] {
        let spec = with_policy(with_families(headless(), order), policy);
        let after = spec_of(cluster.put("less", spec).expect(row));
        assert_stack(row, &after, policy, order);
    }
}

fn f16_headless_and_not_headless_are_two_worlds(plane: &'static ControlPlane) {
    let cluster = plane.single();
    let before = cluster.created("web", cluster_ip());
    let less = cluster.created("less", headless());
    for (row, name, spec) in [
        ("to headless", "web", headless()),
        ("with its address, too", "web", with_addresses(before.clone(), &["None"])),
        ("from headless", "less", with_addresses(headless(), &["10.96.0.9"])),
    ] {
        let reason = assert_refused(row, cluster.put(name, spec), INVALID, "spec.cluster_ips");
        assert_eq!(reason, "FIELD_IMMUTABLE", "{row}");
    }
    assert_eq!(cluster.spec("web"), before);
    assert_eq!(cluster.spec("less"), less);
    // The way round: two writes by way of an ExternalName.
    cluster.put("web", alias()).expect("to ExternalName");
    let after = spec_of(cluster.put("web", headless()).expect("to headless"));
    assert_eq!(after.cluster_ips, texts(&["None"]));
    cluster.put("less", alias()).expect("to ExternalName");
    let after = spec_of(cluster.put("less", cluster_ip()).expect("to ClusterIP"));
    assert_stack("from headless", &after, SINGLE, &[4]);
}
