//! Events and what nodes reported.

use portolan_model::{Event, EventType, Name, NodeReport, Revision, Timestamp, Uid};
use portolan_store::StoreError;
use portolan_store::events::{MAX_EVENTS, merge_events};
use portolan_store::node_reports::merge_node_reports;
use portolan_store::rows::{number, revision};
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use sqlx::{Row, SqlitePool};
use uuid::fmt::Hyphenated;

use crate::error::while_doing;
use crate::write::json;

const RECORD: &str = "
BEGIN IMMEDIATE;
INSERT INTO events (cluster, object, object_uid, event_type, reason, message, component, count, first_at, last_at)
SELECT $1, value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6, value ->> 7, value ->> 8
FROM json_each($2) WHERE true
ON CONFLICT (cluster, object_uid, reason, component, message) DO UPDATE SET
    count = count + excluded.count, first_at = min(first_at, excluded.first_at), last_at = max(last_at, excluded.last_at);
DELETE FROM events WHERE rowid IN (
    SELECT rowid FROM events WHERE cluster = $1 ORDER BY last_at DESC, rowid DESC LIMIT -1 OFFSET $3);
COMMIT;";

const EVENTS: &str = "
SELECT * FROM (
    SELECT * , rowid FROM events
    WHERE cluster = $1 AND ($2 = '' OR object = $2 OR substr(object, 1, length($2) + 1) = $2 || '/')
    ORDER BY last_at DESC, rowid DESC LIMIT $3
) ORDER BY last_at, rowid";

const FLUSH: &str = "
INSERT INTO node_runtime (cluster, node, uid, session, connected, attempted, durable, rejected, last_contact)
SELECT $1, value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6, value ->> 7
FROM json_each($2) WHERE true
ON CONFLICT (cluster, node) DO UPDATE SET
    uid = excluded.uid, session = excluded.session, connected = excluded.connected, attempted = excluded.attempted,
    durable = excluded.durable, rejected = excluded.rejected, last_contact = excluded.last_contact
WHERE excluded.uid <> node_runtime.uid OR excluded.session >= node_runtime.session";

pub(crate) async fn record_events(
    connection: &mut SqliteConnection,
    cluster: &Name,
    events: &[Event],
) -> Result<(), StoreError> {
    let merged = merge_events(events);
    let rows: Vec<_> = merged
        .iter()
        .map(|event| {
            let uid = event.object_uid.to_string();
            let times = (number(event.count), event.first_at.0, event.last_at.0);
            (
                &event.object,
                uid,
                event.event_type,
                &event.reason,
                &event.message,
                &event.component,
                times.0,
                times.1,
                times.2,
            )
        })
        .collect();
    sqlx::query(RECORD)
        .bind(cluster.as_str())
        .bind(json(&rows))
        .bind(number(MAX_EVENTS as u64))
        .execute(connection)
        .await
        .map_err(while_doing("recording events"))?;
    Ok(())
}

pub(crate) async fn events(
    readers: &SqlitePool,
    cluster: &Name,
    below: &str,
    limit: usize,
) -> Result<Vec<Event>, StoreError> {
    let query = sqlx::query(EVENTS)
        .bind(cluster.as_str())
        .bind(below)
        .bind(number(limit as u64));
    let rows = query
        .fetch_all(readers)
        .await
        .map_err(while_doing("reading events"))?;
    rows.iter()
        .map(event)
        .collect::<Result<_, _>>()
        .map_err(while_doing("reading events"))
}

fn event(row: &SqliteRow) -> Result<Event, sqlx::Error> {
    let warning = row.try_get::<&str, _>("event_type")? == "Warning";
    Ok(Event {
        object: row.try_get("object")?,
        object_uid: Uid::from(row.try_get::<Hyphenated, _>("object_uid")?.into_uuid()),
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
    connection: &mut SqliteConnection,
    cluster: &Name,
    runtime: &[NodeReport],
) -> Result<(), StoreError> {
    let number = |revision: Revision| number(revision.0);
    let rows: Vec<_> = merge_node_reports(runtime)
        .into_iter()
        .map(|row| {
            let (attempted, durable) = (number(row.attempted), number(row.durable));
            let (uid, rejected) = (row.uid.to_string(), json(&row.rejected));
            let session = portolan_store::rows::number(row.session);
            (
                &row.node,
                uid,
                session,
                row.connected,
                attempted,
                durable,
                rejected,
                row.last_contact.0,
            )
        })
        .collect();
    let query = sqlx::query(FLUSH).bind(cluster.as_str()).bind(json(&rows));
    query
        .execute(connection)
        .await
        .map_err(while_doing("keeping what nodes reported"))?;
    Ok(())
}

pub(crate) async fn node_reports(
    readers: &SqlitePool,
    cluster: &Name,
) -> Result<Vec<NodeReport>, StoreError> {
    let context = "reading what nodes reported";
    let query = sqlx::query("SELECT * FROM node_runtime WHERE cluster = $1").bind(cluster.as_str());
    let rows = query
        .fetch_all(readers)
        .await
        .map_err(while_doing(context))?;
    rows.iter()
        .map(node_runtime)
        .collect::<Result<_, _>>()
        .map_err(while_doing(context))
}

fn node_runtime(row: &SqliteRow) -> Result<NodeReport, sqlx::Error> {
    let rejected = serde_json::from_str(row.try_get("rejected")?);
    Ok(NodeReport {
        node: Name::trusted(row.try_get::<String, _>("node")?),
        uid: Uid::from(row.try_get::<Hyphenated, _>("uid")?.into_uuid()),
        session: row.try_get::<i64, _>("session")?.unsigned_abs(),
        connected: row.try_get("connected")?,
        attempted: revision(row.try_get("attempted")?),
        durable: revision(row.try_get("durable")?),
        rejected: rejected.map_err(|error| sqlx::Error::Decode(error.into()))?,
        last_contact: Timestamp(row.try_get("last_contact")?),
    })
}
