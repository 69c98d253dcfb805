//! What only a store in a file can show.

use std::path::Path;

use portolan_model::{Change, Revision};
use portolan_store::testing::Writer;
use portolan_store::testing::fixtures::{cluster, service};
use portolan_store::{FORMAT, Store, StoreError};
use portolan_store_sqlite::SqliteStore;
use sqlx::ConnectOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};

async fn by_hand(path: &Path) -> SqliteConnection {
    SqliteConnectOptions::new()
        .filename(path)
        .connect()
        .await
        .expect("a connection")
}

#[tokio::test]
async fn a_revision_is_never_written_twice() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("portolan.db");
    let mut writer = Writer::new(SqliteStore::open(&path).await.expect("opens"), &cluster());
    writer.put(vec![Change::create(service("a", 1))]).await;
    let again = sqlx::query("INSERT INTO change_log SELECT * FROM change_log")
        .execute(&mut by_hand(&path).await)
        .await;
    let error = again.expect_err("the primary key stops it");
    assert!(
        error
            .as_database_error()
            .is_some_and(sqlx::error::DatabaseError::is_unique_violation),
        "{error}"
    );
}

#[tokio::test]
async fn rows_of_a_newer_format_stop_every_reading() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("portolan.db");
    let store = SqliteStore::open(&path).await.expect("opens");
    Writer::new(store.clone(), &cluster())
        .put(vec![Change::create(service("a", 1))])
        .await;
    sqlx::query("UPDATE change_log SET format = $1, after = '{}'")
        .bind(FORMAT + 1)
        .execute(&mut by_hand(&path).await)
        .await
        .expect("by hand");
    for error in [
        store.heads().await.err(),
        store.load(&cluster(), 1).await.err(),
        store.read_after(&cluster(), Revision::ZERO, 1).await.err(),
        store
            .lock_and_read_after(&cluster(), Revision::ZERO)
            .await
            .err(),
    ] {
        assert!(
            matches!(error, Some(StoreError::NewerFormat { .. })),
            "{error:?}"
        );
    }
}

#[tokio::test]
async fn a_file_that_cannot_be_opened_is_unavailable() {
    let folder = tempfile::tempdir().expect("a folder");
    let error = SqliteStore::open(folder.path().join("missing/portolan.db"))
        .await
        .err();
    assert!(
        matches!(error, Some(StoreError::Unavailable { .. })),
        "{error:?}"
    );
}

#[tokio::test]
async fn every_table_and_column_says_what_it_is() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("portolan.db");
    SqliteStore::open(&path).await.expect("opens");
    let columns: Vec<(String, String, String)> = sqlx::query_as(
        "SELECT m.name, m.sql, c.name FROM sqlite_schema m JOIN pragma_table_info(m.name) c
         WHERE m.type IN ('table', 'view') AND m.name <> '_sqlx_migrations'",
    )
    .fetch_all(&mut by_hand(&path).await)
    .await
    .expect("the schema is read");
    assert!(columns.len() > 90, "{}", columns.len());
    for (table, sql, column) in columns {
        let says = |line: &str| {
            line.split_once("--")
                .is_some_and(|(code, _)| code.split([' ', ',', '.']).any(|word| word == column))
        };
        assert!(sql.lines().any(says), "{table}.{column}");
    }
}

#[tokio::test]
async fn people_can_read_services_and_their_ports_with_sql() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("portolan.db");
    let mut writer = Writer::new(SqliteStore::open(&path).await.expect("opens"), &cluster());
    writer.put(vec![Change::create(service("web", 1))]).await;
    let row: (String, String, String, i32, String, String, i32) = sqlx::query_as(
        "SELECT s.namespace, s.name, s.cluster_ips ->> 0, p.port, p.protocol, CAST(p.target AS TEXT), p.node_port
         FROM services s JOIN service_ports p ON p.cluster = s.cluster AND p.namespace = s.namespace AND p.service = s.name",
    )
    .fetch_one(&mut by_hand(&path).await)
    .await
    .expect("one row");
    let text = |text: &str| text.to_owned();
    assert_eq!(
        row,
        (
            text("default"),
            text("web"),
            text("10.96.0.10"),
            80,
            text("TCP"),
            text("8080"),
            30_080
        )
    );
    for view in [
        "workloads",
        "endpoints",
        "nodes",
        "namespaces",
        "service_cidrs",
    ] {
        let sql = sqlx::AssertSqlSafe(format!("SELECT * FROM {view}"));
        sqlx::query(sql)
            .fetch_all(&mut by_hand(&path).await)
            .await
            .expect(view);
    }
}
