//! Reading the tables, and the newest part of the log, in one snapshot.

use std::net::IpAddr;

use portolan_model::{Name, Object, Revision};
use portolan_store::rows::{self, ClaimRow, number};
use portolan_store::{Loaded, StoreError};
use sqlx::PgPool;
use sqlx::postgres::PgConnection;
use uuid::Uuid;

use crate::error::{BULK, STEP, bounded};
use crate::read::{commits_from, log_columns};

const TAIL: &str = concat!(
    "SELECT ",
    log_columns!(),
    " FROM change_log c WHERE cluster = $1
      AND rev > (SELECT compacted_rev FROM logs WHERE cluster = $1) AND rev >= (
          SELECT min(rev) FROM (
              SELECT rev FROM change_log WHERE cluster = $1 ORDER BY rev DESC, ord DESC LIMIT $2
          ) newest
      ) ORDER BY rev, ord"
);

const OBJECTS: &str = "SELECT kind, path, body::text FROM objects WHERE cluster = $1";

macro_rules! claims {
    ($key:literal, $table:literal) => {
        concat!(
            "SELECT ",
            $key,
            ", owner_uid, owner, released_in, (extract(epoch FROM released_at) * 1000000)::bigint FROM ",
            $table,
            " WHERE cluster = $1"
        )
    };
}

type Claim<K> = (K, Uuid, String, Option<i64>, Option<i64>);

pub(crate) async fn load(pool: &PgPool, cluster: &Name, tail: usize) -> Result<Loaded, StoreError> {
    let context = "loading the tables";
    let begin = pool.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY");
    let mut snapshot = bounded(BULK, context, begin).await?;
    let newest = sqlx::query(TAIL)
        .bind(cluster.as_str())
        .bind(number(tail.max(1) as u64));
    let tail = commits_from(&bounded(BULK, context, newest.fetch_all(&mut *snapshot)).await?)?;
    let objects = objects(&mut snapshot, cluster).await?;
    bounded(STEP, context, snapshot.rollback()).await?;
    Ok(Loaded {
        revision: tail.last().map_or(Revision::ZERO, |commit| commit.revision),
        objects,
        tail,
    })
}

async fn objects(connection: &mut PgConnection, cluster: &Name) -> Result<Vec<Object>, StoreError> {
    let rows = sqlx::query_as::<_, (i16, String, String)>(OBJECTS).bind(cluster.as_str());
    let rows = bounded(BULK, "loading objects", rows.fetch_all(&mut *connection)).await?;
    let mut objects = Vec::with_capacity(rows.len());
    for (kind, path, body) in rows {
        objects.push(rows::object("objects", kind, &path, &body)?);
    }
    let rows =
        sqlx::query_as::<_, Claim<IpAddr>>(claims!("address", "ip_claims")).bind(cluster.as_str());
    for row in bounded(BULK, "loading addresses", rows.fetch_all(&mut *connection)).await? {
        objects.push(claim(row).into_object()?);
    }
    let rows =
        sqlx::query_as::<_, Claim<i32>>(claims!("port", "port_claims")).bind(cluster.as_str());
    for (port, owner_uid, owner, released_in, released_at) in
        bounded(BULK, "loading ports", rows.fetch_all(connection)).await?
    {
        let port = u16::try_from(port).map_err(|error| StoreError::Inconsistent {
            table: "port_claims",
            key: port.to_string(),
            problem: error.to_string(),
        })?;
        objects.push(claim((port, owner_uid, owner, released_in, released_at)).into_object()?);
    }
    Ok(objects)
}

fn claim<K>((key, owner_uid, owner, released_in, released_at): Claim<K>) -> ClaimRow<K> {
    ClaimRow {
        key,
        owner_uid,
        owner,
        released_in,
        released_at,
    }
}
