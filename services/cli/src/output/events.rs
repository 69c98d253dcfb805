//! Events, as `kubectl events` shows them.

use portolan_proto::v1;
use prost_types::Timestamp;

use super::age::{age, rfc3339};
use super::table::Table;
use super::yaml::{Document, Fields};
use crate::object;

/// The newest last, as they came.
pub(crate) fn table(events: &[v1::Event], with_namespace: bool, now: Timestamp) -> Table {
    let mut header = vec!["LAST SEEN", "TYPE", "REASON", "OBJECT", "MESSAGE"];
    if with_namespace {
        header.insert(0, "NAMESPACE");
    }
    let mut table = Table::new(header);
    for event in events {
        let mut row = vec![
            seen(event, now),
            kind(event).to_owned(),
            event.reason.clone(),
            object::short(&event.object),
            event.message.clone(),
        ];
        if with_namespace {
            row.insert(0, namespace(&event.object).to_owned());
        }
        table.push(row);
    }
    table
}

/// `5s`, or `5s (x3 over 2m)`.
pub(super) fn seen(event: &v1::Event, now: Timestamp) -> String {
    let last = age(event.last_time.as_ref(), now);
    match event.count {
        0 | 1 => last,
        count => format!(
            "{last} (x{count} over {})",
            age(event.first_time.as_ref(), now)
        ),
    }
}

pub(super) fn kind(event: &v1::Event) -> &'static str {
    match event.r#type() {
        v1::EventType::Warning => "Warning",
        v1::EventType::Normal | v1::EventType::Unspecified => "Normal",
    }
}

fn namespace(path: &str) -> &str {
    let mut parts = path.split('/').skip_while(|part| *part != "namespaces");
    parts.nth(1).unwrap_or("-")
}

pub(crate) fn document(event: &v1::Event) -> Document {
    Fields::new()
        .field("apiVersion", "portolan/v1")
        .field("kind", "Event")
        .field("object", event.object.as_str())
        .field("objectUid", event.object_uid.as_str())
        .field("type", kind(event))
        .field("reason", event.reason.as_str())
        .field("message", event.message.as_str())
        .field("component", event.component.as_str())
        .field("count", event.count)
        .optional("firstTime", event.first_time.as_ref().map(rfc3339))
        .optional("lastTime", event.last_time.as_ref().map(rfc3339))
        .end()
}

/// `event/service/web`: events have no names of their own.
pub(crate) fn name(event: &v1::Event) -> String {
    format!("{}/{}", object::last(&event.object), event.reason)
}
