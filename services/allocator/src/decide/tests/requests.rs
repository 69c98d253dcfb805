//! Preconditions, repetitions, parents.

use std::sync::Arc;

use portolan_model::{Labels, Refusal, ServiceSpec, Uid, Violations};
use uuid::Uuid;

use super::world::{World, cluster_ip, created, name, node_port, reason, scoped, service, whole};
use crate::{
    Action, Context, Delete, Merge, NamespaceAction, Params, Preconditions, Put, ServiceAction,
    Update, Verb,
};

fn create(key: &str) -> Action {
    Action::Service(ServiceAction::Put {
        key: scoped(key),
        put: created(cluster_ip()),
    })
}

fn with_id(id: u128, body: &str) -> Context {
    Context {
        request_id: Some(Uuid::from_u128(id)),
        body_hash: body.to_owned(),
        ..Context::default()
    }
}

#[test]
fn a_repeated_request_gets_the_first_result() {
    let mut world = World::usual();
    let first = world.run_as(create("web"), with_id(1, "a")).unwrap();
    let again = world.run_as(create("web"), with_id(1, "a")).unwrap();
    assert_eq!(again.revision, first.revision);
    assert_eq!(service(&again).meta.uid, service(&first).meta.uid);
    assert_eq!(world.state.services_after(None, None).count(), 1);
    assert_eq!(
        reason(&world.run_as(create("web"), with_id(1, "b")).unwrap_err()),
        "INVALID"
    );
    assert_eq!(
        reason(&world.run_as(create("web"), with_id(2, "a")).unwrap_err()),
        "ALREADY_EXISTS"
    );
    assert!(
        world.run_as(create("other"), with_id(2, "a")).is_ok(),
        "a refusal is not remembered"
    );
}

#[test]
fn validating_says_what_the_real_call_would() {
    let mut world = World::usual();
    let only = || Context {
        validate_only: true,
        ..Context::default()
    };
    let before = world.state.digest();
    let shown = service(&world.run_as(create("web"), only()).unwrap());
    assert!(
        shown.spec.cluster_ips.addresses().is_empty(),
        "what chance would pick is left out"
    );
    assert_eq!(world.state.digest(), before);
    world.run(create("web")).unwrap();
    assert_eq!(
        reason(&world.run_as(create("web"), only()).unwrap_err()),
        "ALREADY_EXISTS"
    );
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn puts_and_deletes_obey_their_conditions() {
    let mut world = World::usual();
    let stored = world.create("web", cluster_ip()).unwrap();
    let etag = stored.meta.etag(&stored.spec);
    let update = |etag: Option<&str>, expected_uid| Put::Update {
        allow_missing: false,
        update: Update {
            preconditions: Preconditions {
                etag: etag.map(ToOwned::to_owned),
                expected_uid,
            },
            ..whole(cluster_ip())
        },
    };
    for (case, put, expected) in [
        ("no condition", update(None, None), None),
        (
            "right etag and uid",
            update(Some(&etag), Some(stored.meta.uid)),
            None,
        ),
        (
            "wrong etag",
            update(Some("\"x\""), None),
            Some("ETAG_MISMATCH"),
        ),
        (
            "wrong uid",
            update(None, Some(Uid::from_random(7))),
            Some("UID_MISMATCH"),
        ),
    ] {
        let result = world.put("web", put);
        assert_eq!(result.err().as_ref().map(reason), expected, "{case}");
    }
    assert_eq!(
        reason(&world.put("none", update(None, None)).unwrap_err()),
        "NOT_FOUND"
    );
    world.apply("web", node_port()).unwrap();
    let stale = Delete {
        preconditions: Preconditions {
            etag: Some(etag),
            expected_uid: None,
        },
        allow_missing: false,
    };
    let delete = |delete| {
        let key = scoped("web");
        Action::Service(ServiceAction::Delete { key, delete })
    };
    assert_eq!(
        reason(&world.run(delete(stale)).unwrap_err()),
        "ETAG_MISMATCH"
    );
    assert_eq!(
        world.run(delete(Delete::default())).unwrap().verb,
        Verb::Deleted
    );
    assert_eq!(
        reason(&world.run(delete(Delete::default())).unwrap_err()),
        "NOT_FOUND"
    );
    let missing = Delete {
        allow_missing: true,
        ..Delete::default()
    };
    assert_eq!(world.run(delete(missing)).unwrap().verb, Verb::Unchanged);
}

#[test]
fn an_update_that_changes_nothing_makes_no_revision() {
    let mut world = World::usual();
    let stored = world.create("web", node_port()).unwrap();
    for (case, spec) in [
        ("what was asked for", node_port()),
        ("what was stored", stored.spec.clone()),
    ] {
        let before = world.state.revision();
        assert_eq!(world.apply("web", spec).unwrap(), stored, "{case}");
        assert_eq!(world.state.revision(), before, "{case}");
    }
}

/// Keeps all but the labels.
#[derive(Debug)]
struct Relabel(Labels);

impl Merge<ServiceSpec> for Relabel {
    fn wanted(
        &self,
        stored: Option<&Params<ServiceSpec>>,
        _: &mut Violations,
    ) -> Params<ServiceSpec> {
        Params {
            labels: self.0.clone(),
            ..stored.cloned().unwrap_or_default()
        }
    }

    fn recheck(&self, _: &Params<ServiceSpec>, _: &mut Violations) {}

    fn means(&self, path: &str) -> bool {
        path == "labels"
    }

    fn is_kept(&self, _: &str, _: &Params<ServiceSpec>, _: &Params<ServiceSpec>) -> bool {
        false
    }
}

#[test]
fn a_mask_changes_only_what_it_names() {
    let mut world = World::usual();
    let stored = world.create("web", node_port()).unwrap();
    let labels: Labels = [("a".to_owned(), "b".to_owned())].into();
    let update = Update {
        merge: Arc::new(Relabel(labels.clone())),
        preconditions: Preconditions::default(),
    };
    let put = Put::Update {
        update,
        allow_missing: false,
    };
    let after = world.put("web", put).unwrap();
    assert_eq!(after.spec, stored.spec);
    assert_eq!(after.meta.labels, labels);
    assert_eq!(
        after.meta.generation, stored.meta.generation,
        "labels are no specification"
    );
}

#[test]
fn namespaces_must_exist_and_go_only_when_empty() {
    let mut world = World::usual();
    let Refusal::NotFound { resource, remedy } =
        world.create("shop/web", cluster_ip()).unwrap_err()
    else {
        panic!("another refusal");
    };
    assert_eq!(resource, "namespaces/shop");
    assert!(!remedy.is_empty());
    world.namespace("shop");
    world.create("shop/web", cluster_ip()).unwrap();
    let delete = |text, force| {
        Action::Namespace(NamespaceAction::Delete {
            name: name(text),
            force,
            delete: Delete::default(),
        })
    };
    assert_eq!(
        reason(&world.run(delete("shop", false)).unwrap_err()),
        "NAMESPACE_NOT_EMPTY"
    );
    assert_eq!(
        reason(&world.run(delete("default", true)).unwrap_err()),
        "POLICY"
    );
    world.run(delete("shop", true)).unwrap();
    assert_eq!(world.state.services_after(None, None).count(), 0);
    assert_eq!(world.state.ip_claims().count(), 0);
}
