//! A file that an earlier release made is opened, with what it remembers of its migrations.

use std::path::Path;

use portolan_store::{Store, StoreError};
use portolan_store_sqlite::SqliteStore;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../migrations/sqlite");

/// The table in which the driver remembers, and its rows as version 0.1.0 wrote them.
const REMEMBERED: &str = "
CREATE TABLE _sqlx_migrations (
    version BIGINT PRIMARY KEY,
    description TEXT NOT NULL,
    installed_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    success BOOLEAN NOT NULL,
    checksum BLOB NOT NULL,
    execution_time BIGINT NOT NULL
);
INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) VALUES
    (1, 'create log and objects', true,
     X'a796c2499b75929e0c34caab51865dead213e14d7f5b0b1637733637d1a5471cba404e80df4968f202d4ceb5f1192757', 1),
    (2, 'create reports', true,
     X'3a86e456d65c35581c298534fa230c62914d5ca505066b70007d0e7a1cb4186722c6b0af185a1fc177c3e6e8f450ab93', 1),
    (3, 'create views', true,
     X'a6b6b8884891d482c89c8d07c6030cdde449e91452ece4f2910ac3d6325181f2211c7a1557a6fe872efd6c4298c478ce', 1);
";

async fn earlier(path: &Path) -> SqliteConnection {
    let options = SqliteConnectOptions::new().filename(path);
    let mut made = options
        .create_if_missing(true)
        .connect()
        .await
        .expect("a connection");
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

#[tokio::test]
async fn a_file_of_an_earlier_release_is_opened_as_it_is() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("portolan.db");
    let mut made = earlier(&path).await;
    let (id,): (String,) = sqlx::query_as("SELECT store_id FROM store_meta")
        .fetch_one(&mut made)
        .await
        .expect("an identity");
    let store = SqliteStore::open(&path).await.expect("opens");
    assert_eq!(store.store_id().to_string(), id);
    let early: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM _sqlx_migrations WHERE version <= 3 AND execution_time = 1",
    )
    .fetch_one(&mut made)
    .await
    .expect("a count");
    assert_eq!(early, 3, "none ran again");
}

#[tokio::test]
async fn a_file_whose_tables_were_made_otherwise_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("portolan.db");
    let mut made = earlier(&path).await;
    made.execute("UPDATE _sqlx_migrations SET checksum = X'00' WHERE version = 2")
        .await
        .expect("runs");
    made.close().await.expect("closes");
    let error = SqliteStore::open(&path).await.err();
    assert!(
        matches!(error, Some(StoreError::Unavailable { .. })),
        "{error:?}"
    );
}
