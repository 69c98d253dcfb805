//! Ranges for virtual addresses: exact exhaustion, bands, overlap, growth and the way out.

use std::collections::BTreeSet;
use std::net::IpAddr;

use portolan_model::Refusal;

use super::world::{World, cluster_ip, ip, name, node_port, reason, with_address};
use crate::{Action, DRAIN_GRACE, Delete, Outcome, ServiceCidrAction, Verb};

fn add(world: &mut World, range: &str, cidrs: &[&str]) -> Result<Outcome, Refusal> {
    world.run(Action::ServiceCidr(ServiceCidrAction::Create {
        name: name(range),
        cidrs: cidrs.iter().map(|cidr| cidr.parse().unwrap()).collect(),
    }))
}

fn remove(world: &mut World, range: &str, drain: bool) -> Result<Outcome, Refusal> {
    world.run(Action::ServiceCidr(ServiceCidrAction::Delete {
        name: name(range),
        drain,
        delete: Delete::default(),
    }))
}

fn sweep(world: &mut World, range: &str) -> Verb {
    let names = vec![name(range)];
    let action = Action::ServiceCidr(ServiceCidrAction::RemoveDrained { names });
    world.run(action).unwrap().verb
}

/// Creates Services until there is no address left.
fn fill(world: &mut World, prefix: &str) -> Vec<IpAddr> {
    let mut all = Vec::new();
    loop {
        match world.create(&format!("{prefix}{}", all.len()), cluster_ip()) {
            Ok(service) => all.push(service.spec.cluster_ips.addresses()[0]),
            Err(refusal) => {
                assert_eq!(reason(&refusal), "CLUSTER_IP_EXHAUSTED");
                return all;
            }
        }
    }
}

#[test]
fn every_address_is_given_once_and_then_the_range_is_full() {
    for (cidr, size) in [
        ("10.0.0.0/32", 0),
        ("10.0.0.0/31", 0),
        ("10.0.0.0/30", 2),
        ("10.0.0.0/28", 14),
        ("10.0.0.0/25", 126),
        ("255.255.255.255/32", 0),
    ] {
        let mut world = World::new(cidr, (30000, 32767));
        let all = fill(&mut world, "s");
        assert_eq!(all.len(), size, "{cidr}");
        assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), size, "{cidr}");
        for i in 0..100 {
            let refusal = world.create(&format!("late{i}"), cluster_ip());
            assert_eq!(
                reason(&refusal.unwrap_err()),
                "CLUSTER_IP_EXHAUSTED",
                "{cidr}"
            );
        }
        if let Some(last) = all.last() {
            world.delete(&format!("s{}", size - 1)).unwrap();
            let next = world.create("next", cluster_ip()).unwrap();
            assert_eq!(next.spec.cluster_ips.addresses(), [*last], "{cidr}");
        }
    }
}

#[test]
fn what_is_no_address_of_a_range_is_refused_and_counts_nothing() {
    let mut world = World::new("10.0.0.0/24", (30000, 32767));
    add(&mut world, "six", &["fd00::/120"]).unwrap();
    world.create("holder", with_address("10.0.0.9")).unwrap();
    let before = world.state.digest();
    for (what, address, why) in [
        ("the network address", "10.0.0.0", "RANGE"),
        ("the broadcast address", "10.0.0.255", "RANGE"),
        ("outside", "10.0.1.1", "RANGE"),
        ("taken", "10.0.0.9", "CLUSTER_IP_IN_USE"),
    ] {
        let refusal = world.create("asking", with_address(address)).unwrap_err();
        assert_eq!(reason(&refusal), why, "{what}");
        assert_eq!(world.state.digest(), before, "{what}");
    }
}

#[test]
fn asked_addresses_may_lie_in_the_static_band_and_picks_use_it_last() {
    let mut world = World::new("10.0.0.0/25", (30000, 32767));
    let mut picked = Vec::new();
    for i in 0..110 {
        let service = world.create(&format!("auto{i}"), cluster_ip()).unwrap();
        picked.push(service.spec.cluster_ips.addresses()[0]);
    }
    assert!(picked.iter().all(|address| *address > ip("10.0.0.16")));
    for i in 1..=16 {
        let asked = with_address(&format!("10.0.0.{i}"));
        world.create(&format!("asked{i}"), asked).unwrap();
    }
    world.delete("asked5").unwrap();
    let last = world.create("last", cluster_ip()).unwrap();
    assert_eq!(last.spec.cluster_ips.addresses(), [ip("10.0.0.5")]);
}

#[test]
fn two_ranges_are_used_up_together_and_each_address_once() {
    let mut world = World::new("10.0.0.0/28", (30000, 32767));
    assert_eq!(fill(&mut world, "a").len(), 14);
    add(&mut world, "more", &["10.1.0.0/28"]).unwrap();
    let all = fill(&mut world, "b");
    assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), 14);
    assert!(all.iter().all(|address| *address > ip("10.1.0.0")));
}

#[test]
fn ranges_are_chosen_by_what_is_free_in_them() {
    let mut world = World::new("10.0.0.0/28", (30000, 32767));
    add(&mut world, "wide", &["10.1.0.0/20"]).unwrap();
    // A range within another one adds nothing.
    add(&mut world, "within", &["10.1.0.0/24"]).unwrap();
    let mut in_wide = 0;
    for i in 0..100 {
        let service = world.create(&format!("s{i}"), cluster_ip()).unwrap();
        in_wide += u32::from(service.spec.cluster_ips.addresses()[0] > ip("10.1.0.0"));
    }
    assert!(in_wide > 90, "{in_wide} of 100 from 4094 of 4108 addresses");
}

#[test]
fn an_edge_address_is_usable_once_a_range_around_it_is_ready() {
    let mut world = World::new("192.168.1.0/24", (30000, 32767));
    let edge = with_address("192.168.1.0");
    assert_eq!(
        reason(&world.create("edge", edge.clone()).unwrap_err()),
        "RANGE"
    );
    add(&mut world, "around", &["192.168.0.0/16"]).unwrap();
    world.create("edge", edge.clone()).unwrap();
    // The small range may go; the one around it would take the edge's only home away.
    assert_eq!(
        reason(&remove(&mut world, "around", false).unwrap_err()),
        "RANGE_IN_USE"
    );
    assert_eq!(
        remove(&mut world, "default", false).unwrap().verb,
        Verb::Deleted
    );
    world.apply("edge", edge).expect("it keeps what it holds");
}

#[test]
fn a_cluster_grows_by_a_range_around_the_first_and_shrinks_again() {
    let mut world = World::new("10.0.0.0/28", (30000, 32767));
    assert_eq!(fill(&mut world, "small").len(), 14);
    add(&mut world, "around", &["10.0.0.0/24"]).unwrap();
    assert_eq!(fill(&mut world, "big").len(), 254 - 14);
    remove(&mut world, "default", false).expect("covered by the other");
    let refusal = remove(&mut world, "around", false).unwrap_err();
    let Refusal::Precondition {
        reason,
        preconditions,
    } = refusal
    else {
        panic!("{refusal}");
    };
    assert_eq!(
        (reason.as_str(), preconditions.len()),
        ("RANGE_IN_USE", 11),
        "a summary and ten owners"
    );
    add(&mut world, "default", &["10.0.0.0/28"]).unwrap();
    for i in 0..240 {
        world.delete(&format!("big{i}")).unwrap();
    }
    remove(&mut world, "around", false).expect("the small range has what is left");
    assert!(fill(&mut world, "late").is_empty());
}

#[test]
fn a_draining_range_gives_nothing_and_goes_once_it_is_empty() {
    let mut world = World::new("10.0.0.0/28", (30000, 32767));
    let held = world.create("held", with_address("10.0.0.1")).unwrap();
    let drained = remove(&mut world, "default", true).unwrap();
    assert_eq!(drained.verb, Verb::Configured);
    assert_eq!(
        remove(&mut world, "default", true).unwrap().verb,
        Verb::Unchanged
    );
    assert_eq!(
        reason(&world.create("picking", cluster_ip()).unwrap_err()),
        "CLUSTER_IP_EXHAUSTED"
    );
    let asked = world
        .create("asking", with_address("10.0.0.2"))
        .unwrap_err();
    assert_eq!(reason(&asked), "RANGE");
    let changed = world
        .apply("held", node_port())
        .expect("what is held stays");
    assert_eq!(changed.spec.cluster_ips, held.spec.cluster_ips);

    let grace = i64::try_from(DRAIN_GRACE.as_micros()).unwrap();
    world.now.0 += grace;
    assert_eq!(sweep(&mut world, "default"), Verb::Unchanged, "in use");
    add(&mut world, "around", &["10.0.0.0/24"]).unwrap();
    assert_eq!(
        sweep(&mut world, "default"),
        Verb::Deleted,
        "the other range has it"
    );
    assert_eq!(sweep(&mut world, "around"), Verb::Unchanged, "nobody asked");

    remove(&mut world, "around", true).unwrap();
    world.delete("held").unwrap();
    assert_eq!(sweep(&mut world, "around"), Verb::Unchanged, "too early");
    world.now.0 += grace;
    assert_eq!(sweep(&mut world, "around"), Verb::Deleted);
}

#[test]
fn ranges_that_make_no_sense_are_refused() {
    let mut world = World::new("10.0.0.0/28", (30000, 32767));
    for (what, cidrs, why) in [
        ("none", &[][..], "INVALID"),
        (
            "three",
            &["10.1.0.0/24", "fd00::/120", "10.2.0.0/24"],
            "INVALID",
        ),
        (
            "two of one family",
            &["10.1.0.0/24", "10.2.0.0/24"],
            "INVALID",
        ),
        ("too wide", &["10.0.0.0/7"], "INVALID"),
        ("too wide for offsets of 64 bits", &["fd00::/63"], "INVALID"),
    ] {
        assert_eq!(
            reason(&add(&mut world, "more", cidrs).unwrap_err()),
            why,
            "{what}"
        );
    }
    add(&mut world, "widest", &["fd00::/64"]).unwrap();
    assert_eq!(
        reason(&add(&mut world, "widest", &["fd01::/64"]).unwrap_err()),
        "ALREADY_EXISTS"
    );
}
