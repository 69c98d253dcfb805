//! Events and what nodes reported.

use portolan_model::{Digest, Event, EventType, Name, NodeReport, Timestamp, Uid};
use portolan_store::StoreError;
use portolan_store::events::{MAX_EVENTS, merge_events};
use portolan_store::node_reports::merge_node_reports;
use portolan_store::rows::{number, revision};
use sqlx::postgres::PgRow;
use sqlx::{PgPool, Row};

use crate::error::{STEP, bounded, while_doing};
use crate::write::text;

const RECORD: &str = "
INSERT INTO events (cluster, fingerprint, object, object_uid, event_type, reason, message, component, count, first_at, last_at)
SELECT $1, fingerprint, object, object_uid, event_type, reason, message, component, count,
       timestamptz 'epoch' + first_at * interval '1 microsecond', timestamptz 'epoch' + last_at * interval '1 microsecond'
FROM unnest($2::bytea[], $3::text[], $4::uuid[], $5::text[], $6::text[], $7::text[], $8::text[], $9::bigint[], $10::bigint[], $11::bigint[])
    AS e (fingerprint, object, object_uid, event_type, reason, message, component, count, first_at, last_at)
ON CONFLICT (cluster, fingerprint) DO UPDATE SET count = events.count + excluded.count,
    first_at = least(events.first_at, excluded.first_at), last_at = greatest(events.last_at, excluded.last_at)";

const TRIM: &str = "
DELETE FROM events WHERE cluster = $1 AND fingerprint IN (
    SELECT fingerprint FROM events WHERE cluster = $1 ORDER BY last_at DESC OFFSET $2)";

const EVENTS: &str = "
SELECT object, object_uid, event_type, reason, message, component, count,
       (extract(epoch FROM first_at) * 1000000)::bigint AS first_at, (extract(epoch FROM last_at) * 1000000)::bigint AS last_at
FROM events WHERE cluster = $1 AND ($2 = '' OR object = $2 OR starts_with(object, $2 || '/'))
ORDER BY events.last_at DESC LIMIT $3";

const FLUSH: &str = "
INSERT INTO node_runtime AS known (cluster, node, uid, session, connected, attempted, durable, rejected, last_contact)
SELECT $1, node, uid, session, connected, attempted, durable, rejected::json, timestamptz 'epoch' + last_contact * interval '1 microsecond'
FROM unnest($2::text[], $3::uuid[], $4::bigint[], $5::boolean[], $6::bigint[], $7::bigint[], $8::text[], $9::bigint[])
    AS r (node, uid, session, connected, attempted, durable, rejected, last_contact)
ON CONFLICT (cluster, node) DO UPDATE SET
    uid = excluded.uid, session = excluded.session, connected = excluded.connected, attempted = excluded.attempted,
    durable = excluded.durable, rejected = excluded.rejected, last_contact = excluded.last_contact
WHERE excluded.uid <> known.uid OR excluded.session >= known.session";

const RUNTIME: &str = "
SELECT node, uid, session, connected, attempted, durable, rejected::text AS rejected,
       (extract(epoch FROM last_contact) * 1000000)::bigint AS last_contact
FROM node_runtime WHERE cluster = $1";

pub(crate) async fn record_events(
    pool: &PgPool,
    cluster: &Name,
    events: &[Event],
) -> Result<(), StoreError> {
    let events = merge_events(events);
    let record = sqlx::query(RECORD)
        .bind(cluster.as_str())
        .bind(column(&events, fingerprint))
        .bind(column(&events, |event| text(&event.object)))
        .bind(column(&events, |event| event.object_uid.as_uuid()))
        .bind(column(&events, |event| match event.event_type {
            EventType::Normal => "Normal",
            EventType::Warning => "Warning",
        }))
        .bind(column(&events, |event| text(&event.reason)))
        .bind(column(&events, |event| text(&event.message)))
        .bind(column(&events, |event| text(&event.component)))
        .bind(column(&events, |event| number(event.count)))
        .bind(column(&events, |event| event.first_at.0))
        .bind(column(&events, |event| event.last_at.0));
    bounded(STEP, "recording events", record.execute(pool)).await?;
    let trim = sqlx::query(TRIM)
        .bind(cluster.as_str())
        .bind(number(MAX_EVENTS as u64));
    bounded(STEP, "forgetting old events", trim.execute(pool)).await?;
    Ok(())
}

/// What makes two events one. A message may be longer than an index takes.
fn fingerprint(event: &Event) -> Vec<u8> {
    let parts = [&event.reason, &event.component, &event.message];
    let [reason, component, message] = parts.map(String::as_bytes);
    Digest::of(&[
        event.object_uid.as_bytes(),
        reason,
        &[0],
        component,
        &[0],
        message,
    ])
    .as_bytes()
    .to_vec()
}

fn column<R, T>(rows: &[R], field: impl FnMut(&R) -> T) -> Vec<T> {
    rows.iter().map(field).collect()
}

pub(crate) async fn events(
    pool: &PgPool,
    cluster: &Name,
    below: &str,
    limit: usize,
) -> Result<Vec<Event>, StoreError> {
    let query = sqlx::query(EVENTS)
        .bind(cluster.as_str())
        .bind(text(below))
        .bind(number(limit as u64));
    let rows = bounded(STEP, "reading events", query.fetch_all(pool)).await?;
    rows.iter()
        .rev()
        .map(event)
        .collect::<Result<_, _>>()
        .map_err(while_doing("reading events"))
}

fn event(row: &PgRow) -> Result<Event, sqlx::Error> {
    let warning = row.try_get::<&str, _>("event_type")? == "Warning";
    Ok(Event {
        object: row.try_get("object")?,
        object_uid: Uid::from(row.try_get::<uuid::Uuid, _>("object_uid")?),
        event_type: if warning {
            EventType::Warning
        } else {
            EventType::Normal
        },
        reason: row.try_get("reason")?,
        message: row.try_get("message")?,
        component: row.try_get("component")?,
        count: row.try_get::<i64, _>("count")?.unsigned_abs(),
        first_at: Timestamp(row.try_get("first_at")?),
        last_at: Timestamp(row.try_get("last_at")?),
    })
}

pub(crate) async fn put_node_reports(
    pool: &PgPool,
    cluster: &Name,
    runtime: &[NodeReport],
) -> Result<(), StoreError> {
    let rows = merge_node_reports(runtime);
    let rejected = |row: &&NodeReport| {
        serde_json::to_string(&row.rejected).expect("texts and numbers are JSON")
    };
    let flush = sqlx::query(FLUSH)
        .bind(cluster.as_str())
        .bind(column(&rows, |row| row.node.to_string()))
        .bind(column(&rows, |row| row.uid.as_uuid()))
        .bind(column(&rows, |row| number(row.session)))
        .bind(column(&rows, |row| row.connected))
        .bind(column(&rows, |row| number(row.attempted.0)))
        .bind(column(&rows, |row| number(row.durable.0)))
        .bind(column(&rows, rejected))
        .bind(column(&rows, |row| row.last_contact.0));
    bounded(STEP, "keeping what nodes reported", flush.execute(pool)).await?;
    Ok(())
}

pub(crate) async fn node_reports(
    pool: &PgPool,
    cluster: &Name,
) -> Result<Vec<NodeReport>, StoreError> {
    let context = "reading what nodes reported";
    let rows = bounded(
        STEP,
        context,
        sqlx::query(RUNTIME).bind(cluster.as_str()).fetch_all(pool),
    )
    .await?;
    rows.iter()
        .map(node_runtime)
        .collect::<Result<_, _>>()
        .map_err(while_doing(context))
}

fn node_runtime(row: &PgRow) -> Result<NodeReport, sqlx::Error> {
    let rejected = serde_json::from_str(row.try_get("rejected")?);
    Ok(NodeReport {
        node: Name::trusted(row.try_get::<String, _>("node")?),
        uid: Uid::from(row.try_get::<uuid::Uuid, _>("uid")?),
        session: row.try_get::<i64, _>("session")?.unsigned_abs(),
        connected: row.try_get("connected")?,
        attempted: revision(row.try_get("attempted")?),
        durable: revision(row.try_get("durable")?),
        rejected: rejected.map_err(|error| sqlx::Error::Decode(error.into()))?,
        last_contact: Timestamp(row.try_get("last_contact")?),
    })
}

pub(crate) async fn forget_node_report(
    pool: &PgPool,
    cluster: &Name,
    node: &Name,
) -> Result<(), StoreError> {
    let forget = sqlx::query("DELETE FROM node_runtime WHERE cluster = $1 AND node = $2")
        .bind(cluster.as_str())
        .bind(node.as_str());
    bounded(
        STEP,
        "forgetting what a node reported",
        forget.execute(pool),
    )
    .await?;
    Ok(())
}

pub(crate) async fn forget_reports(pool: &PgPool, cluster: &Name) -> Result<(), StoreError> {
    for statement in [
        "DELETE FROM events WHERE cluster = $1",
        "DELETE FROM node_runtime WHERE cluster = $1",
    ] {
        let forget = sqlx::query(statement).bind(cluster.as_str());
        bounded(STEP, "forgetting a cluster's reports", forget.execute(pool)).await?;
    }
    Ok(())
}
