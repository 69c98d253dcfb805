//! Whichever store the flags name. One type for all three, so that what stands on stores is compiled once.

use portolan_model::{Event, Name, NodeRuntime, Revision, StoreId, Timestamp};
use portolan_store::{
    Commit, CommitError, Head, Loaded, Locked, MemStore, MemTransaction, Store, StoreError,
    Transaction, Write,
};
use portolan_store_postgres::{PgStore, PgTransaction};
use portolan_store_sqlite::{SqliteStore, SqliteTransaction};

use crate::failure::Failure;

/// One of the stores.
#[derive(Clone)]
pub(super) enum AnyStore {
    Memory(MemStore),
    Postgres(PgStore),
    Sqlite(SqliteStore),
}

/// A write transaction of one of the stores.
pub(super) enum AnyTransaction {
    Memory(MemTransaction),
    Postgres(PgTransaction),
    Sqlite(SqliteTransaction),
}

/// Does the same with each.
macro_rules! of {
    ($any:expr, $one:pat => $does:expr) => {
        match $any {
            Self::Memory($one) => $does,
            Self::Postgres($one) => $does,
            Self::Sqlite($one) => $does,
        }
    };
}

impl AnyStore {
    /// Opens what a URL names.
    pub(super) async fn open(url: &str) -> Result<Self, Failure> {
        let unusable = |error| unusable(url, &error);
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            return PgStore::connect(url)
                .await
                .map(Self::Postgres)
                .map_err(unusable);
        }
        if url == "memory" {
            return Ok(Self::Memory(MemStore::new()));
        }
        let Some(path) = url.strip_prefix("sqlite:") else {
            return Err(Failure::Usage(format!(
                "--store {url}: must be memory, or start with sqlite: or postgres://"
            )));
        };
        let path = path.strip_prefix("//").unwrap_or(path);
        SqliteStore::open(path)
            .await
            .map(Self::Sqlite)
            .map_err(unusable)
    }
}

impl Store for AnyStore {
    type Transaction = AnyTransaction;

    fn store_id(&self) -> StoreId {
        of!(self, store => store.store_id())
    }

    async fn heads(&self) -> Result<Vec<Head>, StoreError> {
        of!(self, store => store.heads().await)
    }

    async fn load(&self, cluster: &Name, tail: usize) -> Result<Loaded, StoreError> {
        of!(self, store => store.load(cluster, tail).await)
    }

    async fn read_after(
        &self,
        cluster: &Name,
        after: Revision,
        limit: usize,
    ) -> Result<Vec<Commit>, StoreError> {
        of!(self, store => store.read_after(cluster, after, limit).await)
    }

    async fn lock_and_read_after(
        &self,
        cluster: &Name,
        after: Revision,
    ) -> Result<Locked<AnyTransaction>, StoreError> {
        use AnyTransaction::{Memory, Postgres, Sqlite};
        Ok(match self {
            Self::Memory(s) => locked(s.lock_and_read_after(cluster, after).await?, Memory),
            Self::Postgres(s) => locked(s.lock_and_read_after(cluster, after).await?, Postgres),
            Self::Sqlite(s) => locked(s.lock_and_read_after(cluster, after).await?, Sqlite),
        })
    }

    async fn compact(
        &self,
        cluster: &Name,
        upto: Revision,
        limit: usize,
    ) -> Result<u64, StoreError> {
        of!(self, store => store.compact(cluster, upto, limit).await)
    }

    async fn revision_at(&self, cluster: &Name, at: Timestamp) -> Result<Revision, StoreError> {
        of!(self, store => store.revision_at(cluster, at).await)
    }

    async fn record_events(&self, cluster: &Name, events: &[Event]) -> Result<(), StoreError> {
        of!(self, store => store.record_events(cluster, events).await)
    }

    async fn events(
        &self,
        cluster: &Name,
        below: &str,
        limit: usize,
    ) -> Result<Vec<Event>, StoreError> {
        of!(self, store => store.events(cluster, below, limit).await)
    }

    async fn flush_runtime(
        &self,
        cluster: &Name,
        runtime: &[NodeRuntime],
    ) -> Result<(), StoreError> {
        of!(self, store => store.flush_runtime(cluster, runtime).await)
    }

    async fn runtime(&self, cluster: &Name) -> Result<Vec<NodeRuntime>, StoreError> {
        of!(self, store => store.runtime(cluster).await)
    }

    async fn forget_runtime(&self, cluster: &Name, node: &Name) -> Result<(), StoreError> {
        of!(self, store => store.forget_runtime(cluster, node).await)
    }

    async fn forget_reports(&self, cluster: &Name) -> Result<(), StoreError> {
        of!(self, store => store.forget_reports(cluster).await)
    }
}

impl Transaction for AnyTransaction {
    async fn commit(self, write: &Write) -> Result<(), CommitError> {
        of!(self, transaction => transaction.commit(write).await)
    }

    async fn rollback(self) {
        of!(self, transaction => transaction.rollback().await);
    }
}

fn locked<T>(locked: Locked<T>, any: impl FnOnce(T) -> AnyTransaction) -> Locked<AnyTransaction> {
    Locked {
        transaction: any(locked.transaction),
        commits: locked.commits,
        now: locked.now,
    }
}

fn unusable(url: &str, error: &StoreError) -> Failure {
    let cause = std::error::Error::source(error)
        .map(|cause| format!(": {cause}"))
        .unwrap_or_default();
    // Everything up to the host may hold a password.
    let shown = url.rsplit_once('@').map_or(url, |(_, host)| host);
    Failure::Start(format!("--store {shown}: {error}{cause}"))
}
