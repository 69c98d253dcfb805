use bytes::Bytes;
use portolan_model::view::{PackedView, ServiceView, View, ViewKey, ViewKind};
use portolan_model::{Digest, Uid};
use portolan_proto::convert::view;

use super::*;
use crate::key::ObjectKey;

const STORE: u128 = 1;

fn uid(number: u128) -> Uid {
    Uid::from_random(number)
}

fn key(number: u128) -> ObjectKey {
    ViewKey::new(ViewKind::Service, uid(number)).into()
}

fn body(name: &str) -> Bytes {
    view::encode(&View::Service(ServiceView {
        namespace: portolan_model::Name::trusted("default"),
        name: portolan_model::Name::trusted(name),
        frontends: Vec::new(),
        external_name: String::new(),
        headless: true,
    }))
}

/// Protobuf's field number 0 is no field.
const BROKEN: &[u8] = &[0x00];

fn welcome(store: u128, mode: wire::welcome::Mode) -> wire::Welcome {
    wire::Welcome {
        store_id: uid(store).as_bytes().to_vec(),
        mode: mode.into(),
        ..wire::Welcome::default()
    }
}

fn batch(from: u64, to: u64, more: bool, objects: &[(u128, Bytes)], gone: &[u128]) -> wire::Batch {
    wire::Batch {
        from_revision: from,
        to_revision: to,
        more,
        objects: objects
            .iter()
            .map(|(number, body)| wire::Object {
                kind: 3,
                uid: Bytes::copy_from_slice(uid(*number).as_bytes()),
                body: body.clone(),
            })
            .collect(),
        removed: gone
            .iter()
            .map(|number| view::object_ref(ViewKey::new(ViewKind::Service, uid(*number))))
            .collect(),
        commits: Vec::new(),
    }
}

fn digest(objects: &[(u128, Bytes)]) -> Vec<u8> {
    let mut digest = Digest::EMPTY;
    for (number, body) in objects {
        digest.toggle(key(*number).digest(body));
    }
    digest.as_bytes().to_vec()
}

fn snapshot(
    intake: &mut Intake,
    store: u128,
    revision: u64,
    objects: &[(u128, Bytes)],
) -> Result<Step, Break> {
    intake.welcome(&welcome(store, wire::welcome::Mode::Snapshot))?;
    intake.snapshot_begin(&wire::SnapshotBegin {
        revision,
        objects: 0,
    })?;
    for object in objects {
        intake.batch(batch(0, revision, true, std::slice::from_ref(object), &[]))?;
    }
    intake.snapshot_end(&wire::SnapshotEnd {
        revision,
        digest: digest(objects),
    })
}

/// Holds Service 1 ("web") at revision 10.
fn holding() -> Intake {
    let mut intake = Intake::new(None, false);
    snapshot(&mut intake, STORE, 10, &[(1, body("web"))]).unwrap();
    intake
}

fn names(step: &Step) -> Vec<String> {
    let name = |(_, view): &(ViewKey, PackedView)| match view.view() {
        View::Service(service) => service.name.to_string(),
        _ => panic!("only Services here"),
    };
    step.views.upserts.iter().map(name).collect()
}

#[test]
fn a_batch_applies_if_it_reaches_beyond_what_is_held_however_it_was_cut() {
    for (name, from, to, reached) in [
        ("next", 10, 11, Ok(Some(11))),
        ("several revisions", 10, 15, Ok(Some(15))),
        ("overlapping", 3, 12, Ok(Some(12))),
        ("known", 9, 10, Ok(None)),
        ("older", 1, 2, Ok(None)),
        (
            "gap",
            11,
            12,
            Err(Break::Gap {
                held: Revision(10),
                from: Revision(11),
            }),
        ),
    ] {
        let mut intake = holding();
        let step = intake.batch(batch(from, to, false, &[(2, body("db"))], &[]));
        assert_eq!(step.map(|s| s.map(|s| s.to.0)), reached, "{name}");
    }
}

#[test]
fn parts_of_a_batch_are_applied_together() {
    let mut intake = holding();
    let first = batch(10, 12, true, &[(2, body("db")), (3, body("cache"))], &[]);
    assert!(intake.batch(first).unwrap().is_none());
    assert_eq!(intake.held().unwrap().revision, Revision(10));
    let step = intake
        .batch(batch(10, 12, false, &[], &[1, 3]))
        .unwrap()
        .unwrap();
    assert_eq!(names(&step), ["db"]);
    assert_eq!(step.views.removed.len(), 1, "3 was never there");
    let held = intake.held().unwrap();
    assert_eq!(held.digest.as_bytes()[..], digest(&[(2, body("db"))]));
}

#[test]
fn what_is_not_in_a_snapshot_is_gone_and_what_is_the_same_is_no_news() {
    let mut intake = holding();
    intake
        .batch(batch(10, 11, false, &[(2, body("db"))], &[]))
        .unwrap();
    let step = snapshot(
        &mut intake,
        STORE,
        20,
        &[(2, body("db")), (3, body("cache"))],
    )
    .unwrap();
    assert_eq!(names(&step), ["cache"]);
    assert_eq!(
        step.views.removed,
        [ViewKey::new(ViewKind::Service, uid(1))]
    );
}

#[test]
fn a_digest_that_differs_ends_the_stream_and_the_next_one_starts_afresh() {
    let mut intake = holding();
    let bookmark = wire::Bookmark {
        revision: 10,
        digest: digest(&[(1, body("other"))]),
        stale_ms: 0,
    };
    let because = intake.bookmark(&bookmark).unwrap_err();
    assert_eq!(because, Break::Digest(Revision(10)));
    intake.left(&because);
    assert_eq!(intake.restart(), None);
    assert!(intake.held().is_some(), "it stays programmed");
    snapshot(&mut intake, STORE, 10, &[(1, body("other"))]).unwrap();
    assert!(intake.restart().is_some());
}

#[test]
fn a_snapshot_with_another_digest_is_not_taken() {
    let mut intake = holding();
    intake
        .welcome(&welcome(STORE, wire::welcome::Mode::Snapshot))
        .unwrap();
    intake
        .snapshot_begin(&wire::SnapshotBegin {
            revision: 11,
            objects: 0,
        })
        .unwrap();
    let end = wire::SnapshotEnd {
        revision: 11,
        digest: digest(&[(7, body("missing"))]),
    };
    assert_eq!(
        intake.snapshot_end(&end).unwrap_err(),
        Break::Digest(Revision(11))
    );
    assert_eq!(intake.held().unwrap().objects.len(), 1);
}

#[test]
fn a_bookmark_advances_over_revisions_that_changed_nothing() {
    for (name, revision, reached) in [
        ("same", 10, None),
        ("later", 14, Some(14)),
        ("older", 7, None),
    ] {
        let mut intake = holding();
        let bookmark = wire::Bookmark {
            revision,
            digest: digest(&[(1, body("web"))]),
            stale_ms: 0,
        };
        let step = intake.bookmark(&bookmark).unwrap();
        assert_eq!(step.map(|step| step.to.0), reached, "{name}");
    }
}

#[test]
fn another_store_is_taken_only_with_consent() {
    let mut intake = holding();
    assert_eq!(
        snapshot(&mut intake, 2, 3, &[]).unwrap_err(),
        Break::ForeignStore(uid(2))
    );
    assert_eq!(intake.held().unwrap().store_id, uid(STORE));

    let mut intake = Intake::new(intake.into_held(), true);
    let step = snapshot(&mut intake, 2, 3, &[(9, body("new"))]).unwrap();
    assert_eq!(step.views.removed.len(), 1);
    assert_eq!(intake.held().unwrap().store_id, uid(2));
    assert_eq!(intake.held().unwrap().revision, Revision(3));
}

#[test]
fn an_unreadable_body_keeps_the_last_good_version_and_counts_in_the_digest() {
    let broken = Bytes::from_static(BROKEN);
    let mut intake = holding();
    let step = intake.batch(batch(
        10,
        11,
        false,
        &[(1, broken.clone()), (2, body("db"))],
        &[],
    ));
    assert_eq!(names(&step.unwrap().unwrap()), ["db"]);
    let held = intake.held().unwrap();
    assert_eq!(
        held.digest.as_bytes()[..],
        digest(&[(1, broken), (2, body("db"))])
    );
    let rejected: Vec<_> = held.unreadable().collect();
    assert_eq!(rejected.len(), 1);
    assert_eq!(
        (rejected[0].1, rejected[0].2.code),
        (Revision(11), "INVALID_OBJECT")
    );
    assert_eq!(held.views().len(), 2, "the good version is still there");

    let step = intake
        .batch(batch(11, 12, false, &[(1, body("web"))], &[]))
        .unwrap()
        .unwrap();
    assert_eq!(names(&step), ["web"]);
    assert_eq!(intake.held().unwrap().unreadable().count(), 0);
}

#[test]
fn objects_of_an_unknown_kind_are_kept_for_the_digest_alone() {
    let mut intake = holding();
    let mut batch = batch(
        10,
        11,
        false,
        &[(2, Bytes::from_static(b"later release"))],
        &[],
    );
    batch.objects[0].kind = 77;
    let step = intake.batch(batch).unwrap().unwrap();
    assert!(step.views.upserts.is_empty());
    let held = intake.held().unwrap();
    assert_eq!((held.objects.len(), held.unreadable.len()), (2, 0));
}

#[test]
fn rules_that_a_server_breaks_end_the_stream() {
    type Breach = fn(&mut Intake) -> Result<(), Break>;
    let rows: [(&str, Breach); 6] = [
        ("changes to nothing", |_| {
            let mut intake = Intake::new(None, false);
            intake.batch(batch(0, 1, false, &[], &[])).map(|_| ())
        }),
        ("end of no snapshot", |intake| {
            intake
                .snapshot_end(&wire::SnapshotEnd::default())
                .map(|_| ())
        }),
        ("a bookmark inside a batch", |intake| {
            intake.batch(batch(10, 11, true, &[], &[]))?;
            intake.bookmark(&wire::Bookmark::default()).map(|_| ())
        }),
        ("resumed what is not held", |intake| {
            intake.welcome(&welcome(2, wire::welcome::Mode::Resume))
        }),
        ("no mode", |intake| {
            intake.welcome(&welcome(STORE, wire::welcome::Mode::Unspecified))
        }),
        ("an object without uid", |intake| {
            let mut batch = batch(10, 11, false, &[(1, body("web"))], &[]);
            batch.objects[0].uid = Bytes::new();
            intake.batch(batch).map(|_| ())
        }),
    ];
    for (name, breach) in rows {
        let because = breach(&mut holding()).unwrap_err();
        assert!(matches!(because, Break::Violation(_)), "{name}: {because}");
    }
}
