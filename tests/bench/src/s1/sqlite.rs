//! Peer and floor on SQLite: one process, one connection, a loop.

use std::time::{Duration, Instant};

use anyhow::bail;
use portolan_store::{Store, Transaction};
use portolan_store_sqlite::SqliteStore;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection, SqliteConnection};

use crate::machine::Facts;
use crate::writes::Writes;

pub(crate) async fn describe(facts: &mut Facts) -> anyhow::Result<()> {
    let mut connection = SqliteConnection::connect("sqlite::memory:").await?;
    let version = sqlx::query_scalar("SELECT sqlite_version()")
        .fetch_one(&mut connection)
        .await?;
    facts.insert("sqlite".to_owned(), version);
    facts.insert(
        "sqlite_settings".to_owned(),
        "journal_mode=WAL synchronous=FULL".to_owned(),
    );
    Ok(())
}

/// The peer: the store's transactions alone, one Service each: BEGIN IMMEDIATE, reading the log, the statements of a
/// commit, COMMIT. What is written was decided before.
pub(super) async fn bare_loop(writes: &Writes, length: Duration) -> anyhow::Result<f64> {
    let folder = tempfile::tempdir()?;
    let store = SqliteStore::open(folder.path().join("portolan.db")).await?;
    commit(&store, writes, &writes.bootstrap).await?;
    let (began, mut done) = (Instant::now(), 0_u32);
    for write in &writes.creates {
        if began.elapsed() >= length {
            return Ok(f64::from(done) / began.elapsed().as_secs_f64());
        }
        commit(&store, writes, write).await?;
        done += 1;
    }
    bail!(
        "the peer on SQLite wrote all {done} Services before its time was over: prepare more of them"
    )
}

async fn commit(
    store: &SqliteStore,
    writes: &Writes,
    write: &portolan_store::Write,
) -> anyhow::Result<()> {
    let before = portolan_model::Revision(write.commit.revision.0 - 1);
    let locked = store.lock_and_read_after(&writes.cluster, before).await?;
    Ok(locked.transaction.commit(write).await?)
}

/// The floor: one small row a transaction, as durable.
pub(super) async fn single_rows(length: Duration) -> anyhow::Result<f64> {
    let folder = tempfile::tempdir()?;
    let options = SqliteConnectOptions::new()
        .filename(folder.path().join("floor.db"))
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .disable_statement_logging();
    let mut connection = options.connect().await?;
    sqlx::query("CREATE TABLE floor (number INTEGER PRIMARY KEY, name TEXT NOT NULL)")
        .execute(&mut connection)
        .await?;
    let (began, mut done) = (Instant::now(), 0_u32);
    while began.elapsed() < length {
        let insert = sqlx::query("INSERT INTO floor (number, name) VALUES ($1, $2)")
            .bind(done)
            .bind("service");
        insert.execute(&mut connection).await?;
        done += 1;
    }
    Ok(f64::from(done) / began.elapsed().as_secs_f64())
}
