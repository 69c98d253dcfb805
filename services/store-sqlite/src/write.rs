//! What a commit writes.

use portolan_model::{Kind, Name, Record};
use portolan_store::rows::{Effect, effects, number};
use portolan_store::{AuditEntry, FORMAT, StoreError, Write, kind_is};
use sqlx::AssertSqlSafe;
use sqlx::sqlite::SqliteConnection;

use crate::error::while_doing;

// Of all statements: $1 cluster, $2 rev, $3 changes, $4 committed_at, $5 token, $6 traceparent, $7 digest, $8 format,
// $9 audit entries, $10 ords that insert, $11 ords that update, $12 ords that delete, $13 the last ord. Not `?1`: the
// driver takes a number that a statement leaves out for a parameter without a name, and miscounts.

const LOG: &str = "
INSERT INTO change_log (cluster, rev, ord, kind, path, uid, before, after, committed_at, token, traceparent, digest, format)
SELECT $1, $2, key, value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, $4,
       CASE key WHEN $13 THEN $5 END, CASE key WHEN $13 THEN $6 END, CASE key WHEN $13 THEN $7 END, $8
FROM json_each($3) ORDER BY key;";

const FIRST: &str = "
INSERT INTO logs (cluster, compacted_rev) VALUES ($1, 0);";

const AUDIT: &str = "
INSERT INTO audit (cluster, rev, ord, at, principal, method, resource, request_id)
SELECT $1, $2, key, $4, value ->> 0, value ->> 1, value ->> 2, value ->> 3 FROM json_each($9);";

/// The rows of this commit in the log that do something to a table.
macro_rules! of_commit {
    ($ords:literal, $kinds:expr) => {
        concat!(
            "WHERE c.cluster = $1 AND c.rev = $2 AND c.ord IN (SELECT value FROM json_each(",
            $ords,
            ")) AND c.kind ",
            $kinds
        )
    };
}

/// The columns of a claim, from its JSON.
macro_rules! claim {
    () => {
        "c.after ->> '$.owner.uid', c.after ->> '$.owner.namespace' || '/' || (c.after ->> '$.owner.name'),
         CASE c.after ->> '$.state' WHEN 'held' THEN 'held' ELSE 'quarantined' END,
         c.after ->> '$.state.quarantined.released_in', c.after ->> '$.state.quarantined.released_at'"
    };
}

/// The three statements of a table, by [`Effect`].
struct Table {
    holds: fn(Kind) -> bool,
    insert: &'static str,
    update: &'static str,
    delete: &'static str,
}

const OBJECTS: Table = Table {
    holds: |kind| !kind.is_claim(),
    insert: concat!(
        "
INSERT INTO objects (cluster, kind, path, uid, revision, body)
SELECT c.cluster, c.kind, c.path, c.uid, c.rev, c.after FROM change_log c ",
        of_commit!("$10", kind_is!(object)),
        ";"
    ),
    update: concat!(
        "
UPDATE objects SET uid = c.uid, revision = c.rev, body = c.after FROM change_log c ",
        of_commit!("$11", kind_is!(object)),
        " AND objects.cluster = $1 AND objects.kind = c.kind AND objects.path = c.path;"
    ),
    delete: concat!(
        "
DELETE FROM objects WHERE (cluster, kind, path) IN (SELECT c.cluster, c.kind, c.path FROM change_log c ",
        of_commit!("$12", kind_is!(object)),
        ");"
    ),
};

const IP_CLAIMS: Table = Table {
    holds: |kind| kind == Kind::IpClaim,
    insert: concat!(
        "
INSERT INTO ip_claims (cluster, address, owner_uid, owner, state, released_in, released_at)
SELECT c.cluster, c.path, ",
        claim!(),
        " FROM change_log c ",
        of_commit!("$10", kind_is!(IpClaim)),
        ";"
    ),
    update: concat!(
        "
UPDATE ip_claims SET (owner_uid, owner, state, released_in, released_at) = (",
        claim!(),
        ") FROM change_log c ",
        of_commit!("$11", kind_is!(IpClaim)),
        " AND ip_claims.cluster = $1 AND ip_claims.address = c.path;"
    ),
    delete: concat!(
        "
DELETE FROM ip_claims WHERE (cluster, address) IN (SELECT c.cluster, c.path FROM change_log c ",
        of_commit!("$12", kind_is!(IpClaim)),
        ");"
    ),
};

const PORT_CLAIMS: Table = Table {
    holds: |kind| kind == Kind::PortClaim,
    insert: concat!(
        "
INSERT INTO port_claims (cluster, port, owner_uid, owner, state, released_in, released_at)
SELECT c.cluster, CAST(c.path AS INTEGER), ",
        claim!(),
        " FROM change_log c ",
        of_commit!("$10", kind_is!(PortClaim)),
        ";"
    ),
    update: concat!(
        "
UPDATE port_claims SET (owner_uid, owner, state, released_in, released_at) = (",
        claim!(),
        ") FROM change_log c ",
        of_commit!("$11", kind_is!(PortClaim)),
        " AND port_claims.cluster = $1 AND port_claims.port = CAST(c.path AS INTEGER);"
    ),
    delete: concat!(
        "
DELETE FROM port_claims WHERE (cluster, port) IN (SELECT c.cluster, CAST(c.path AS INTEGER) FROM change_log c ",
        of_commit!("$12", kind_is!(PortClaim)),
        ");"
    ),
};

/// Writes all rows of a commit, in one call.
pub(crate) async fn write_rows(
    connection: &mut SqliteConnection,
    cluster: &Name,
    write: &Write,
) -> Result<(), StoreError> {
    let commit = &write.commit;
    let effects = effects(&write.records);
    let ords = |effect: Effect| {
        let of_effect = effects.iter().enumerate().filter(|(_, e)| **e == effect);
        json(&of_effect.map(|(ord, _)| ord).collect::<Vec<_>>())
    };
    let result = sqlx::query(AssertSqlSafe(statements(write, &effects)))
        .bind(cluster.as_str())
        .bind(number(commit.revision.0))
        .bind(json_rows(&write.records))
        .bind(commit.committed_at.0)
        .bind(commit.token.to_string())
        .bind(commit.traceparent.as_str())
        .bind(&commit.digest.as_bytes()[..])
        .bind(FORMAT)
        .bind(json_audit(&write.audit))
        .bind(ords(Effect::Insert))
        .bind(ords(Effect::Update))
        .bind(ords(Effect::Delete))
        .bind(number(write.records.len() as u64 - 1))
        .execute(connection)
        .await
        .map_err(while_doing("writing a commit"))?;
    let expected = expected_rows(write, &effects);
    if result.rows_affected() == expected {
        return Ok(());
    }
    Err(StoreError::conflict(format!(
        "{} rows written, not {expected}",
        result.rows_affected()
    )))
}

/// The statements that this commit needs.
fn statements(write: &Write, effects: &[Effect]) -> String {
    let mut sql = LOG.to_owned();
    if is_first(write) {
        sql.push_str(FIRST);
    }
    for table in [OBJECTS, IP_CLAIMS, PORT_CLAIMS] {
        let has = |effect| {
            let mut rows = write.records.iter().zip(effects);
            rows.any(|(record, e)| *e == effect && (table.holds)(record.kind))
        };
        for (effect, statement) in [
            (Effect::Insert, table.insert),
            (Effect::Update, table.update),
            (Effect::Delete, table.delete),
        ] {
            if has(effect) {
                sql.push_str(statement);
            }
        }
    }
    if !write.audit.is_empty() {
        sql.push_str(AUDIT);
    }
    sql
}

fn expected_rows(write: &Write, effects: &[Effect]) -> u64 {
    let in_tables = effects.iter().filter(|e| **e != Effect::None).count();
    (write.records.len() + in_tables + write.audit.len() + usize::from(is_first(write))) as u64
}

fn is_first(write: &Write) -> bool {
    write.commit.revision.0 == 1
}

fn json_rows(records: &[Record]) -> String {
    let rows: Vec<_> = records
        .iter()
        .map(|row| {
            (
                row.kind.number(),
                &row.path,
                row.uid,
                &row.before,
                &row.after,
            )
        })
        .collect();
    json(&rows)
}

fn json_audit(audit: &[AuditEntry]) -> String {
    let rows: Vec<_> = audit
        .iter()
        .map(|entry| {
            (
                &entry.principal,
                &entry.method,
                &entry.resource,
                entry.request_id.map(|id| id.to_string()),
            )
        })
        .collect();
    json(&rows)
}

pub(crate) fn json<T: ?Sized + serde::Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("texts and numbers are JSON")
}
