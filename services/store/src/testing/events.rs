//! Events: outside the log.

use portolan_model::{Event, EventType, Timestamp};

use super::Harness;
use super::fixtures::{cluster, name, uid};
use crate::Store;
use crate::events::MAX_EVENTS;

pub(super) fn event(object: &str, message: &str, at: i64) -> Event {
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
