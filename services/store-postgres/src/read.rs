//! Reading the log.

use portolan_model::{Digest, Name, Revision, Timestamp};
use portolan_store::rows::{self, LogRow, Seal, commits, number, revision};
use portolan_store::{Commit, Head, StoreError};
use sqlx::postgres::{PgConnection, PgRow};
use sqlx::{PgPool, Row};

use crate::error::{STEP, bounded, while_doing};

/// A log row's columns, with times in microseconds since 1970.
macro_rules! log_columns {
    () => {
        "c.rev, c.ord, c.kind, c.path, c.before::text AS before, c.after::text AS after,
         (extract(epoch FROM c.committed_at) * 1000000)::bigint AS committed_at, c.token, c.traceparent, c.digest, c.format"
    };
}
pub(crate) use log_columns;

const HEADS: &str = "
SELECT l.cluster, h.rev, h.digest, h.format FROM logs l CROSS JOIN LATERAL (
    SELECT rev, digest, format FROM change_log c WHERE c.cluster = l.cluster ORDER BY rev DESC, ord DESC LIMIT 1
) h";

/// The log from a revision on, below one row that is there even if the log has none to give.
pub(crate) const READ_AFTER: &str = concat!(
    "
SELECT b.compacted_rev, b.head, (extract(epoch FROM b.now) * 1000000)::bigint AS now, ",
    log_columns!(),
    " FROM (
    SELECT (SELECT compacted_rev FROM logs WHERE cluster = $1) AS compacted_rev, h.rev AS head,
           greatest(clock_timestamp(), h.committed_at) AS now
    FROM (SELECT) AS one LEFT JOIN LATERAL (
        SELECT rev, committed_at FROM change_log WHERE cluster = $1 ORDER BY rev DESC, ord DESC LIMIT 1
    ) h ON true
) b LEFT JOIN LATERAL (
    SELECT * FROM change_log WHERE cluster = $1 AND rev > greatest($2, b.compacted_rev) ORDER BY rev, ord LIMIT $3
) c ON true"
);

const ONE: &str = concat!(
    "SELECT ",
    log_columns!(),
    " FROM change_log c WHERE cluster = $1 AND rev = $2
      AND rev > (SELECT compacted_rev FROM logs WHERE cluster = $1) ORDER BY ord"
);

/// Halves [low, high) until it holds one revision: commit times never go back.
const REVISION_AT: &str = "
WITH RECURSIVE span (low, high) AS (
    SELECT compacted_rev, 1 + (SELECT rev FROM change_log WHERE cluster = $1 ORDER BY rev DESC, ord DESC LIMIT 1)
    FROM logs WHERE cluster = $1
  UNION ALL
    SELECT CASE WHEN c.committed_at < at THEN c.rev ELSE s.low END, CASE WHEN c.committed_at < at THEN s.high ELSE c.rev END
    FROM span s CROSS JOIN (SELECT timestamptz 'epoch' + $2 * interval '1 microsecond' AS at) t
    JOIN change_log c ON c.cluster = $1 AND c.rev = (s.low + s.high) / 2 AND c.ord = 0
    WHERE s.high - s.low > 1
)
SELECT low FROM span WHERE low > (SELECT compacted_rev FROM logs WHERE cluster = $1) ORDER BY low DESC LIMIT 1";

/// What was read after a revision.
pub(crate) struct Read {
    pub(crate) commits: Vec<Commit>,
    pub(crate) head: Revision,
    pub(crate) now: Timestamp,
    /// Where the log goes on, even if what was asked for ends before its commit does.
    first: Option<i64>,
}

pub(crate) async fn heads(pool: &PgPool) -> Result<Vec<Head>, StoreError> {
    let query = sqlx::query_as::<_, (String, i64, Option<Vec<u8>>, i16)>(HEADS).fetch_all(pool);
    let rows = bounded(STEP, "reading the heads", query).await?;
    rows.into_iter()
        .map(|(cluster, rev, digest, format)| {
            rows::check_format(format)?;
            let digest = digest
                .and_then(|digest| Digest::from_slice(&digest))
                .ok_or_else(|| StoreError::Inconsistent {
                    table: "change_log",
                    key: format!("{cluster} {rev}"),
                    problem: "its last row has no digest of 16 bytes".to_owned(),
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
    connection: &mut PgConnection,
    cluster: &Name,
    after: Revision,
    limit: i64,
) -> Result<Vec<Commit>, StoreError> {
    let query = sqlx::query(READ_AFTER)
        .bind(cluster.as_str())
        .bind(number(after.0))
        .bind(limit.max(1));
    let found = bounded(STEP, "reading the log", query.fetch_all(&mut *connection)).await?;
    let read = Read::of(&found, after)?;
    match read.first {
        Some(rev) if read.commits.is_empty() => Ok(vec![one(connection, cluster, rev).await?]),
        _ => Ok(read.commits),
    }
}

impl Read {
    /// From the rows of [`READ_AFTER`].
    pub(crate) fn of(rows: &[PgRow], after: Revision) -> Result<Self, StoreError> {
        let base = rows.first().map(Base::from_row).transpose();
        let base = base.map_err(while_doing("reading the log"))?;
        let base = base.ok_or_else(|| StoreError::unavailable("reading the log: no row"))?;
        if after < base.oldest {
            return Err(StoreError::Compacted {
                oldest: base.oldest,
            });
        }
        Ok(Self {
            commits: commits_from(rows)?,
            head: base.head,
            now: base.now,
            first: base.first,
        })
    }
}

/// A commit with more changes than were asked for.
async fn one(
    connection: &mut PgConnection,
    cluster: &Name,
    rev: i64,
) -> Result<Commit, StoreError> {
    let query = sqlx::query(ONE)
        .bind(cluster.as_str())
        .bind(rev)
        .fetch_all(connection);
    let commits = commits_from(&bounded(STEP, "reading the log", query).await?)?;
    // It was there a moment ago.
    commits
        .into_iter()
        .next()
        .ok_or_else(|| StoreError::Compacted {
            oldest: revision(rev),
        })
}

pub(crate) async fn revision_at(
    pool: &PgPool,
    cluster: &Name,
    at: Timestamp,
) -> Result<Revision, StoreError> {
    let query = sqlx::query_scalar::<_, i64>(REVISION_AT)
        .bind(cluster.as_str())
        .bind(at.0)
        .fetch_optional(pool);
    let found = bounded(STEP, "looking for a time in the log", query).await?;
    Ok(revision(found.unwrap_or(0)))
}

/// Whole commits from rows in order.
pub(crate) fn commits_from(rows: &[PgRow]) -> Result<Vec<Commit>, StoreError> {
    let rows: Result<Vec<_>, _> = rows
        .iter()
        .filter_map(|row| log_row(row).transpose())
        .collect();
    commits(rows.map_err(while_doing("reading the log"))?)
}

/// What every row of [`READ_AFTER`] repeats, and where the log goes on.
struct Base {
    oldest: Revision,
    head: Revision,
    now: Timestamp,
    first: Option<i64>,
}

impl Base {
    fn from_row(row: &PgRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            oldest: revision(row.try_get::<Option<i64>, _>("compacted_rev")?.unwrap_or(0)),
            head: revision(row.try_get::<Option<i64>, _>("head")?.unwrap_or(0)),
            now: Timestamp(row.try_get("now")?),
            first: row.try_get("rev")?,
        })
    }
}

/// `None` where an outer join found nothing.
fn log_row(row: &PgRow) -> Result<Option<LogRow>, sqlx::Error> {
    let Some(rev) = row.try_get::<Option<i64>, _>("rev")? else {
        return Ok(None);
    };
    let seal = match row.try_get("token")? {
        Some(token) => Some(Seal {
            token,
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
