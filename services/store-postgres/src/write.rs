//! What a commit writes: one statement, from arrays.

use std::time::Duration;

use portolan_model::Name;
use portolan_store::rows::{ChangeRow, Effect, change_rows, number};
use portolan_store::{AuditEntry, FORMAT, StoreError, Write};
use sqlx::postgres::PgConnection;
use uuid::Uuid;

use crate::connection::STEP;
use crate::error::bounded;

/// A claim's key and columns, from its JSON.
macro_rules! claim {
    ($key:literal) => {
        concat!($key, ", (after -> 'owner' ->> 'uid')::uuid AS owner_uid,
         (after -> 'owner' ->> 'namespace') || '/' || (after -> 'owner' ->> 'name') AS owner,
         CASE after ->> 'state' WHEN 'held' THEN 'held' ELSE 'quarantined' END AS state,
         (after #>> '{state,quarantined,released_in}')::bigint AS released_in,
         timestamptz 'epoch' + (after #>> '{state,quarantined,released_at}')::bigint * interval '1 microsecond' AS released_at")
    };
}

/// Rows of `change` for one table, with the place of the row that they change or remove. The lookup is a subquery so
/// that it stays a lookup: a join would be planned once, on a guess about sizes, and may scan the table for every row.
macro_rules! rows_for {
    ($table:literal, $columns:expr, $key:literal, $kinds:literal) => {
        concat!(
            "SELECT c.*, CASE WHEN effect > 1 THEN (SELECT t.ctid FROM ",
            $table,
            " t WHERE t.cluster = $1 AND ",
            $key,
            ") END AS place FROM (SELECT effect, ",
            $columns,
            " FROM change WHERE effect > 0 AND kind ",
            $kinds,
            ") c"
        )
    };
}

/// All parts see the tables as they were before the statement; no two of them touch the same row. What should change
/// or remove rows is counted: fewer than expected means that the tables are not what the log says.
pub(crate) const WRITE: &str = concat!(
    "
WITH change AS MATERIALIZED (
    SELECT kind, path, uid, before::json AS before, after::json AS after, effect, ordinal::integer - 1 AS ord
    FROM unnest($8::smallint[], $9::text[], $10::uuid[], $11::text[], $12::text[], $13::smallint[])
        WITH ORDINALITY AS c (kind, path, uid, before, after, effect, ordinal)
), log AS (
    INSERT INTO change_log (cluster, rev, ord, kind, path, uid, before, after, committed_at, token, traceparent, digest, format)
    SELECT $1, $2, ord, kind, path, uid, before, after, timestamptz 'epoch' + $3 * interval '1 microsecond',
           CASE ord WHEN $14 THEN $4::uuid END, CASE ord WHEN $14 THEN $5 END, CASE ord WHEN $14 THEN $6::bytea END, $7
    FROM change
), entry AS (
    INSERT INTO audit (cluster, rev, ord, at, principal, method, resource, request_id)
    SELECT $1, $2, ordinal::integer - 1, timestamptz 'epoch' + $3 * interval '1 microsecond', principal, method, resource, request_id
    FROM unnest($15::text[], $16::text[], $17::text[], $18::uuid[])
        WITH ORDINALITY AS a (principal, method, resource, request_id, ordinal)
), object AS MATERIALIZED (",
    rows_for!(
        "objects",
        "kind, path, uid, after",
        "t.kind = c.kind AND t.path = c.path",
        "NOT IN (8, 9)"
    ),
    "), object_new AS (
    INSERT INTO objects (cluster, kind, path, uid, revision, body)
    SELECT $1, kind, path, uid, $2, after FROM object WHERE effect = 1
), object_set AS (
    UPDATE objects t SET uid = c.uid, revision = $2, body = c.after FROM object c WHERE c.effect = 2 AND t.ctid = c.place
    RETURNING 1
), object_gone AS (
    DELETE FROM objects t USING object c WHERE c.effect = 3 AND t.ctid = c.place
    RETURNING 1
), ip AS MATERIALIZED (",
    rows_for!("ip_claims", claim!("path::inet AS address"), "t.address = c.address", "= 8"),
    "), ip_new AS (
    INSERT INTO ip_claims (cluster, address, owner_uid, owner, state, released_in, released_at)
    SELECT $1, address, owner_uid, owner, state, released_in, released_at FROM ip WHERE effect = 1
), ip_set AS (
    UPDATE ip_claims t SET owner_uid = c.owner_uid, owner = c.owner, state = c.state, released_in = c.released_in, released_at = c.released_at
    FROM ip c WHERE c.effect = 2 AND t.ctid = c.place
    RETURNING 1
), ip_gone AS (
    DELETE FROM ip_claims t USING ip c WHERE c.effect = 3 AND t.ctid = c.place
    RETURNING 1
), port AS MATERIALIZED (",
    rows_for!("port_claims", claim!("path::integer AS port"), "t.port = c.port", "= 9"),
    "), port_new AS (
    INSERT INTO port_claims (cluster, port, owner_uid, owner, state, released_in, released_at)
    SELECT $1, port, owner_uid, owner, state, released_in, released_at FROM port WHERE effect = 1
), port_set AS (
    UPDATE port_claims t SET owner_uid = c.owner_uid, owner = c.owner, state = c.state, released_in = c.released_in, released_at = c.released_at
    FROM port c WHERE c.effect = 2 AND t.ctid = c.place
    RETURNING 1
), port_gone AS (
    DELETE FROM port_claims t USING port c WHERE c.effect = 3 AND t.ctid = c.place
    RETURNING 1
)
SELECT (SELECT count(*) FROM object_set) + (SELECT count(*) FROM object_gone)
     + (SELECT count(*) FROM ip_set) + (SELECT count(*) FROM ip_gone)
     + (SELECT count(*) FROM port_set) + (SELECT count(*) FROM port_gone)"
);

/// Time for a row beside [`STEP`]: the largest commits have tens of thousands.
const PER_ROW: Duration = Duration::from_micros(250);

const FIRST: &str = "INSERT INTO logs (cluster, compacted_rev) VALUES ($1, 0)";

/// Writes all rows of a commit.
pub(crate) async fn write_rows(
    connection: &mut PgConnection,
    cluster: &Name,
    write: &Write,
) -> Result<(), StoreError> {
    if write.commit.revision.0 == 1 {
        let first = sqlx::query(FIRST)
            .bind(cluster.as_str())
            .execute(&mut *connection);
        bounded(STEP, "beginning a log", first).await?;
    }
    let rows = change_rows(&write.commit.changes);
    let expected = rows
        .iter()
        .filter(|row| matches!(row.effect, Effect::Update | Effect::Delete))
        .count();
    let bound = STEP + PER_ROW * u32::try_from(rows.len()).unwrap_or(u32::MAX);
    let work = write_arrays(connection, cluster, write, rows);
    let changed = bounded(bound, "writing a commit", work).await?;
    if usize::try_from(changed) == Ok(expected) {
        return Ok(());
    }
    Err(StoreError::conflict(format!(
        "{changed} rows changed, not {expected}"
    )))
}

async fn write_arrays(
    connection: &mut PgConnection,
    cluster: &Name,
    write: &Write,
    rows: Vec<ChangeRow>,
) -> Result<i64, sqlx::Error> {
    let commit = &write.commit;
    let last = i32::try_from(rows.len()).unwrap_or(i32::MAX) - 1;
    let rows = Columns::from(rows);
    sqlx::query_scalar(WRITE)
        .bind(cluster.as_str())
        .bind(number(commit.revision.0))
        .bind(commit.committed_at.0)
        .bind(commit.token.as_uuid())
        .bind(text(&commit.traceparent))
        .bind(&commit.digest.as_bytes()[..])
        .bind(FORMAT)
        .bind(rows.kinds)
        .bind(rows.paths)
        .bind(rows.uids)
        .bind(rows.befores)
        .bind(rows.afters)
        .bind(rows.effects)
        .bind(last)
        .bind(texts(&write.audit, |entry| &entry.principal))
        .bind(texts(&write.audit, |entry| &entry.method))
        .bind(texts(&write.audit, |entry| &entry.resource))
        .bind(
            write
                .audit
                .iter()
                .map(|entry| entry.request_id)
                .collect::<Vec<_>>(),
        )
        .fetch_one(connection)
        .await
}

/// The changes, column by column.
#[derive(Default)]
struct Columns {
    kinds: Vec<i16>,
    paths: Vec<String>,
    uids: Vec<Uuid>,
    befores: Vec<Option<String>>,
    afters: Vec<Option<String>>,
    effects: Vec<i16>,
}

impl From<Vec<ChangeRow>> for Columns {
    fn from(rows: Vec<ChangeRow>) -> Self {
        let mut columns = Self::default();
        for row in rows {
            columns.kinds.push(i16::from(row.kind.number()));
            columns.paths.push(row.path);
            columns.uids.push(row.uid);
            columns.befores.push(row.before);
            columns.afters.push(row.after);
            columns.effects.push(match row.effect {
                Effect::None => 0,
                Effect::Insert => 1,
                Effect::Update => 2,
                Effect::Delete => 3,
            });
        }
        columns
    }
}

fn texts(audit: &[AuditEntry], field: impl Fn(&AuditEntry) -> &String) -> Vec<String> {
    audit.iter().map(|entry| text(field(entry))).collect()
}

/// Postgres has no character 0 in text.
pub(crate) fn text(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}
