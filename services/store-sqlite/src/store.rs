//! The store.

use std::path::Path;
use std::sync::Arc;

use portolan_model::{Clock, Event, Name, NodeReport, Revision, StoreId, Timestamp};
use portolan_store::rows::number;
use portolan_store::{Commit, Head, Loaded, Locked, Store, StoreError, SystemClock};
use sqlx::Executor;
use uuid::fmt::Hyphenated;

use crate::connection::Connections;
use crate::error::while_doing;
use crate::transaction::SqliteTransaction;
use crate::{read, reports};

/// Raised before any row goes, and never as far as the newest commit.
const RAISE_COMPACTED: &str = "
UPDATE logs SET compacted_rev = min($2, (SELECT max(rev) FROM change_log WHERE cluster = $1) - 1)
WHERE cluster = $1 AND compacted_rev < min($2, (SELECT max(rev) FROM change_log WHERE cluster = $1) - 1)";

const FORGET: &str = "
DELETE FROM change_log WHERE rowid IN (
    SELECT rowid FROM change_log WHERE cluster = $1 AND rev <= (SELECT compacted_rev FROM logs WHERE cluster = $1)
    ORDER BY rev, ord LIMIT $2)";

/// A store in a SQLite file. Clones share its connections.
#[derive(Clone)]
pub struct SqliteStore(Arc<Opened>);

struct Opened {
    store_id: StoreId,
    clock: Arc<dyn Clock>,
    connections: Connections,
}

impl SqliteStore {
    /// Opens a file, makes it if there is none, and brings its tables up to date.
    pub async fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        Self::with_clock(path, Arc::new(SystemClock)).await
    }

    /// The same, by another clock.
    pub async fn with_clock(
        path: impl AsRef<Path>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, StoreError> {
        let connections = Connections::new(path.as_ref());
        connections.migrate().await?;
        let store_id: Hyphenated = sqlx::query_scalar("SELECT store_id FROM store_meta")
            .fetch_one(connections.readers())
            .await
            .map_err(while_doing("reading the identity of the store"))?;
        Ok(Self(Arc::new(Opened {
            store_id: store_id.into_uuid().into(),
            clock,
            connections,
        })))
    }

    fn readers(&self) -> &sqlx::SqlitePool {
        self.0.connections.readers()
    }
}

impl Store for SqliteStore {
    type Transaction = SqliteTransaction;

    fn store_id(&self) -> StoreId {
        self.0.store_id
    }

    async fn heads(&self) -> Result<Vec<Head>, StoreError> {
        read::heads(self.readers()).await
    }

    async fn load(&self, cluster: &Name, tail: usize) -> Result<Loaded, StoreError> {
        read::load(self.readers(), cluster, tail).await
    }

    async fn read_after(
        &self,
        cluster: &Name,
        after: Revision,
        limit: usize,
    ) -> Result<Vec<Commit>, StoreError> {
        let mut connection = self
            .readers()
            .acquire()
            .await
            .map_err(while_doing("reading the log"))?;
        Ok(read::read_after(&mut connection, cluster, after, limit)
            .await?
            .commits)
    }

    async fn lock_and_read_after(
        &self,
        cluster: &Name,
        after: Revision,
    ) -> Result<Locked<SqliteTransaction>, StoreError> {
        let mut held = self.0.connections.hold().await?;
        held.connection()
            .execute("BEGIN IMMEDIATE")
            .await
            .map_err(while_doing("taking the lock"))?;
        let read = read::read_after(held.connection(), cluster, after, usize::MAX).await?;
        let transaction = SqliteTransaction::new(held, cluster, read.head);
        Ok(Locked {
            transaction,
            commits: read.commits,
            now: self.0.clock.now().max(Timestamp(read.head_at)),
        })
    }

    async fn compact(
        &self,
        cluster: &Name,
        upto: Revision,
        limit: usize,
    ) -> Result<u64, StoreError> {
        let mut held = self.0.connections.hold().await?;
        let mut gone = 0;
        for (statement, argument) in [(RAISE_COMPACTED, upto.0), (FORGET, limit.max(1) as u64)] {
            let query = sqlx::query(statement)
                .bind(cluster.as_str())
                .bind(number(argument));
            gone = query
                .execute(held.connection())
                .await
                .map_err(while_doing("compacting"))?
                .rows_affected();
        }
        held.release();
        Ok(gone)
    }

    async fn revision_at(&self, cluster: &Name, at: Timestamp) -> Result<Revision, StoreError> {
        read::revision_at(self.readers(), cluster, at.0).await
    }

    async fn record_events(&self, cluster: &Name, events: &[Event]) -> Result<(), StoreError> {
        let mut held = self.0.connections.hold().await?;
        reports::record_events(held.connection(), cluster, events).await?;
        held.release();
        Ok(())
    }

    async fn events(
        &self,
        cluster: &Name,
        below: &str,
        limit: usize,
    ) -> Result<Vec<Event>, StoreError> {
        reports::events(self.readers(), cluster, below, limit).await
    }

    async fn put_node_reports(
        &self,
        cluster: &Name,
        runtime: &[NodeReport],
    ) -> Result<(), StoreError> {
        let mut held = self.0.connections.hold().await?;
        reports::put_node_reports(held.connection(), cluster, runtime).await?;
        held.release();
        Ok(())
    }

    async fn node_reports(&self, cluster: &Name) -> Result<Vec<NodeReport>, StoreError> {
        reports::node_reports(self.readers(), cluster).await
    }

    async fn forget_node_report(&self, cluster: &Name, node: &Name) -> Result<(), StoreError> {
        let mut held = self.0.connections.hold().await?;
        sqlx::query("DELETE FROM node_runtime WHERE cluster = $1 AND node = $2")
            .bind(cluster.as_str())
            .bind(node.as_str())
            .execute(held.connection())
            .await
            .map_err(while_doing("forgetting what a node reported"))?;
        held.release();
        Ok(())
    }

    async fn forget_reports(&self, cluster: &Name) -> Result<(), StoreError> {
        let mut held = self.0.connections.hold().await?;
        for statement in [
            "DELETE FROM events WHERE cluster = $1",
            "DELETE FROM node_runtime WHERE cluster = $1",
        ] {
            sqlx::query(statement)
                .bind(cluster.as_str())
                .execute(held.connection())
                .await
                .map_err(while_doing("forgetting a cluster's reports"))?;
        }
        held.release();
        Ok(())
    }
}
