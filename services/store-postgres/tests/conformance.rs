//! The store in Postgres keeps every promise of the contract.

use portolan_store::testing::Harness;
use portolan_store_postgres::PgStore;
use portolan_store_postgres::testing::fresh_database;

struct Database(String);

impl Harness for Database {
    type Store = PgStore;
    const PERSISTENT: bool = true;

    async fn open(&self) -> PgStore {
        PgStore::connect(&self.0)
            .await
            .expect("the database is there")
    }

    async fn restart(&mut self) -> PgStore {
        self.open().await
    }
}

async fn database() -> Database {
    Database(fresh_database().await.expect("a Postgres server"))
}

portolan_store::conformance!(database);
