//! Connections: one for the commits of each cluster, a few for everything else.

use std::collections::HashMap;
use std::str::FromStr;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use portolan_model::Name;
use portolan_store::{PAUSE, StoreError};
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPoolOptions};
use sqlx::{AssertSqlSafe, ConnectOptions, Executor, PgPool};
use tokio::sync::{Mutex, OwnedMutexGuard};

use crate::error::{STEP, bounded, while_doing};
use crate::migrations::migrations;
use crate::prepared::prepare;

/// How long another replica's migration is waited for.
const MIGRATION: Duration = Duration::from_mins(2);

const POOL_SIZE: u32 = 4;

/// Clusters whose writing connection is kept: a server takes 100 connections by default, and clusters come and go.
const MAX_WRITERS: usize = 48;

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

/// A cluster's slot, and when it was last asked for.
type Writers = HashMap<Name, (Slot, Instant)>;

/// The database and how to reach it.
pub(crate) struct Connections {
    writer: PgConnectOptions,
    /// A slot is empty after a transaction that did not end properly: closing its connection is what rolls it back.
    writers: std::sync::Mutex<Writers>,
    pool: PgPool,
}

/// A cluster's writing connection, for one turn. Dropping it closes the connection, before the turn ends.
pub(crate) struct WriterConnection {
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
        let work = async {
            migrations()
                .run(&self.pool)
                .await
                .map_err(sqlx::Error::from)
        };
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
            let now = Instant::now();
            let (slot, used) = writers
                .entry(cluster.clone())
                .or_insert_with(|| (Slot::default(), now));
            *used = now;
            let slot = slot.clone();
            close_idlest(&mut writers);
            slot
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

/// Closes the connection that was not asked for for longest, if there are too many. One that is in use, or waited for,
/// has further owners of its slot.
fn close_idlest(writers: &mut Writers) {
    if writers.len() <= MAX_WRITERS {
        return;
    }
    let idle = writers
        .iter()
        .filter(|(_, (slot, _))| Arc::strong_count(slot) == 1);
    let idlest = idle.min_by_key(|(_, (_, used))| *used);
    if let Some(cluster) = idlest.map(|(cluster, _)| cluster.clone()) {
        writers.remove(&cluster);
    }
}

impl WriterConnection {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_too_many_connections_the_idlest_is_closed_and_none_in_use() {
        let start = Instant::now();
        let writer = |i: u64| {
            let used = start + Duration::from_secs(i);
            (Name::trusted(format!("c{i}")), (Slot::default(), used))
        };
        let mut writers: Writers = (0..MAX_WRITERS as u64).map(writer).collect();
        close_idlest(&mut writers);
        assert_eq!(writers.len(), MAX_WRITERS, "as many as may be");
        let in_use = writers[&Name::trusted("c0")].0.clone();
        writers.extend([writer(1000)]);
        close_idlest(&mut writers);
        assert_eq!(writers.len(), MAX_WRITERS);
        assert!(writers.contains_key("c0"), "in use");
        assert!(!writers.contains_key("c1"), "the idlest of the others");
        drop(in_use);
    }
}
