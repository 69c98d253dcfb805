//! What all stores agree on about events.

use std::collections::BTreeMap;

use portolan_model::{Event, Uid};

/// Events kept of a cluster; the oldest go.
pub const MAX_EVENTS: usize = portolan_model::limits::EVENTS.value;

/// What makes two events one that happened twice.
type EventKey<'a> = (Uid, &'a str, &'a str, &'a str);

/// The key of an event.
pub fn event_key(event: &Event) -> EventKey<'_> {
    (
        event.object_uid,
        &event.reason,
        &event.component,
        &event.message,
    )
}

/// Counts `newer` up on the same event seen before.
pub fn count_up(known: &mut Event, newer: &Event) {
    known.count = known.count.saturating_add(newer.count);
    known.last_at = known.last_at.max(newer.last_at);
    known.first_at = known.first_at.min(newer.first_at);
}

/// Every event once, in the order of their keys: writers that touch the same rows in the same order can't deadlock.
pub fn merge_events(events: &[Event]) -> Vec<Event> {
    let mut merged: BTreeMap<EventKey<'_>, Event> = BTreeMap::new();
    for event in events {
        merged
            .entry(event_key(event))
            .and_modify(|known| count_up(known, event))
            .or_insert_with(|| event.clone());
    }
    merged.into_values().collect()
}
