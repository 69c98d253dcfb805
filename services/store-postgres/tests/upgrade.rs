//! A database that an earlier release made is opened, with what it remembers of its migrations.

use std::path::Path;

use portolan_store::{Store, StoreError};
use portolan_store_postgres::PgStore;
use portolan_store_postgres::testing::fresh_database;
use sqlx::postgres::PgConnectOptions;
use sqlx::types::Uuid;
use sqlx::{AssertSqlSafe, ConnectOptions, Executor, PgConnection};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../migrations/postgres");

/// The table in which the driver remembers, and its rows as version 0.1.0 wrote them.
const REMEMBERED: &str = r"
CREATE TABLE _sqlx_migrations (
    version BIGINT PRIMARY KEY,
    description TEXT NOT NULL,
    installed_on TIMESTAMPTZ NOT NULL DEFAULT now(),
    success BOOLEAN NOT NULL,
    checksum BYTEA NOT NULL,
    execution_time BIGINT NOT NULL
);
INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) VALUES
    (1, 'create log and objects', true,
     '\x2c417a61e874df89d8949e4710ad02fdb36d3e680d8a8a2092376bcfed76f1244207f376a25c6685589cbb9b617be38f', 1),
    (2, 'create reports', true,
     '\x45d856fce39df72185cf8d1afb1bd1709619256077ab2eeba27f8312bba2a9c1e93f5916107d58bbf3f6219a81463796', 1),
    (3, 'create views', true,
     '\x16bd751df44463b63fa74587d430c7d75449d5a116bf4ae374ea7b4f34e9e07bd2c675ede1df2ac2ad19e9377a49a7b3', 1);
";

async fn earlier(url: &str) -> PgConnection {
    let options = url.parse::<PgConnectOptions>().expect("a URL");
    let mut made = options.connect().await.expect("a connection");
    for file in [
        "0001_create_log_and_objects.sql",
        "0002_create_reports.sql",
        "0003_create_views.sql",
    ] {
        let statements = std::fs::read_to_string(Path::new(FOLDER).join(file)).expect("a file");
        made.execute(AssertSqlSafe(statements)).await.expect("runs");
    }
    made.execute(REMEMBERED).await.expect("runs");
    made
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_of_an_earlier_release_is_opened_as_it_is() {
    let url = fresh_database().await.expect("a Postgres server");
    let mut made = earlier(&url).await;
    let id: Uuid = sqlx::query_scalar("SELECT store_id FROM store_meta")
        .fetch_one(&mut made)
        .await
        .expect("an identity");
    let store = PgStore::connect(&url).await.expect("connects");
    assert_eq!(store.store_id(), id.into());
    let early: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM _sqlx_migrations WHERE version <= 3 AND execution_time = 1",
    )
    .fetch_one(&mut made)
    .await
    .expect("a count");
    assert_eq!(early, 3, "none ran again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_whose_tables_were_made_otherwise_is_refused() {
    let url = fresh_database().await.expect("a Postgres server");
    let mut made = earlier(&url).await;
    made.execute(r"UPDATE _sqlx_migrations SET checksum = '\x00' WHERE version = 2")
        .await
        .expect("runs");
    let error = PgStore::connect(&url).await.err();
    assert!(
        matches!(error, Some(StoreError::Unavailable { .. })),
        "{error:?}"
    );
}
