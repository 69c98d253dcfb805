//! Connections: one for the commits of each cluster, a few for everything else.

use std::collections::HashMap;
use std::str::FromStr;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use portolan_model::Name;
use portolan_store::{PAUSE, StoreError};
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPoolOptions};
use sqlx::{AssertSqlSafe, ConnectOptions, Executor, PgPool};
use tokio::sync::{Mutex, OwnedMutexGuard};

use crate::error::{bounded, while_doing};
use crate::prepared::prepare;

/// How long one step of a small read or of a write may take.
pub(crate) const STEP: Duration = Duration::from_secs(3);

/// How long reading all tables or compacting may take.
pub(crate) const BULK: Duration = Duration::from_mins(1);

/// How long another replica's migration is waited for.
const MIGRATION: Duration = Duration::from_mins(2);

const POOL_SIZE: u32 = 4;

/// Of the connections that write. The server ends a transaction whose owner pauses, which fences it; waiting for the
/// lock outlasts that, so that it costs the next writer time and not an error. No statement runs for ever, even if its
/// client is gone. Plans are made once, which is right because they are lookups alone, whatever the planner guesses: it
/// can't see the length of an array.
pub(crate) const WRITER: [(&str, &str); 8] = [
    ("standard_conforming_strings", "on"),
    ("idle_in_transaction_session_timeout", "2s"),
    ("lock_timeout", "2500ms"),
    ("statement_timeout", "10s"),
    ("plan_cache_mode", "force_generic_plan"),
    ("enable_seqscan", "off"),
    ("enable_hashjoin", "off"),
    ("enable_mergejoin", "off"),
];

type Slot = Arc<Mutex<Option<PgConnection>>>;

/// The database and how to reach it.
pub(crate) struct Connections {
    writer: PgConnectOptions,
    /// A slot is empty after a transaction that did not end properly: closing its connection is what rolls it back.
    writers: std::sync::Mutex<HashMap<Name, Slot>>,
    pool: PgPool,
}

/// A cluster's writing connection, for one turn. Dropping it closes the connection, before the turn ends.
pub(crate) struct Held {
    connection: PgConnection,
    slot: OwnedMutexGuard<Option<PgConnection>>,
}

impl Connections {
    /// For a URL; connects to nothing yet.
    pub(crate) fn new(url: &str) -> Result<Self, StoreError> {
        let options = PgConnectOptions::from_str(url).map_err(while_doing("reading the URL"))?;
        let options = options
            .application_name("portolan")
            .disable_statement_logging();
        let pool = PgPoolOptions::new()
            .max_connections(POOL_SIZE)
            .acquire_timeout(Duration::from_secs(2))
            .connect_lazy_with(options.clone());
        Ok(Self {
            writer: options.options(WRITER),
            writers: std::sync::Mutex::default(),
            pool,
        })
    }

    /// Brings the tables up to date; replicas that start together take turns.
    pub(crate) async fn migrate(&self) -> Result<(), StoreError> {
        let mut migrations = sqlx::migrate!("../../migrations/postgres");
        // A newer release only adds to the tables; what an older one can't read is told by the format of log rows.
        migrations.set_ignore_missing(true);
        let work = async { migrations.run(&self.pool).await.map_err(sqlx::Error::from) };
        bounded(MIGRATION, "bringing the tables up to date", work).await
    }

    /// For everything but commits.
    pub(crate) fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// Waits for this process's turn to write to a cluster.
    pub(crate) async fn turn(
        &self,
        cluster: &Name,
    ) -> Result<OwnedMutexGuard<Option<PgConnection>>, StoreError> {
        let slot = {
            let mut writers = self.writers.lock().unwrap_or_else(PoisonError::into_inner);
            writers.entry(cluster.clone()).or_default().clone()
        };
        let turn = tokio::time::timeout(2 * PAUSE, slot.lock_owned()).await;
        turn.map_err(|_| StoreError::unavailable("waiting for other writers of this process"))
    }

    /// A new connection for writing.
    pub(crate) async fn connect_writer(&self) -> Result<PgConnection, StoreError> {
        let mut connection = bounded(STEP, "connecting", self.writer.connect()).await?;
        let preparing = connection.execute(AssertSqlSafe(prepare()));
        bounded(STEP, "preparing statements", preparing).await?;
        Ok(connection)
    }
}

impl Held {
    pub(crate) fn new(
        connection: PgConnection,
        slot: OwnedMutexGuard<Option<PgConnection>>,
    ) -> Self {
        Self { connection, slot }
    }

    /// The connection.
    pub(crate) fn connection(&mut self) -> &mut PgConnection {
        &mut self.connection
    }

    /// Ends the turn, and keeps the connection for the next one.
    pub(crate) fn release(self) {
        let Self {
            connection,
            mut slot,
        } = self;
        *slot = Some(connection);
    }
}
