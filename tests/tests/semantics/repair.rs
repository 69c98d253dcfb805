//! A9, A11, and what else only rows that were changed by hand can show: audit, repair, old rows, and time.

use std::collections::BTreeSet;

use portolan_proto::v1;
use portolan_tests::eventually;
use portolan_tests::holds;
use v1::ServiceSpec;

use crate::by_hand::{ByHand, Change};
use crate::cluster::{Cluster, V4, spec_of, texts};
use crate::specs::{
    PREFER, SINGLE, at, cluster_ip, headless, local_balancer, named, node_port, port, udp, with,
    with_addresses, with_policy, with_ports,
};
use crate::stores::Kind;

on_durable_stores!(
    a9_addresses_and_claims_that_disagree_are_found_and_put_right,
    a9_an_orphan_is_given_up_only_after_a_minute,
    a11_node_ports_and_claims_that_disagree_are_found_and_put_right,
    a13_rows_from_before_the_family_policy_are_single_stack,
    a_what_waits_for_a_silent_node_is_freed_sooner_where_hardly_anything_is_free,
);

/// Nobody's.
const NOBODY: &str = "'00000000-0000-4000-8000-000000000001'";

fn at_address(text: &str) -> ServiceSpec {
    with_addresses(cluster_ip(), &[text])
}

/// Reason, what is claimed, whether a repair can do something.
type Found = BTreeSet<(String, String, bool)>;

fn found(
    audit: &v1::AuditAllocationsResponse,
    of: impl Fn(&v1::AllocationFinding) -> bool,
) -> Found {
    let findings = audit.findings.iter().filter(|f| of(f));
    findings
        .map(|f| (f.reason.clone(), f.claimed.clone(), f.repairable))
        .collect()
}

fn rows(rows: &[(&str, &str, bool)]) -> Found {
    let row = |&(reason, claimed, repairable): &(&str, &str, bool)| {
        (reason.to_owned(), claimed.to_owned(), repairable)
    };
    rows.iter().map(row).collect()
}

/// Audit, repair and audit again: what is repairable goes, what is for people stays, and no Service changes.
fn assert_repaired(cluster: &Cluster, want: &[(&str, &str, bool)]) {
    let before = cluster.list();
    assert_eq!(found(&cluster.audit(false), |_| true), rows(want), "before");
    let repair = cluster.audit(true);
    assert_eq!(
        found(&repair, |f| f.repaired),
        found(&repair, |f| f.repairable),
        "repaired"
    );
    let people: Vec<_> = want
        .iter()
        .copied()
        .filter(|(.., repairable)| !repairable)
        .collect();
    assert_eq!(
        found(&cluster.audit(false), |_| true),
        rows(&people),
        "after"
    );
    let specs = |list: Vec<v1::Service>| list.into_iter().map(spec_of).collect::<Vec<_>>();
    assert_eq!(specs(cluster.list()), specs(before), "no Service changes");
}

#[expect(clippy::too_many_lines, reason = "a table")]
fn a9_addresses_and_claims_that_disagree_are_found_and_put_right(kind: Kind) {
    let mut hand = ByHand::start(kind, V4);
    for (name, number) in [
        ("fine", 101),
        ("missing", 102),
        ("wrong-name", 103),
        ("wrong-space", 104),
        ("double", 105),
        ("outside", 106),
        ("edge", 107),
        ("invalid", 108),
        ("wrong-owner", 109),
    ] {
        hand.cluster
            .created(name, at_address(&format!("10.96.0.{number}")));
    }
    assert_eq!(
        hand.cluster.audit(false).total,
        0,
        "nothing to find at first"
    );
    let fine = hand.cluster.get("fine").uid;
    let claim = |address: &str, uid: &str, owner: &str| {
        format!(
            "INSERT INTO ip_claims (cluster, address, owner_uid, owner, state) VALUES ('default', '{address}', {uid}, '{owner}', 'held')"
        )
    };
    hand.change(&[
        Change::Sql("DELETE FROM ip_claims WHERE owner = 'default/missing'"),
        Change::Sql(
            "UPDATE ip_claims SET owner = 'default/other' WHERE owner = 'default/wrong-name'",
        ),
        Change::Sql(
            "UPDATE ip_claims SET owner = 'other/wrong-space' WHERE owner = 'default/wrong-space'",
        ),
        Change::Sql(&format!(
            "UPDATE ip_claims SET owner_uid = {NOBODY} WHERE owner = 'default/wrong-owner'"
        )),
        Change::Body("default/double", "\"10.96.0.105\"", "\"10.96.0.101\""),
        Change::Sql("DELETE FROM ip_claims WHERE owner = 'default/double'"),
        Change::Address("10.96.0.106", "192.0.2.6"),
        Change::Address("10.96.0.107", "10.96.0.0"),
        Change::Address("10.96.0.108", "fd00::8"),
        Change::Sql(&claim("10.96.0.201", NOBODY, "default/gone")),
        Change::Sql(&claim("10.96.0.202", &format!("'{fine}'"), "default/fine")),
    ]);
    assert_repaired(
        &hand.cluster,
        &[
            ("ClusterIPNotAllocated", "10.96.0.102", true),
            ("IPAddressWrongReference", "10.96.0.103", true),
            ("IPAddressWrongReference", "10.96.0.104", true),
            ("IPAddressWrongReference", "10.96.0.109", true),
            ("ClusterIPAlreadyAllocated", "10.96.0.101", false),
            ("ClusterIPOutOfRange", "192.0.2.6", false),
            ("ClusterIPOutOfRange", "10.96.0.0", false),
            ("ClusterIPNotValid", "fd00::8", false),
            ("IPAddressNotAllocated", "10.96.0.201", true),
            ("IPAddressNotAllocated", "10.96.0.202", true),
        ],
    );
    hand.assert_calm();
    hand.cluster.created("heir", at_address("10.96.0.201"));
    // What is told to people: the one that came second is created again.
    hand.cluster.delete("double").expect("it goes");
    assert_eq!(
        hand.cluster.spec("fine").cluster_ips,
        texts(&["10.96.0.101"])
    );
    hand.cluster.created("double", cluster_ip());
    let left = found(&hand.cluster.audit(false), |f| {
        f.reason == "ClusterIPAlreadyAllocated"
    });
    assert_eq!(left, rows(&[]));
}

fn a9_an_orphan_is_given_up_only_after_a_minute(kind: Kind) {
    let mut hand = ByHand::start(kind, V4);
    hand.cluster.created("gone", at_address("10.96.0.101"));
    hand.change(&[Change::Sql(
        "DELETE FROM objects WHERE kind = 4 AND path = 'default/gone'",
    )]);
    let orphan = rows(&[("IPAddressNotAllocated", "10.96.0.101", true)]);
    let repair = hand.cluster.audit(true);
    assert_eq!(
        found(&repair, |f| !f.repaired),
        orphan,
        "written just now: somebody's work, maybe"
    );
    assert_eq!(found(&hand.cluster.audit(false), |_| true), orphan);
    hand.change(&[Change::AgeLog(61)]);
    assert_eq!(
        found(&hand.cluster.audit(true), |f| f.repaired),
        orphan,
        "a minute later"
    );
    hand.cluster.created("heir", at_address("10.96.0.101"));
}

fn a11_node_ports_and_claims_that_disagree_are_found_and_put_right(kind: Kind) {
    let mut hand = ByHand::start(kind, V4);
    let numbered = |number| with_ports(node_port(), [at(number, port(80))]);
    for (name, number) in [
        ("fine", 30_001),
        ("missing", 30_002),
        ("wrong", 30_003),
        ("outside", 30_004),
        ("double", 30_005),
    ] {
        hand.cluster.created(name, numbered(number));
    }
    let two = [at(30_010, named("a", 53)), at(30_010, udp("b", 53))];
    hand.cluster.created("dns", with_ports(node_port(), two));
    let two = [at(30_011, named("a", 80)), at(30_012, named("b", 81))];
    hand.cluster.created("twice", with_ports(node_port(), two));
    let health = with(local_balancer(), |s| {
        s.health_check_node_port = 30_020;
        s.ports = vec![at(30_021, port(80))];
    });
    hand.cluster.created("health", health);
    assert_eq!(
        hand.cluster.audit(false).total,
        0,
        "one number for two protocols is one"
    );
    hand.change(&[
        Change::Sql("DELETE FROM port_claims WHERE port IN (30002, 30020)"),
        Change::Sql("UPDATE port_claims SET owner = 'default/other' WHERE port = 30003"),
        Change::Sql("UPDATE port_claims SET port = 20004 WHERE port = 30004"),
        Change::Body("default/outside", ":30004", ":20004"),
        Change::Body("default/double", ":30005", ":30001"),
        Change::Sql("DELETE FROM port_claims WHERE port IN (30005, 30012)"),
        Change::Body("default/twice", ":30012", ":30011"),
        Change::Sql(&format!("INSERT INTO port_claims (cluster, port, owner_uid, owner, state) VALUES ('default', 30099, {NOBODY}, 'default/gone', 'held')")),
    ]);
    assert_repaired(
        &hand.cluster,
        &[
            ("PortNotAllocated", "30002", true),
            ("PortNotAllocated", "30020", true),
            ("PortWrongReference", "30003", true),
            ("PortOutOfRange", "20004", false),
            ("PortAlreadyAllocated", "30001", false),
            ("PortAlreadyAllocated", "30011", false),
            ("PortLeaked", "30099", true),
        ],
    );
    hand.cluster.created("heir", numbered(30_099));
}

fn a13_rows_from_before_the_family_policy_are_single_stack(kind: Kind) {
    let mut hand = ByHand::start(kind, V4);
    let before = [("web", cluster_ip()), ("less", headless())]
        .map(|(name, spec)| (name, hand.cluster.created(name, spec)));
    let policy = ",\"family_policy\":\"SingleStack\"";
    hand.change(&[
        Change::Body("default/web", policy, ""),
        Change::Body("default/less", policy, ""),
    ]);
    for (name, before) in before {
        assert_eq!(
            hand.cluster.spec(name),
            before,
            "{name}: read as it was written"
        );
        assert_eq!(before.ip_family_policy(), SINGLE, "{name}");
        let unset = with(before.clone(), |s| s.ip_family_policy = 0);
        assert_eq!(
            spec_of(hand.cluster.put(name, unset).expect(name)),
            before,
            "{name}: kept"
        );
        let prefers = hand.cluster.put(name, with_policy(before.clone(), PREFER));
        assert_eq!(
            spec_of(prefers.expect(name)),
            with_policy(before, PREFER),
            "{name}: changed"
        );
    }
}

fn a_what_waits_for_a_silent_node_is_freed_sooner_where_hardly_anything_is_free(kind: Kind) {
    let mut hand = ByHand::start(kind, "10.98.0.0/30");
    hand.cluster.node("n1", "192.0.2.1", "a");
    hand.cluster.created("other", cluster_ip());
    let gone = hand.cluster.created("web", node_port());
    hand.cluster.delete("web").expect("it goes");
    hand.cluster
        .create("new", cluster_ip())
        .expect_err("it waits");
    hand.change(&[Change::AgeReleases(61)]);
    eventually("an address after a minute", || {
        hand.cluster.create("new", cluster_ip())
    });
    let ports = || {
        hand.cluster
            .status()
            .node_ports
            .expect("usage of ports")
            .quarantined
    };
    assert_eq!(ports(), 1, "there are other ports: ten minutes");
    assert_eq!(hand.cluster.spec("new").cluster_ips, gone.cluster_ips);
    hand.change(&[Change::AgeReleases(600)]);
    let ports = || {
        hand.cluster
            .status()
            .node_ports
            .expect("usage of ports")
            .quarantined
    };
    eventually("the port after ten minutes", || {
        holds(ports() == 0, "it waits")
    });
}
