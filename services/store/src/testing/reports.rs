//! Events and what nodes reported: outside the log.

use portolan_model::view::{ViewKey, ViewKind};
use portolan_model::{Event, EventType, NodeReport, Rejection, RejectionCode, Revision, Timestamp};

use super::Harness;
use super::fixtures::{cluster, name, uid};
use crate::Store;
use crate::reports::MAX_EVENTS;

fn event(object: &str, message: &str, at: i64) -> Event {
    Event {
        object: object.to_owned(),
        object_uid: uid(object),
        event_type: EventType::Warning,
        reason: "AddressQuarantined".to_owned(),
        message: message.to_owned(),
        component: "allocator".to_owned(),
        count: 1,
        first_at: Timestamp(at),
        last_at: Timestamp(at),
    }
}

/// In one call and over several; the newest comes last.
pub async fn equal_events_are_counted_up<H: Harness>(harness: H) {
    let store = harness.open().await;
    let web = "namespaces/default/services/web";
    store
        .record_events(
            &cluster(),
            &[event(web, "a", 1), event(web, "b", 2), event(web, "a", 3)],
        )
        .await
        .expect("record");
    store
        .record_events(&cluster(), &[event(web, "a", 5)])
        .await
        .expect("record");
    store
        .record_events(&cluster(), &[])
        .await
        .expect("nothing to record");
    let counted = Event {
        count: 3,
        first_at: Timestamp(1),
        last_at: Timestamp(5),
        ..event(web, "a", 0)
    };
    assert_eq!(
        store.events(&cluster(), "", 10).await.expect("events"),
        [event(web, "b", 2), counted.clone()]
    );
    assert_eq!(
        store.events(&cluster(), "", 1).await.expect("events"),
        [counted]
    );
    assert!(
        store
            .events(&name("other"), "", 10)
            .await
            .expect("events")
            .is_empty()
    );
}

/// The oldest go.
pub async fn events_are_bounded<H: Harness>(harness: H) {
    let store = harness.open().await;
    let surplus = 25_i64;
    let all = i64::try_from(MAX_EVENTS).expect("a small number") + surplus;
    let events: Vec<_> = (0..all)
        .map(|n| event("nodes/n1", &format!("{n}"), n))
        .collect();
    for chunk in events.chunks(2_500) {
        store
            .record_events(&cluster(), chunk)
            .await
            .expect("record");
    }
    let kept = store
        .events(&cluster(), "", usize::MAX)
        .await
        .expect("events");
    assert_eq!(kept.len(), MAX_EVENTS);
    assert_eq!(
        kept.first().map(|event| event.last_at),
        Some(Timestamp(surplus))
    );
    assert_eq!(
        kept.last().map(|event| event.last_at),
        Some(Timestamp(all - 1))
    );
}

/// A resource, or everything in it, but not its neighbours.
pub async fn events_are_found_below_a_resource<H: Harness>(harness: H) {
    let store = harness.open().await;
    let objects = [
        "namespaces/a",
        "namespaces/a/services/web",
        "namespaces/ab/services/web",
        "nodes/n_1",
        "nodes/nx1",
    ];
    let events: Vec<_> = (0..)
        .zip(objects)
        .map(|(at, object)| event(object, "m", at))
        .collect();
    store
        .record_events(&cluster(), &events)
        .await
        .expect("record");
    for (below, expected) in [
        ("", &objects[..]),
        ("namespaces/a", &objects[..2]),
        ("namespaces/a/services", &objects[1..2]),
        ("namespaces/a/services/web", &objects[1..2]),
        ("nodes/n_1", &objects[3..4]),
        ("nodes/%", &[]),
    ] {
        let found = store.events(&cluster(), below, 100).await.expect("events");
        let found: Vec<_> = found.iter().map(|event| event.object.as_str()).collect();
        assert_eq!(found, expected, "below {below:?}");
    }
}

fn node_report(identity: &str, session: u64, attempted: u64) -> NodeReport {
    let rejection = Rejection {
        object: ViewKey::new(ViewKind::Service, uid("web")),
        since: Revision(3),
        code: RejectionCode::PortInUse,
        message: "port 80 is taken by 'other'".to_owned(),
    };
    NodeReport {
        node: name("n1"),
        uid: uid(identity),
        session,
        connected: true,
        attempted: Revision(attempted),
        durable: Revision(attempted - 1),
        rejected: vec![rejection],
        last_contact: Timestamp(1_700_000_000_000_009),
    }
}

/// Through whatever replica a report comes, sessions only grow.
pub async fn an_older_session_never_overwrites_a_newer_one<H: Harness>(harness: H) {
    let (store, other) = (harness.open().await, harness.open().await);
    for (session, attempted, kept) in [(5, 10, 10), (4, 11, 10), (5, 12, 12), (6, 2, 2), (5, 13, 2)]
    {
        let rows = [
            node_report("x", session, attempted),
            NodeReport {
                node: name("n2"),
                ..node_report("y", 1, 1)
            },
        ];
        store
            .put_node_reports(&cluster(), &rows)
            .await
            .expect("flush");
        let seen = other.node_reports(&cluster()).await.expect("runtime");
        assert_eq!(seen.len(), 2);
        assert_eq!(
            seen.iter()
                .find(|row| row.node == name("n1"))
                .map(|row| row.attempted),
            Some(Revision(kept))
        );
    }
    let both = [node_report("x", 9, 20), node_report("x", 8, 21)];
    store
        .put_node_reports(&cluster(), &both)
        .await
        .expect("flush");
    let seen = other.node_reports(&cluster()).await.expect("runtime");
    assert!(seen.contains(&both[0]), "{seen:?}");
}

/// A node that was made anew starts anew, whatever session it is in.
pub async fn another_uid_replaces_the_row_of_its_predecessor<H: Harness>(harness: H) {
    let store = harness.open().await;
    store
        .put_node_reports(&cluster(), &[node_report("old", 9, 9)])
        .await
        .expect("flush");
    store
        .put_node_reports(&cluster(), &[node_report("new", 1, 1)])
        .await
        .expect("flush");
    assert_eq!(
        store.node_reports(&cluster()).await.expect("runtime"),
        [node_report("new", 1, 1)]
    );
}

/// Deleted nodes leave nothing behind.
pub async fn a_forgotten_node_has_no_row<H: Harness>(harness: H) {
    let store = harness.open().await;
    store
        .put_node_reports(&cluster(), &[node_report("x", 1, 1)])
        .await
        .expect("flush");
    store
        .forget_node_report(&name("other"), &name("n1"))
        .await
        .expect("forget");
    assert_eq!(
        store.node_reports(&cluster()).await.expect("runtime").len(),
        1
    );
    for _ in 0..2 {
        store
            .forget_node_report(&cluster(), &name("n1"))
            .await
            .expect("forget");
        assert!(
            store
                .node_reports(&cluster())
                .await
                .expect("runtime")
                .is_empty()
        );
    }
}

/// A cluster that is created under the name of a deleted one finds nothing of it, and takes nothing from others.
pub async fn a_forgotten_cluster_has_no_reports<H: Harness>(harness: H) {
    let store = harness.open().await;
    let other = name("other");
    for cluster in [&cluster(), &other] {
        let rows = [node_report("x", 1, 1)];
        store.put_node_reports(cluster, &rows).await.expect("flush");
        let events = [event("namespaces/default/services/web", "was released", 1)];
        store.record_events(cluster, &events).await.expect("record");
    }
    store.forget_reports(&cluster()).await.expect("forget");
    let left = async |cluster: &portolan_model::Name| {
        let runtime = store.node_reports(cluster).await.expect("runtime");
        let events = store.events(cluster, "", 10).await.expect("events");
        (runtime.len(), events.len())
    };
    assert_eq!(left(&cluster()).await, (0, 0));
    assert_eq!(left(&other).await, (1, 1));
}
