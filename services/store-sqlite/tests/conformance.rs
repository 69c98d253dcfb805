//! The store in SQLite keeps every promise of the contract.

use portolan_store::testing::Harness;
use portolan_store_sqlite::SqliteStore;
use tempfile::TempDir;

struct File(TempDir);

impl Harness for File {
    type Store = SqliteStore;
    const PERSISTENT: bool = true;

    async fn open(&self) -> SqliteStore {
        SqliteStore::open(self.0.path().join("portolan.db"))
            .await
            .expect("the file is opened")
    }

    async fn restart(&mut self) -> SqliteStore {
        self.open().await
    }
}

async fn file() -> File {
    File(tempfile::tempdir().expect("a folder"))
}

portolan_store::conformance!(file);
