//! The tables: always what the log leads to.

use portolan_model::{Change, Object, Revision, State};

use super::fixtures::{
    address, cluster, cluster_object, endpoint, ip_claim, namespace, node, owner, port_claim,
    quarantined, request, service, service_cidr, workload,
};
use super::log::replay;
use super::{Harness, Writer};
use crate::Store;

/// Loads, and compares with a replay of the whole log.
pub(super) async fn assert_tables_equal_replay<S: Store>(store: &S) -> State {
    let loaded = store.load(&cluster(), 1).await.expect("load");
    let tables = State::from_objects(loaded.revision, loaded.objects);
    let mut replayed = State::default();
    for commit in replay(store).await {
        replayed.apply_all(commit.revision, &commit.changes);
        assert_eq!(replayed.digest(), commit.digest);
    }
    assert_eq!(tables.revision(), replayed.revision());
    assert_eq!(tables.digest(), replayed.digest());
    tables
}

/// I4, over each kind of change.
pub async fn loading_equals_replaying_the_log<H: Harness>(harness: H) {
    let mut writer = Writer::new(harness.open().await, &cluster());
    let held = ip_claim(address(1), "a");
    let mut released = held.clone();
    released.state = quarantined();
    for changes in [
        vec![
            Change::create(service("a", 1)),
            Change::create(held.clone()),
            Change::create(port_claim(30_001, "a")),
        ],
        vec![Change::update(service("a", 1), service("a", 2))],
        vec![
            Change::update(held, released.clone()),
            Change::delete(service("a", 2)),
        ],
        vec![Change::delete(port_claim(30_001, "a"))],
        vec![Change::delete(released)],
    ] {
        writer.put(changes).await;
        let tables = assert_tables_equal_replay(writer.store()).await;
        assert_eq!(tables.digest(), writer.state().digest());
    }
}

/// About as long as asked for; never empty if there is a commit.
pub async fn the_tail_is_contiguous_and_ends_at_the_head<H: Harness>(harness: H) {
    let mut writer = Writer::new(harness.open().await, &cluster());
    for n in 0..6 {
        writer
            .put(
                (0..3)
                    .map(|m| Change::create(service(&format!("s{n}-{m}"), 1)))
                    .collect(),
            )
            .await;
    }
    let log = replay(writer.store()).await;
    for (tail, commits) in [(0, 1), (1, 1), (3, 1), (4, 2), (6, 2), (1000, 6)] {
        let loaded = writer.store().load(&cluster(), tail).await.expect("load");
        assert_eq!(loaded.revision, Revision(6));
        assert_eq!(loaded.tail, log[6 - commits..], "a tail of {tail}");
    }
}

/// The tables get the net effect; the log keeps each step.
pub async fn an_object_may_be_deleted_and_created_in_one_commit<H: Harness>(harness: H) {
    let mut writer = Writer::new(harness.open().await, &cluster());
    let claims = |holder: &str| (ip_claim(address(1), holder), port_claim(30_001, holder));
    let ((ip_old, port_old), (ip_new, port_new)) = (claims("old"), claims("new"));
    writer
        .put(vec![
            Change::create(service("a", 1)),
            Change::create(ip_old.clone()),
            Change::create(port_old.clone()),
        ])
        .await;
    let again = vec![
        Change::delete(service("a", 1)),
        Change::delete(ip_old),
        Change::delete(port_old),
        Change::create(service("a", 2)),
        Change::create(ip_new.clone()),
        Change::create(port_new),
        Change::update(service("a", 2), service("a", 3)),
    ];
    let commit = writer.put(again.clone()).await;
    assert_eq!(commit.changes, again);
    assert_eq!(replay(writer.store()).await[1].changes, again);
    let tables = assert_tables_equal_replay(writer.store()).await;
    assert_eq!(
        tables.ip_claim(address(1)).map(|claim| claim.owner.clone()),
        Some(owner("new"))
    );
}

/// What was created and deleted again leaves only its traces in the log.
pub async fn an_object_may_come_and_go_in_one_commit<H: Harness>(harness: H) {
    let mut writer = Writer::new(harness.open().await, &cluster());
    let passing = ip_claim(address(9), "x");
    let commit = writer
        .put(vec![
            Change::create(passing.clone()),
            Change::delete(passing),
        ])
        .await;
    assert_eq!(commit.changes.len(), 2);
    assert!(
        writer
            .store()
            .load(&cluster(), 1)
            .await
            .expect("load")
            .objects
            .is_empty()
    );
    assert_tables_equal_replay(writer.store()).await;
}

fn one_of_each_kind() -> Vec<Object> {
    let mut released = ip_claim("fd00::1".parse().expect("an address"), "gone");
    released.state = quarantined();
    let mut released_port = port_claim(65_535, "gone");
    released_port.state = quarantined();
    vec![
        cluster_object("default").into(),
        service_cidr("main").into(),
        namespace("default").into(),
        service("web", 1).into(),
        workload("web-1").into(),
        endpoint("web.m.manual.x", true).into(),
        node("n1.example").into(),
        ip_claim(address(1), "web").into(),
        released.into(),
        port_claim(1, "web").into(),
        released_port.into(),
        request("r1").into(),
    ]
}

/// Whatever column a value is kept in, and whatever text is in it.
pub async fn every_kind_is_read_back_exactly<H: Harness>(harness: H) {
    let store = harness.open().await;
    let mut expected = one_of_each_kind();
    Writer::new(store.clone(), &cluster())
        .put(expected.iter().cloned().map(Change::create).collect())
        .await;
    let mut loaded = store.load(&cluster(), 1).await.expect("load").objects;
    for objects in [&mut expected, &mut loaded] {
        objects.sort_by_key(|object| (object.kind(), object.path()));
    }
    assert_eq!(loaded, expected);
}

/// 5,000 changes in one transaction.
pub async fn a_large_commit_works<H: Harness>(harness: H) {
    let mut writer = Writer::new(harness.open().await, &cluster());
    let create = |n: u16| {
        [
            Change::create(service(&format!("s{n}"), 1)),
            Change::create(ip_claim(address(n), &format!("s{n}"))),
        ]
    };
    let commit = writer.put((0..2500).flat_map(create).collect()).await;
    assert_eq!(commit.changes.len(), 5000);
    assert_eq!(replay(writer.store()).await, [commit.as_ref().clone()]);
    let remove = |change: &Change| change.inverse();
    writer
        .put(commit.changes.iter().map(remove).collect())
        .await;
    assert!(
        writer
            .store()
            .load(&cluster(), 1)
            .await
            .expect("load")
            .objects
            .is_empty()
    );
}

/// A persistent store has everything; the memory has nothing, and says so by being another store.
pub async fn a_restart_keeps_what_the_store_promises_to_keep<H: Harness>(mut harness: H) {
    let store = harness.open().await;
    let store_id = store.store_id();
    assert_eq!(
        harness.open().await.store_id(),
        store_id,
        "another handle has the same identity"
    );
    let mut writer = Writer::new(store, &cluster());
    let commit = writer.put(vec![Change::create(service("web", 1))]).await;
    drop(writer);
    let restarted = harness.restart().await;
    let loaded = restarted.load(&cluster(), 1).await.expect("load");
    assert_eq!(restarted.store_id() == store_id, H::PERSISTENT);
    if H::PERSISTENT {
        assert_eq!(loaded.objects, [service("web", 1).into()]);
        assert_eq!(loaded.tail, [commit.as_ref().clone()]);
    } else {
        assert_eq!((loaded.revision, loaded.objects.len()), (Revision::ZERO, 0));
    }
    let next = Writer::new(restarted, &cluster())
        .put(vec![Change::create(service("api", 1))])
        .await;
    assert_eq!(next.revision, loaded.revision.next());
}
