//! Reading the log and the tables.

use std::net::IpAddr;

use portolan_model::{Digest, Name, Object, Revision};
use portolan_store::rows::{self, ClaimRow, LogRow, Seal, commits, number, revision};
use portolan_store::{Commit, Head, Loaded, StoreError};
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use sqlx::{Connection, Row, SqlitePool};
use uuid::Uuid;
use uuid::fmt::Hyphenated;

use crate::error::while_doing;

const HEADS: &str = "
SELECT l.cluster, c.rev, c.digest, c.format FROM logs l
JOIN change_log c ON c.rowid = (SELECT rowid FROM change_log WHERE cluster = l.cluster ORDER BY rev DESC, ord DESC LIMIT 1)";

/// The log from a revision on, below one row that is there even if the log has none to give.
const READ_AFTER: &str = "
SELECT b.*, c.* FROM (
    SELECT (SELECT compacted_rev FROM logs WHERE cluster = $1) AS compacted_rev, h.rev AS head, h.committed_at AS head_at
    FROM (SELECT 1) LEFT JOIN (SELECT rev, committed_at FROM change_log WHERE cluster = $1 ORDER BY rev DESC, ord DESC LIMIT 1) h
) b LEFT JOIN (
    SELECT * FROM change_log WHERE cluster = $1 AND rev > max($2, coalesce((SELECT compacted_rev FROM logs WHERE cluster = $1), 0))
    ORDER BY rev, ord LIMIT $3
) c ORDER BY c.rev, c.ord";

const ONE: &str = "
SELECT * FROM change_log WHERE cluster = $1 AND rev = $2 AND rev > (SELECT compacted_rev FROM logs WHERE cluster = $1) ORDER BY ord";

const TAIL: &str = "
SELECT * FROM change_log WHERE cluster = $1 AND rev > (SELECT compacted_rev FROM logs WHERE cluster = $1) AND rev >= (
    SELECT min(rev) FROM (SELECT rev FROM change_log WHERE cluster = $1 ORDER BY rev DESC, ord DESC LIMIT $2)
) ORDER BY rev, ord";

const OBJECTS: &str = "SELECT kind, path, body FROM objects WHERE cluster = $1";
const IP_CLAIMS: &str = "SELECT address AS key, owner_uid, owner, released_in, released_at FROM ip_claims WHERE cluster = $1";
const PORT_CLAIMS: &str = "SELECT port AS key, owner_uid, owner, released_in, released_at FROM port_claims WHERE cluster = $1";

/// Halves [low, high) until it holds one revision: commit times never go back.
const REVISION_AT: &str = "
WITH RECURSIVE span (low, high) AS (
    SELECT compacted_rev, 1 + (SELECT rev FROM change_log WHERE cluster = $1 ORDER BY rev DESC, ord DESC LIMIT 1)
    FROM logs WHERE cluster = $1
  UNION ALL
    SELECT CASE WHEN c.committed_at < $2 THEN c.rev ELSE s.low END, CASE WHEN c.committed_at < $2 THEN s.high ELSE c.rev END
    FROM span s JOIN change_log c ON c.cluster = $1 AND c.rev = (s.low + s.high) / 2 AND c.ord = 0
    WHERE s.high - s.low > 1
)
SELECT low FROM span WHERE low > (SELECT compacted_rev FROM logs WHERE cluster = $1) ORDER BY low DESC LIMIT 1";

/// What was read after a revision.
pub(crate) struct Read {
    pub(crate) commits: Vec<Commit>,
    pub(crate) head: Revision,
    /// When the newest commit was made, in microseconds since 1970.
    pub(crate) head_at: i64,
}

pub(crate) async fn heads(readers: &SqlitePool) -> Result<Vec<Head>, StoreError> {
    let rows: Vec<(String, i64, Vec<u8>, i16)> = sqlx::query_as(HEADS)
        .fetch_all(readers)
        .await
        .map_err(while_doing("reading the heads"))?;
    rows.into_iter()
        .map(|(cluster, rev, digest, format)| {
            rows::check_format(format)?;
            let digest = Digest::from_slice(&digest).ok_or_else(|| StoreError::Inconsistent {
                table: "change_log",
                key: format!("{cluster} {rev}"),
                problem: "the digest is not 16 bytes long".to_owned(),
            })?;
            Ok(Head {
                cluster: Name::trusted(cluster),
                revision: revision(rev),
                digest,
            })
        })
        .collect()
}

pub(crate) async fn read_after(
    connection: &mut SqliteConnection,
    cluster: &Name,
    after: Revision,
    limit: usize,
) -> Result<Read, StoreError> {
    let context = "reading the log";
    let rows = sqlx::query(READ_AFTER)
        .bind(cluster.as_str())
        .bind(number(after.0))
        .bind(number(limit.max(1) as u64))
        .fetch_all(&mut *connection)
        .await
        .map_err(while_doing(context))?;
    let base = rows.first().map(Base::from_row).transpose();
    let base = base.map_err(while_doing(context))?.unwrap_or_default();
    if after < base.oldest {
        return Err(StoreError::Compacted {
            oldest: base.oldest,
        });
    }
    let mut read = Read {
        commits: commits_from(&rows)?,
        head: base.head,
        head_at: base.head_at,
    };
    if let (true, Some(rev)) = (read.commits.is_empty(), base.first) {
        read.commits.push(one(connection, cluster, rev).await?);
    }
    Ok(read)
}

/// A commit with more changes than were asked for.
async fn one(
    connection: &mut SqliteConnection,
    cluster: &Name,
    rev: i64,
) -> Result<Commit, StoreError> {
    let commits = commits_of(
        connection,
        sqlx::query(ONE).bind(cluster.as_str()).bind(rev),
    )
    .await?;
    // It was there a moment ago.
    commits
        .into_iter()
        .next()
        .ok_or_else(|| StoreError::Compacted {
            oldest: revision(rev),
        })
}

pub(crate) async fn load(
    readers: &SqlitePool,
    cluster: &Name,
    tail: usize,
) -> Result<Loaded, StoreError> {
    let context = "loading the tables";
    let mut connection = readers.acquire().await.map_err(while_doing(context))?;
    // In WAL mode a transaction reads one snapshot, from its first statement on.
    let mut snapshot = connection.begin().await.map_err(while_doing(context))?;
    let limit = number(tail.max(1) as u64);
    let tail = commits_of(
        &mut snapshot,
        sqlx::query(TAIL).bind(cluster.as_str()).bind(limit),
    )
    .await?;
    let objects = objects(&mut snapshot, cluster).await?;
    snapshot.rollback().await.map_err(while_doing(context))?;
    Ok(Loaded {
        revision: tail.last().map_or(Revision::ZERO, |commit| commit.revision),
        objects,
        tail,
    })
}

pub(crate) async fn revision_at(
    readers: &SqlitePool,
    cluster: &Name,
    at: i64,
) -> Result<Revision, StoreError> {
    let found: Option<i64> = sqlx::query_scalar(REVISION_AT)
        .bind(cluster.as_str())
        .bind(at)
        .fetch_optional(readers)
        .await
        .map_err(while_doing("looking for a time in the log"))?;
    Ok(revision(found.unwrap_or(0)))
}

async fn commits_of(
    connection: &mut SqliteConnection,
    query: sqlx::query::Query<'_, sqlx::Sqlite, sqlx::sqlite::SqliteArguments>,
) -> Result<Vec<Commit>, StoreError> {
    let rows = query
        .fetch_all(connection)
        .await
        .map_err(while_doing("reading the log"))?;
    commits_from(&rows)
}

/// Whole commits from rows in order.
fn commits_from(rows: &[SqliteRow]) -> Result<Vec<Commit>, StoreError> {
    let rows: Result<Vec<_>, _> = rows
        .iter()
        .filter_map(|row| log_row(row).transpose())
        .collect();
    commits(rows.map_err(while_doing("reading the log"))?)
}

async fn objects(
    connection: &mut SqliteConnection,
    cluster: &Name,
) -> Result<Vec<Object>, StoreError> {
    let context = "loading the tables";
    let rows: Vec<(i16, String, String)> = sqlx::query_as(OBJECTS)
        .bind(cluster.as_str())
        .fetch_all(&mut *connection)
        .await
        .map_err(while_doing(context))?;
    let mut objects = Vec::with_capacity(rows.len());
    for (kind, path, body) in rows {
        objects.push(rows::object("objects", kind, &path, &body)?);
    }
    let fetch = sqlx::query(IP_CLAIMS)
        .bind(cluster.as_str())
        .fetch_all(&mut *connection);
    for row in fetch.await.map_err(while_doing(context))? {
        let claim = claim_row(&row, |text: String| {
            text.parse::<IpAddr>()
                .map_err(|error| sqlx::Error::Decode(error.into()))
        });
        objects.push(claim.map_err(while_doing(context))?.into_object()?);
    }
    let fetch = sqlx::query(PORT_CLAIMS)
        .bind(cluster.as_str())
        .fetch_all(connection);
    for row in fetch.await.map_err(while_doing(context))? {
        let claim = claim_row(&row, |port: u16| Ok(port));
        objects.push(claim.map_err(while_doing(context))?.into_object()?);
    }
    Ok(objects)
}

/// What every row of [`READ_AFTER`] repeats, and where the log goes on.
#[derive(Default)]
struct Base {
    oldest: Revision,
    head: Revision,
    head_at: i64,
    first: Option<i64>,
}

impl Base {
    fn from_row(row: &SqliteRow) -> Result<Self, sqlx::Error> {
        let number = |column| {
            row.try_get::<Option<i64>, _>(column)
                .map(Option::unwrap_or_default)
        };
        Ok(Self {
            oldest: revision(number("compacted_rev")?),
            head: revision(number("head")?),
            head_at: number("head_at")?,
            first: row.try_get("rev")?,
        })
    }
}

/// `None` where an outer join found nothing.
fn log_row(row: &SqliteRow) -> Result<Option<LogRow>, sqlx::Error> {
    let Some(rev) = row.try_get::<Option<i64>, _>("rev")? else {
        return Ok(None);
    };
    let seal = match row.try_get::<Option<Hyphenated>, _>("token")? {
        Some(token) => Some(Seal {
            token: token.into_uuid(),
            traceparent: row.try_get("traceparent")?,
            digest: row.try_get("digest")?,
        }),
        None => None,
    };
    Ok(Some(LogRow {
        rev,
        ord: row.try_get("ord")?,
        kind: row.try_get("kind")?,
        path: row.try_get("path")?,
        before: row.try_get("before")?,
        after: row.try_get("after")?,
        committed_at: row.try_get("committed_at")?,
        seal,
        format: row.try_get("format")?,
    }))
}

fn claim_row<'r, K, C>(
    row: &'r SqliteRow,
    key: impl FnOnce(C) -> Result<K, sqlx::Error>,
) -> Result<ClaimRow<K>, sqlx::Error>
where
    C: sqlx::Decode<'r, sqlx::Sqlite> + sqlx::Type<sqlx::Sqlite>,
{
    Ok(ClaimRow {
        key: key(row.try_get("key")?)?,
        owner_uid: Uuid::from(row.try_get::<Hyphenated, _>("owner_uid")?),
        owner: row.try_get("owner")?,
        released_in: row.try_get("released_in")?,
        released_at: row.try_get("released_at")?,
    })
}
