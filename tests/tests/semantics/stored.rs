//! Rows that today's rules would refuse, as an earlier release may have left them: legal while they are unchanged.

use portolan_proto::v1;
use tonic::{Code, Status};
use v1::ServiceSpec;

use crate::by_hand::{ByHand, Change};
use crate::cluster::{Cluster, V4, spec_of, texts};
use crate::expect::{FAILED, INVALID, assert_refused};
use crate::specs::{at, headless, load_balancer, node_port, port, with, with_ports};
use crate::stores::Kind;

on_durable_stores!(
    s_values_stored_before_stay_legal_while_they_are_unchanged,
    s_what_is_stored_can_be_sent_back_and_changed_beside_it,
    s_labels_stored_before_stay_legal_key_by_key,
);

fn s_values_stored_before_stay_legal_while_they_are_unchanged(kind: Kind) {
    let mut hand = ByHand::start(kind, V4);
    let ranges = with(load_balancer(), |s| {
        s.load_balancer_source_ranges = texts(&["192.0.2.0/24"]);
    });
    hand.cluster.created("web", ranges);
    hand.change(&[Change::Body(
        "default/web",
        "\"192.0.2.0/24\"",
        "\"192.0.2.1/24\"",
    )]);
    let stored = hand.cluster.spec("web");
    assert_eq!(stored.load_balancer_source_ranges, texts(&["192.0.2.1/24"]));
    let path = ["spec.publish_not_ready_addresses"];
    let change = |spec| {
        with(spec, |s: &mut ServiceSpec| {
            s.publish_not_ready_addresses = true;
        })
    };
    let after = hand
        .cluster
        .patch("web", &path, change(ServiceSpec::default()))
        .expect("another field");
    assert_eq!(spec_of(after), change(stored));
}

/// A Service whose row was changed by hand: what it was and became, what breaks a rule in another way, and the refusal.
struct Old {
    name: &'static str,
    spec: ServiceSpec,
    changes: Vec<Change<'static>>,
    worse: fn(&mut ServiceSpec),
    refused: (Code, &'static str),
}

fn olds() -> [Old; 3] {
    [
        Old {
            name: "ranges",
            spec: with(load_balancer(), |s| {
                s.load_balancer_source_ranges = texts(&["192.0.2.0/24"]);
            }),
            changes: vec![Change::Body(
                "default/ranges",
                "\"192.0.2.0/24\"",
                "\"192.0.2.1/24\"",
            )],
            worse: |s| s.load_balancer_source_ranges = texts(&["192.0.2.2/24"]),
            refused: (INVALID, "spec.load_balancer_source_ranges[0]"),
        },
        Old {
            name: "number",
            spec: with_ports(node_port(), [at(30_004, port(80))]),
            changes: vec![
                Change::Sql("UPDATE port_claims SET port = 20004 WHERE port = 30004"),
                Change::Body("default/number", ":30004", ":20004"),
            ],
            worse: |s| s.ports[0].node_port = 20_005,
            refused: (FAILED, "spec.ports[0].node_port"),
        },
        Old {
            name: "selector",
            spec: headless(),
            changes: vec![Change::Body("default/selector", "\"web\"", "\"w b\"")],
            worse: |s| drop(s.selector.insert("app".to_owned(), "w c".to_owned())),
            refused: (INVALID, "spec.selector[\"app\"]"),
        },
    ]
}

/// Read, changed elsewhere and written as a whole: what users do all day.
fn s_what_is_stored_can_be_sent_back_and_changed_beside_it(kind: Kind) {
    let mut hand = ByHand::start(kind, V4);
    let mut olds = olds();
    for old in &olds {
        hand.cluster.created(old.name, old.spec.clone());
    }
    let changes = olds
        .iter_mut()
        .flat_map(|old| std::mem::take(&mut old.changes));
    let changes: Vec<_> = changes.collect();
    hand.change(&changes);
    for old in &olds {
        let name = old.name;
        let stored = hand.cluster.spec(name);
        assert_ne!(stored, old.spec, "{name}");
        let same = hand.cluster.put(name, stored.clone());
        assert_eq!(spec_of(same.expect(name)), stored, "{name}: unchanged");
        assert_eq!(hand.cluster.get(name).generation, 1, "{name}: unchanged");
        let beside = with(stored.clone(), |s| s.publish_not_ready_addresses = true);
        let after = hand.cluster.put(name, beside.clone());
        assert_eq!(spec_of(after.expect(name)), beside, "{name}: beside it");
        let worse = with(beside.clone(), old.worse);
        let (code, field) = old.refused;
        assert_refused(name, hand.cluster.put(name, worse), code, field);
        assert_eq!(hand.cluster.spec(name), beside, "{name}: nothing changed");
    }
}

/// Writes the labels of a Service.
fn label(
    cluster: &Cluster,
    paths: &[&str],
    labels: &[(&str, &str)],
) -> Result<v1::Service, Status> {
    let labels = labels.iter().map(|&(k, v)| (k.to_owned(), v.to_owned()));
    let labels = labels.collect();
    cluster.update("web", paths, ServiceSpec::default(), |request| {
        if let Some(service) = &mut request.service {
            service.labels = labels;
        }
    })
}

fn s_labels_stored_before_stay_legal_key_by_key(kind: Kind) {
    let mut hand = ByHand::start(kind, V4);
    hand.cluster.created("web", node_port());
    label(&hand.cluster, &["labels"], &[("a", "one"), ("b", "two")]).expect("labels");
    let change = Change::Body("default/web", "\"one\"", "\"o e\"");
    hand.change(&[change]);
    for (row, paths, labels, fine) in [
        (
            "all unchanged",
            &["labels"][..],
            &[("a", "o e"), ("b", "two")][..],
            true,
        ),
        (
            "another one changed",
            &["labels"],
            &[("a", "o e"), ("b", "2")],
            true,
        ),
        ("another one alone", &["labels.b"], &[("b", "3")], true),
        (
            "another specification",
            &["spec.publish_not_ready_addresses"],
            &[],
            true,
        ),
        (
            "as wrong in another way",
            &["labels"],
            &[("a", "o f"), ("b", "3")],
            false,
        ),
        ("the same, alone", &["labels.a"], &[("a", "o f")], false),
        (
            "another one as wrong",
            &["labels"],
            &[("a", "o e"), ("b", "t o")],
            false,
        ),
        ("mended", &["labels.a"], &[("a", "one")], true),
        ("wrong again", &["labels.a"], &[("a", "o e")], false),
    ] {
        let answer = label(&hand.cluster, paths, labels);
        if fine {
            answer.unwrap_or_else(|status| panic!("{row}: {status:?}"));
        } else {
            assert_refused(row, answer, INVALID, "");
        }
    }
}
