//! The stores that a server can keep its state in.

use std::sync::Arc;

use portolan_model::Clock;
use portolan_store::{AnyStore, MemStore, StoreError};
use portolan_store_postgres::PgStore;
use portolan_store_sqlite::SqliteStore;

use crate::error::ServerError;

/// Opens the store that a URL names: `sqlite:FILE`, `postgres://USER@HOST/DATABASE` or `memory`.
pub(crate) async fn open(url: &str, clock: Arc<dyn Clock>) -> Result<AnyStore, ServerError> {
    if url == "memory" {
        return Ok(AnyStore::new(MemStore::with_clock(clock)));
    }
    if url.starts_with("postgres://") || url.starts_with("postgresql://") {
        let store = PgStore::connect(url).await;
        return store.map(AnyStore::new).map_err(|e| unusable(url, &e));
    }
    let Some(path) = url.strip_prefix("sqlite:") else {
        return Err(ServerError::Usage(format!(
            "--store {url}: must be memory, or start with sqlite: or postgres://"
        )));
    };
    let path = path.strip_prefix("//").unwrap_or(path);
    let store = SqliteStore::with_clock(path, clock).await;
    store.map(AnyStore::new).map_err(|e| unusable(url, &e))
}

fn unusable(url: &str, error: &StoreError) -> ServerError {
    let cause = std::error::Error::source(error)
        .map(|cause| format!(": {cause}"))
        .unwrap_or_default();
    // Everything up to the host may hold a password.
    let shown = url.rsplit_once('@').map_or(url, |(_, host)| host);
    ServerError::Start(format!("--store {shown}: {error}{cause}"))
}
