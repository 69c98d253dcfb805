//! What a commit writes: one statement, from arrays.

use std::time::Duration;

use portolan_model::{Change, ClaimOwner, ClaimState, Name, Object, Revision, Timestamp};
use portolan_store::rows::{Effect, effects, number};
use portolan_store::{CommitError, FORMAT, Write, kind_is};
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Executor};

use crate::call::Call;
use crate::error::{STEP, bounded, is_refused};

/// A claim's key and columns. Its uid is that of its owner.
macro_rules! claim {
    ($key:literal) => {
        concat!($key, ", uid AS owner_uid, owner,
         CASE WHEN released_in IS NULL THEN 'held' ELSE 'quarantined' END AS state,
         released_in, timestamptz 'epoch' + released_at * interval '1 microsecond' AS released_at")
    };
}

/// Rows of `change` for one table, with the place of the row that they change or remove. The lookup is a subquery so
/// that it stays a lookup: a join would be planned once, on a guess about sizes, and may scan the table for every row.
macro_rules! rows_for {
    ($table:literal, $columns:expr, $key:literal, $kinds:expr) => {
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

/// The name that [`WRITE`] is prepared under.
pub(crate) const NAME: &str = "portolan_write";

/// All parts see the tables as they were before the statement; no two of them touch the same row. What should change
/// or remove rows is counted: fewer than expected means that the tables are not what the log says. That is an error of its
/// own, made by a text that is no number, since nobody looks at the count before `COMMIT`.
pub(crate) const WRITE: &str = concat!(
    "
WITH change AS MATERIALIZED (
    SELECT kind, path, uid, before, after, effect, owner, released_in, released_at, ordinal::integer - 1 AS ord
    FROM unnest($8::smallint[], $9::text[], $10::uuid[], $11::json[], $12::json[], $13::smallint[], $20::text[], $21::bigint[], $22::bigint[])
        WITH ORDINALITY AS c (kind, path, uid, before, after, effect, owner, released_in, released_at, ordinal)
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
        kind_is!(object)
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
    rows_for!("ip_claims", claim!("path::inet AS address"), "t.address = c.address", kind_is!(IpClaim)),
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
    rows_for!("port_claims", claim!("path::integer AS port"), "t.port = c.port", kind_is!(PortClaim)),
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
SELECT CASE WHEN changed = $19 THEN changed ELSE (changed || ' rows changed, not ' || $19)::bigint END FROM (
    SELECT (SELECT count(*) FROM object_set) + (SELECT count(*) FROM object_gone)
         + (SELECT count(*) FROM ip_set) + (SELECT count(*) FROM ip_gone)
         + (SELECT count(*) FROM port_set) + (SELECT count(*) FROM port_gone) AS changed
) AS counted"
);

/// Time for a row beside [`STEP`]: the largest commits have tens of thousands.
const PER_ROW: Duration = Duration::from_micros(250);

/// Writes all rows of a commit, and commits, in one round trip: the server skips the rest of a message after an error.
pub(crate) async fn write_and_commit(
    connection: &mut PgConnection,
    cluster: &Name,
    write: &Write,
) -> Result<(), CommitError> {
    let rows = write.records.len();
    let bound = STEP + PER_ROW * u32::try_from(rows).unwrap_or(u32::MAX);
    let mut sql = call(cluster, write);
    sql.push_str("; COMMIT");
    if write.commit.revision.0 == 1 {
        let first = format!("INSERT INTO logs (cluster, compacted_rev) VALUES ('{cluster}', 0); ");
        sql.insert_str(0, &first);
    }
    let work = connection.execute(AssertSqlSafe(sql));
    let done = bounded(bound, "writing a commit", work).await;
    done.map(drop).map_err(|error| {
        if is_refused(&error) {
            CommitError::NotCommitted(error)
        } else {
            // The server may have committed before it could say so.
            CommitError::Unknown(error)
        }
    })
}

fn call(cluster: &Name, write: &Write) -> String {
    let Write {
        commit, records, ..
    } = write;
    let (rows, changes, effects) = (records.iter(), commit.changes.iter(), effects(records));
    let replaces = |effect: &&Effect| matches!(effect, Effect::Update | Effect::Delete);
    let expected = effects.iter().filter(replaces);
    let audit = write.audit.iter();
    Call::new(NAME, size(write))
        .text(cluster.as_str())
        .number(number(commit.revision.0))
        .number(commit.committed_at.0)
        .text(&commit.token.to_string())
        .text(&text(&commit.traceparent))
        .text(&format!("\\x{}", commit.digest))
        .number(FORMAT)
        .array(rows.clone().map(|row| Some(row.kind.number())))
        .array(rows.clone().map(|row| Some(&row.path)))
        .array(rows.clone().map(|row| Some(row.uid)))
        .array(rows.clone().map(|row| row.before.as_ref()))
        .array(rows.map(|row| row.after.as_ref()))
        .array(effects.iter().map(|effect| Some(effect_number(*effect))))
        .number(number(records.len() as u64 - 1))
        .array(audit.clone().map(|entry| Some(text(&entry.principal))))
        .array(audit.clone().map(|entry| Some(text(&entry.method))))
        .array(audit.clone().map(|entry| Some(text(&entry.resource))))
        .array(audit.map(|entry| entry.request_id))
        .number(number(expected.count() as u64))
        .array(
            changes
                .clone()
                .map(|change| claim(change).map(|c| c.0.key())),
        )
        .array(
            changes
                .clone()
                .map(|change| Some(number(released(change)?.0.0))),
        )
        .array(changes.map(|change| Some(released(change)?.1.0)))
        .end()
}

/// Owner and state of a claim, which are columns of its table; `None` for everything else, and for what is gone.
fn claim(change: &Change) -> Option<(&ClaimOwner, &ClaimState)> {
    match change.after.as_ref()? {
        Object::IpClaim(claim) => Some((&claim.owner, &claim.state)),
        Object::PortClaim(claim) => Some((&claim.owner, &claim.state)),
        _ => None,
    }
}

/// Where and when a claim was released that is still there.
fn released(change: &Change) -> Option<(Revision, Timestamp)> {
    match claim(change)?.1 {
        ClaimState::Held => None,
        ClaimState::Quarantined {
            released_in,
            released_at,
        } => Some((*released_in, *released_at)),
    }
}

/// About the bytes of a statement: JSON grows by a fifth or so when it is quoted, and each row has some short columns.
fn size(write: &Write) -> usize {
    let bodies = write
        .records
        .iter()
        .flat_map(|row| [&row.before, &row.after]);
    let bodies: usize = bodies.flatten().map(String::len).sum();
    bodies + bodies / 4 + 128 * (write.records.len() + write.audit.len()) + 512
}

fn effect_number(effect: Effect) -> u8 {
    match effect {
        Effect::None => 0,
        Effect::Insert => 1,
        Effect::Update => 2,
        Effect::Delete => 3,
    }
}

/// Postgres has no character 0 in text.
pub(crate) fn text(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}
