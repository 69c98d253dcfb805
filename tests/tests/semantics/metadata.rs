//! §1.1: names, labels, annotations, and what only the server writes.

use portolan_proto::v1;
use tonic::Code;

use crate::cluster::{spec_of, texts};
use crate::expect::{INVALID, assert_refused, assert_verdict};
use crate::specs::{cluster_ip, headless, node_port, with};
use crate::stores::ControlPlane;

on_every_store!(
    m_a_name_is_a_label_and_may_begin_with_a_digit,
    m_a_namespace_is_a_label_that_exists,
    m_labels_annotations_and_selectors_have_qualified_keys,
    m_annotations_have_at_most_256_kib,
    m_output_only_fields_are_ignored,
    m_an_expected_uid_or_etag_that_differs_aborts,
    m_a_service_created_again_inherits_nothing,
);

fn m_a_name_is_a_label_and_may_begin_with_a_digit(plane: &'static ControlPlane) {
    let cluster = plane.single();
    let (long, longer) = ("a".repeat(63), "a".repeat(64));
    let bad = Err((INVALID, "service_id"));
    for (name, want) in [
        ("web", Ok(())),
        ("0web", Ok(())),
        ("7", Ok(())),
        ("a-b", Ok(())),
        (&long, Ok(())),
        (&longer, bad),
        ("", bad),
        ("-a", bad),
        ("a-", bad),
        ("Web", bad),
        ("a.b", bad),
        ("a_b", bad),
        ("ä", bad),
    ] {
        assert_verdict(name, cluster.create(name, cluster_ip()), want);
    }
    let again = cluster.create("web", cluster_ip());
    assert_refused("there already", again, Code::AlreadyExists, "");
    let named = cluster.create_with("other", cluster_ip(), |r| {
        let name = &mut r.service.as_mut().expect("a Service").name;
        "clusters/x/namespaces/y/services/z".clone_into(name);
    });
    assert!(
        named
            .expect("its name is ignored")
            .name
            .ends_with("/services/other")
    );
}

fn m_a_namespace_is_a_label_that_exists(plane: &'static ControlPlane) {
    let cluster = plane.single();
    for (namespace, code, field) in [
        ("absent", Code::NotFound, ""),
        ("Upper", INVALID, "parent"),
        ("-", INVALID, "parent"),
        ("", INVALID, "parent"),
    ] {
        let answer = cluster.create_with("web", cluster_ip(), |r| {
            r.parent = format!("{}/namespaces/{namespace}", cluster.name);
        });
        assert_refused(namespace, answer, code, field);
    }
}

fn m_labels_annotations_and_selectors_have_qualified_keys(plane: &'static ControlPlane) {
    let cluster = plane.single();
    let (name, long_name) = ("n".repeat(63), "n".repeat(64));
    let prefix = [&name[..], &name, &name, &name[..61]].join(".");
    let (long, too_long) = (format!("{prefix}/{name}"), format!("{prefix}a/n"));
    let keys = [
        ("app", true),
        ("example.com/app", true),
        ("a.b_c-D", true),
        (&long, true),
        ("", false),
        ("/app", false),
        ("a/b/c", false),
        ("-a", false),
        ("a b", false),
        ("Example.com/app", false),
        (&long_name, false),
        (&too_long, false),
    ];
    let values = [
        ("", true),
        ("v1.2_a-B", true),
        (&name, true),
        (&long_name, false),
        ("-", false),
        ("a b", false),
    ];
    let pairs = keys.map(|(key, fine)| (key, "v", fine)).into_iter();
    let pairs: Vec<_> = pairs
        .chain(values.map(|(value, fine)| ("k", value, fine)))
        .collect();
    for (key, value, fine) in pairs {
        let map = [(key.to_owned(), value.to_owned())];
        let row = format!("{key:?}={value:?}");
        let want = |field| if fine { Ok(()) } else { Err((INVALID, field)) };
        let labelled = cluster.create_with("web", cluster_ip(), |r| {
            r.validate_only = true;
            r.service.as_mut().expect("a Service").labels = map.clone().into();
        });
        assert_verdict(&format!("label {row}"), labelled, want(""));
        let selecting = with(cluster_ip(), |s| s.selector = map.clone().into());
        let selecting = cluster.create_with("web", selecting, |r| r.validate_only = true);
        assert_verdict(&format!("selector {row}"), selecting, want(""));
    }
    // Annotations: any value, and keys compare without case.
    for (key, value, fine) in [
        ("Example.com/App", "any text\n{}", true),
        ("a b", "", false),
        (&too_long, "", false),
    ] {
        let annotated = cluster.create_with("web", cluster_ip(), |r| {
            r.validate_only = true;
            let map = [(key.to_owned(), value.to_owned())];
            r.service.as_mut().expect("a Service").annotations = map.into();
        });
        assert_verdict(
            key,
            annotated,
            if fine { Ok(()) } else { Err((INVALID, "")) },
        );
    }
}

fn m_annotations_have_at_most_256_kib(plane: &'static ControlPlane) {
    let cluster = plane.single();
    for (size, want) in [
        // Together with the rest, the object is too large.
        (256 * 1024, Err((INVALID, "service"))),
        (256 * 1024 + 1, Err((INVALID, "service.annotations"))),
        (255 * 1024, Ok(())),
    ] {
        let answer = cluster.create_with("web", cluster_ip(), |r| {
            let half = |key: &str, size: usize| (key.to_owned(), "x".repeat(size - key.len()));
            let map = [half("a", 1000), half("b", size - 1000)];
            r.service.as_mut().expect("a Service").annotations = map.into();
        });
        assert_verdict(&format!("{size} bytes"), answer, want);
    }
}

fn m_output_only_fields_are_ignored(plane: &'static ControlPlane) {
    let cluster = plane.single();
    let created = cluster.create_with("web", cluster_ip(), |r| {
        let service = r.service.as_mut().expect("a Service");
        "11111111-1111-4111-8111-111111111111".clone_into(&mut service.uid);
        service.generation = 77;
        service.revision = 77;
        service.create_time = Some(prost_types::Timestamp::default());
        service.status = Some(v1::ServiceStatus::default());
        service.warnings = texts(&["none"]);
    });
    let created = created.expect("they are ignored");
    assert_ne!(created.uid, "11111111-1111-4111-8111-111111111111");
    assert_eq!(created.generation, 1);
    assert!(created.create_time.is_some_and(|time| time.seconds > 0));
    assert!(created.warnings.is_empty());
    let paths = ["uid", "generation", "status.endpoints", "create_time"];
    let updated = cluster.update("web", &paths, node_port(), |r| {
        "x".clone_into(&mut r.service.as_mut().expect("a Service").uid);
    });
    let updated = updated.expect("naming them is no mistake");
    assert_eq!((&updated.uid, updated.generation), (&created.uid, 1));
    assert_eq!(
        updated.revision, created.revision,
        "nothing changed, so nothing was written"
    );
}

fn m_an_expected_uid_or_etag_that_differs_aborts(plane: &'static ControlPlane) {
    let cluster = plane.single();
    let service = cluster.create("web", cluster_ip()).expect("a Service");
    let other = "11111111-1111-4111-8111-111111111111";
    let aborted = Code::Aborted;
    let update = |uid: &str, etag: &str| {
        let spec = with(cluster_ip(), |s| s.publish_not_ready_addresses = true);
        cluster.update("web", &["spec.publish_not_ready_addresses"], spec, |r| {
            uid.clone_into(&mut r.expected_uid);
            etag.clone_into(&mut r.service.as_mut().expect("a Service").etag);
        })
    };
    let delete = |uid: &str, etag: &str| {
        cluster.delete_with("web", |r| {
            uid.clone_into(&mut r.expected_uid);
            etag.clone_into(&mut r.etag);
        })
    };
    for (row, uid, etag, reason) in [
        ("another uid", other, "", "UID_MISMATCH"),
        ("another etag", "", "\"x\"", "ETAG_MISMATCH"),
    ] {
        assert_eq!(
            assert_refused(row, update(uid, etag), aborted, ""),
            reason,
            "{row}"
        );
        assert_eq!(
            assert_refused(row, delete(uid, etag), aborted, ""),
            reason,
            "{row}"
        );
    }
    assert_refused("no uid", update("web", ""), INVALID, "expected_uid");
    let updated = update(&service.uid, &service.etag).expect("both fit");
    assert_ne!(
        updated.etag, service.etag,
        "the specification is another one"
    );
    assert_refused("the former etag", delete("", &service.etag), aborted, "");
    delete(&service.uid, &updated.etag).expect("both fit");
    assert_refused("gone", delete("", ""), Code::NotFound, "");
    cluster
        .delete_with("web", |r| r.allow_missing = true)
        .expect("gone, and that is fine");
}

fn m_a_service_created_again_inherits_nothing(plane: &'static ControlPlane) {
    let cluster = plane.single();
    let first = cluster.create("web", node_port()).expect("a Service");
    cluster.delete("web").expect("it goes");
    let second = cluster.create("web", headless()).expect("another one");
    assert_ne!(first.uid, second.uid);
    assert_eq!(second.generation, 1);
    assert_eq!(spec_of(second).cluster_ips, texts(&["None"]));
    assert_eq!(cluster.ports_held(), 0);
    let stale = cluster.delete_with("web", |r| r.expected_uid.clone_from(&first.uid));
    assert_refused("the former one", stale, Code::Aborted, "");
}
