//! F10–F16: how a Service gains and loses families and addresses, and what it keeps.

use portolan_proto::v1::ServiceSpec;

use crate::cluster::{spec_of, texts};
use crate::expect::{FAILED, INVALID, Verdict, assert_refused, assert_verdict};
use crate::families::assert_stack;
use crate::specs::{
    PREFER, REQUIRE, SINGLE, alias, cluster_ip, families, headless, with, with_addresses,
    with_families, with_policy,
};
use crate::stores::ControlPlane;

on_every_store!(
    f10_an_upgrade_allocates_the_secondary_and_leaves_the_primary,
    f10_a_second_family_or_address_needs_a_policy_and_room,
    f11_a_downgrade_trims_to_the_primary_and_releases_the_secondary,
    f12_a_shorter_list_needs_the_policy_single_stack,
    f13_an_address_or_family_is_not_changed_in_place,
    f14_a_primary_address_left_out_is_kept,
    f15_families_of_a_headless_service_change_freely,
    f16_headless_and_not_headless_are_two_worlds,
);

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
            with_policy(
                with_addresses(cluster_ip(), &["PRIMARY", "fd00:96::77"]),
                PREFER,
            ),
            Some("fd00:96::77"),
        ),
    ] {
        let before = cluster.created("web", cluster_ip());
        let primary = before.cluster_ips[0].clone();
        let change = with(change, |s| {
            s.cluster_ips
                .iter_mut()
                .take(1)
                .for_each(|ip| ip.clone_from(&primary));
        });
        let after = spec_of(cluster.put("web", change).expect(row));
        assert_eq!(families(&after), [4, 6], "{row}");
        assert_eq!(after.cluster_ips.len(), 2, "{row}");
        assert_eq!(after.cluster_ips[0], primary, "{row}: the primary stays");
        assert!(
            want.is_none_or(|want| after.cluster_ips[1] == want),
            "{row}: {after:?}"
        );
        cluster.delete("web").expect(row);
    }
}

fn f10_a_second_family_or_address_needs_a_policy_and_room(plane: &'static ControlPlane) {
    let cluster = plane.dual();
    for (row, spec) in [
        ("a second family", with_families(cluster_ip(), &[4, 6])),
        (
            "a taken address",
            with_addresses(cluster_ip(), &["", "fd00:96::99"]),
        ),
    ] {
        let before = cluster.created("web", cluster_ip());
        let spec = with(spec, |s| {
            s.cluster_ips
                .iter_mut()
                .take(1)
                .for_each(|ip| ip.clone_from(&before.cluster_ips[0]));
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
    let after = spec_of(
        cluster
            .put("lists", shorter)
            .expect("shorter lists and the policy"),
    );
    assert_eq!(after.cluster_ips[..], by_lists.cluster_ips[..1]);
    let less = with_policy(with_families(headless(), &[6, 4]), REQUIRE);
    let less = cluster.created("less", less);
    let after = spec_of(
        cluster
            .put("less", with_policy(less, SINGLE))
            .expect("headless"),
    );
    assert_stack("headless", &after, SINGLE, &[6]);
}

fn f12_a_shorter_list_needs_the_policy_single_stack(plane: &'static ControlPlane) {
    let cluster = plane.dual();
    for policy in [PREFER, REQUIRE] {
        let before = cluster.created("web", with_policy(cluster_ip(), policy));
        let addresses = with(before.clone(), |s| s.cluster_ips.truncate(1));
        let families = with(before.clone(), |s| s.ip_families.truncate(1));
        let both = with(addresses.clone(), |s| s.ip_families.truncate(1));
        for (row, spec) in [
            ("addresses", addresses),
            ("families", families),
            ("both", both),
        ] {
            // What is left out is kept.
            let unset = with(spec.clone(), |s| s.ip_family_policy = 0);
            for spec in [spec, unset] {
                let after = spec_of(cluster.put("web", spec).expect(row));
                assert_eq!(after, before, "{row}");
            }
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
    // Of the static bands: an address above them may be the very one that was picked at random.
    let primary = with(dual.clone(), |s| {
        "10.96.0.12".clone_into(&mut s.cluster_ips[0]);
    });
    let secondary = with(dual.clone(), |s| {
        "fd00:96::12".clone_into(&mut s.cluster_ips[1]);
    });
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
        (
            "both, the other way round",
            "dual",
            swapped,
            "cluster_ips[0]",
        ),
        ("the order of families", "dual", order, ""),
        (
            "another address",
            "single",
            with_addresses(cluster_ip(), &["10.96.0.13"]),
            "cluster_ips[0]",
        ),
        (
            "an address of the other family",
            "single",
            other,
            "cluster_ips[0]",
        ),
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
        (
            "with its address, too",
            "web",
            with_addresses(before.clone(), &["None"]),
        ),
        (
            "from headless",
            "less",
            with_addresses(headless(), &["10.96.0.9"]),
        ),
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
