//! The store.

use std::sync::Arc;

use portolan_model::{Event, Name, NodeReport, Revision, StoreId, Timestamp};
use portolan_store::rows::number;
use portolan_store::{Commit, Head, Loaded, Locked, Store, StoreError};
use sqlx::PgPool;
use uuid::Uuid;

use crate::connection::Connections;
use crate::error::{BULK, STEP, bounded, while_doing};
use crate::transaction::{PgTransaction, lock};
use crate::{load, read, reports};

/// Raised before any row goes, and never as far as the newest commit.
const RAISE_COMPACTED: &str = "
UPDATE logs l SET compacted_rev = least($2, h.rev - 1)
FROM (SELECT rev FROM change_log WHERE cluster = $1 ORDER BY rev DESC, ord DESC LIMIT 1) h
WHERE l.cluster = $1 AND l.compacted_rev < least($2, h.rev - 1)";

const FORGET: &str = "
DELETE FROM change_log WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM change_log WHERE cluster = $1 AND rev <= (SELECT compacted_rev FROM logs WHERE cluster = $1)
    ORDER BY rev, ord LIMIT $2))";

/// A store in Postgres. Clones share its connections.
#[derive(Clone)]
pub struct PgStore(Arc<Connected>);

struct Connected {
    store_id: StoreId,
    connections: Connections,
}

impl PgStore {
    /// Connects to a database, for example `postgres://user@host/name` or `postgres:///name?host=/run/postgresql`,
    /// and brings its tables up to date.
    pub async fn connect(url: &str) -> Result<Self, StoreError> {
        let connections = Connections::new(url)?;
        connections.migrate().await?;
        let query = sqlx::query_scalar::<_, Uuid>("SELECT store_id FROM store_meta")
            .fetch_one(connections.pool());
        let store_id = bounded(STEP, "reading the identity of the store", query).await?;
        Ok(Self(Arc::new(Connected {
            store_id: store_id.into(),
            connections,
        })))
    }

    fn pool(&self) -> &PgPool {
        self.0.connections.pool()
    }
}

impl Store for PgStore {
    type Transaction = PgTransaction;

    fn store_id(&self) -> StoreId {
        self.0.store_id
    }

    async fn heads(&self) -> Result<Vec<Head>, StoreError> {
        read::heads(self.pool()).await
    }

    async fn load(&self, cluster: &Name, tail: usize) -> Result<Loaded, StoreError> {
        load::load(self.pool(), cluster, tail).await
    }

    async fn read_after(
        &self,
        cluster: &Name,
        after: Revision,
        limit: usize,
    ) -> Result<Vec<Commit>, StoreError> {
        let mut connection = self
            .pool()
            .acquire()
            .await
            .map_err(while_doing("reading the log"))?;
        read::read_after(&mut connection, cluster, after, number(limit as u64)).await
    }

    async fn lock_and_read_after(
        &self,
        cluster: &Name,
        after: Revision,
    ) -> Result<Locked<PgTransaction>, StoreError> {
        lock(&self.0.connections, cluster, after).await
    }

    async fn compact(
        &self,
        cluster: &Name,
        upto: Revision,
        limit: usize,
    ) -> Result<u64, StoreError> {
        let mut gone = 0;
        for (statement, argument) in [(RAISE_COMPACTED, upto.0), (FORGET, limit.max(1) as u64)] {
            let query = sqlx::query(statement)
                .bind(cluster.as_str())
                .bind(number(argument));
            gone = bounded(BULK, "compacting", query.execute(self.pool()))
                .await?
                .rows_affected();
        }
        Ok(gone)
    }

    async fn revision_at(&self, cluster: &Name, at: Timestamp) -> Result<Revision, StoreError> {
        read::revision_at(self.pool(), cluster, at).await
    }

    async fn record_events(&self, cluster: &Name, events: &[Event]) -> Result<(), StoreError> {
        reports::record_events(self.pool(), cluster, events).await
    }

    async fn events(
        &self,
        cluster: &Name,
        below: &str,
        limit: usize,
    ) -> Result<Vec<Event>, StoreError> {
        reports::events(self.pool(), cluster, below, limit).await
    }

    async fn put_node_reports(
        &self,
        cluster: &Name,
        runtime: &[NodeReport],
    ) -> Result<(), StoreError> {
        reports::put_node_reports(self.pool(), cluster, runtime).await
    }

    async fn node_reports(&self, cluster: &Name) -> Result<Vec<NodeReport>, StoreError> {
        reports::node_reports(self.pool(), cluster).await
    }

    async fn forget_node_report(&self, cluster: &Name, node: &Name) -> Result<(), StoreError> {
        reports::forget_node_report(self.pool(), cluster, node).await
    }

    async fn forget_reports(&self, cluster: &Name) -> Result<(), StoreError> {
        reports::forget_reports(self.pool(), cluster).await
    }
}
