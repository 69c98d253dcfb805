use portolan_model::limits::MASK_PATHS;
use portolan_proto::v1;

use super::below::{Step, Steps};
use super::*;

static TABLE: Table<v1::Workload, ()> = Table {
    message: "portolan.v1.Workload",
    field: "workload",
    open: &["spec"],
    inwards: |_, _| Params::default(),
    outwards: |_| v1::Workload::default(),
    check: |_, _| (),
};

const SPEC: [&str; 8] = [
    "spec.addresses",
    "spec.node",
    "spec.ports",
    "spec.readiness_probe",
    "spec.hostname",
    "spec.subdomain",
    "spec.draining",
    "spec.reported_ready",
];

fn mask(paths: &[&str]) -> FieldMask {
    FieldMask {
        paths: paths.iter().map(|path| (*path).to_owned()).collect(),
    }
}

fn path(steps: &Steps) -> String {
    let words = steps.iter().map(|step| match step {
        Step::Field(field) => field.name(),
        Step::Key(key) => key,
    });
    words.collect::<Vec<_>>().join(".")
}

/// The fields that a mask means, as a whole or in part, and what is wrong with its first wrong path.
fn named(paths: &[&str]) -> (Option<Vec<String>>, Option<String>) {
    let mut violations = Violations::new();
    let named = TABLE.named(
        Some(&mask(paths)),
        &v1::Workload::default(),
        &mut violations,
    );
    let wrong = violations.iter().next();
    let wrong = wrong.map(|v| format!("{}: {}", v.field, v.description));
    (named.map(|named| named.iter().map(path).collect()), wrong)
}

#[test]
fn a_path_stands_for_the_field_it_is_or_for_all_below_it_or_for_a_part() {
    let labelled = [&SPEC[..], &["labels"]].concat();
    for (paths, expected) in [
        (&["labels"][..], Some(&["labels"][..])),
        (&["spec.addresses"], Some(&["spec.addresses"])),
        (&["spec"], Some(&SPEC)),
        (&["spec", "labels"], Some(&labelled)),
        (&["*"], None),
        (&["status.conditions", "uid"], Some(&[])),
        (
            &["labels.app", "spec.node"],
            Some(&["labels.app", "spec.node"]),
        ),
        (
            &["labels.`example.com/a`", "labels.b"],
            Some(&["labels.example.com/a", "labels.b"]),
        ),
        (
            &["spec.readiness_probe.http_get.port_name"],
            Some(&["spec.readiness_probe.http_get.port_name"]),
        ),
        // The whole field has the part in it.
        (&["labels.app", "labels"], Some(&["labels.app", "labels"])),
    ] {
        let expected = expected.map(|paths| paths.iter().map(|path| (*path).to_owned()).collect());
        assert_eq!(named(paths), (expected, None), "{paths:?}");
    }
}

#[test]
fn a_path_that_leads_nowhere_is_told_what_is_wrong_and_what_was_meant() {
    for (paths, at, said) in [
        (&["spec.nod"][..], 0, "did you mean spec.node?"),
        (&["label"], 0, "did you mean labels?"),
        (
            &["period_seconds"],
            0,
            "did you mean spec.readiness_probe.period_seconds?",
        ),
        (
            &["spec.readiness_probe.http_get.pth"],
            0,
            "did you mean spec.readiness_probe.http_get.path?",
        ),
        (&["labels", "*"], 1, "only alone"),
        (&["labels.*"], 0, "only alone"),
        (
            &["Colour"],
            0,
            "name some of labels, annotations, spec.addresses,",
        ),
        (&[""], 0, "empty part"),
        (&["labels.a", "spec.addresses.0"], 1, "spec.addresses"),
        (&["spec.addresses[0]"], 0, "replaced as a whole"),
        (&["spec.node.name"], 0, "has no fields"),
        (&["labels.example.com/key"], 0, "labels.`example.com/key`"),
    ] {
        let (_, wrong) = named(paths);
        let wrong = wrong.unwrap_or_default();
        let field = format!("update_mask.paths[{at}]: ");
        assert!(
            wrong.starts_with(&field) && wrong.contains(said),
            "{paths:?}: {wrong}"
        );
    }
    let many = vec!["labels.a"; MASK_PATHS.value + 1];
    assert!(
        named(&many)
            .1
            .is_some_and(|wrong| wrong.starts_with("update_mask.paths: 257 paths; at most 256"))
    );
}

#[test]
fn no_mask_means_what_is_populated() {
    let sent = v1::Workload {
        labels: [("a".to_owned(), String::new())].into(),
        spec: Some(v1::WorkloadSpec {
            node: "n".to_owned(),
            ..v1::WorkloadSpec::default()
        }),
        ..v1::Workload::default()
    };
    for mask in [None, Some(FieldMask::default())] {
        let named = TABLE.named(mask.as_ref(), &sent, &mut Violations::new());
        let named: Vec<_> = named.iter().flatten().map(path).collect();
        assert_eq!(named, ["labels", "spec.node"]);
    }
}

fn probe(action: v1::probe::Action) -> v1::Workload {
    v1::Workload {
        spec: Some(v1::WorkloadSpec {
            readiness_probe: Some(v1::Probe {
                action: Some(action),
                period_seconds: 7,
                ..v1::Probe::default()
            }),
            ..v1::WorkloadSpec::default()
        }),
        ..v1::Workload::default()
    }
}

fn http(path: &str, target: v1::http_get::Target) -> v1::probe::Action {
    v1::probe::Action::HttpGet(v1::HttpGet {
        path: path.to_owned(),
        target: Some(target),
        ..v1::HttpGet::default()
    })
}

/// What is stored, after parts of it were taken over.
fn merged(stored: &v1::Workload, sent: &v1::Workload, paths: &[&str]) -> v1::Workload {
    let named = TABLE.named(Some(&mask(paths)), sent, &mut Violations::new());
    let (mut merged, sent) = (TABLE.dynamic(stored), TABLE.dynamic(sent));
    for steps in named.iter().flatten() {
        below::take(&mut merged, Some(&sent), steps);
    }
    merged.transcode_to().unwrap()
}

#[test]
fn of_alternatives_the_one_that_is_taken_over_replaces_the_other() {
    use v1::http_get::Target::{Port, PortName};
    let grpc = v1::probe::Action::GrpcCheck(v1::GrpcCheck::default());
    let (stored, sent) = (
        probe(http("/a", Port(1))),
        probe(http("/b", PortName("web".to_owned()))),
    );
    let at = |path: &str| format!("spec.readiness_probe.{path}");
    for (what, sent, path, expected) in [
        ("a path", &sent, "http_get.path", http("/b", Port(1))),
        (
            "a name for a number",
            &sent,
            "http_get.port_name",
            http("/a", PortName("web".to_owned())),
        ),
        (
            "another action",
            &probe(grpc.clone()),
            "grpc_check",
            grpc.clone(),
        ),
        (
            "a field of another action",
            &probe(grpc.clone()),
            "grpc_check.service",
            grpc,
        ),
        (
            "what neither has",
            &sent,
            "tcp_connect.port",
            http("/a", Port(1)),
        ),
    ] {
        assert_eq!(
            merged(&stored, sent, &[&at(path)]),
            probe(expected),
            "{what}"
        );
    }
}

#[test]
fn a_message_goes_with_the_last_of_its_fields() {
    let stored = probe(v1::probe::Action::TcpConnect(v1::TcpConnect {
        target: Some(v1::tcp_connect::Target::Port(80)),
    }));
    let paths = [
        "spec.readiness_probe.tcp_connect.port",
        "spec.readiness_probe.period_seconds",
    ];
    let after = merged(&stored, &v1::Workload::default(), &paths);
    assert_eq!(after, v1::Workload::default());
}
