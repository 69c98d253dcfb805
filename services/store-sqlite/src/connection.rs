//! Connections: one that writes, a few that read.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use portolan_store::{PAUSE, StoreError};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{ConnectOptions, SqlitePool};
use tokio::sync::{Mutex, OwnedMutexGuard};

use crate::error::while_doing;
use crate::migrations::migrations;

const READERS: u32 = 4;

/// Outlasts a writer that pauses, so that it costs the next one time and not an error.
const PATIENCE: Duration = Duration::from_secs(2 * PAUSE.as_secs());

/// The file and how to open it.
pub(crate) struct Connections {
    options: SqliteConnectOptions,
    /// Empty after a transaction that did not end properly: closing its connection is what rolls it back.
    writer: Arc<Mutex<Option<SqliteConnection>>>,
    readers: SqlitePool,
}

/// The writing connection, for one turn. Dropping it closes the connection, before the turn ends.
pub(crate) struct Held {
    connection: SqliteConnection,
    slot: OwnedMutexGuard<Option<SqliteConnection>>,
}

impl Connections {
    /// For a file, which is made if there is none.
    pub(crate) fn new(path: &Path) -> Self {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(PATIENCE)
            .disable_statement_logging();
        let readers = SqlitePoolOptions::new()
            .max_connections(READERS)
            .acquire_timeout(PATIENCE)
            .connect_lazy_with(options.clone().pragma("query_only", "ON"));
        Self {
            options,
            writer: Arc::default(),
            readers,
        }
    }

    /// Brings the tables up to date.
    pub(crate) async fn migrate(&self) -> Result<(), StoreError> {
        let pool = SqlitePoolOptions::new()
            .max_connections(1)
            .connect_lazy_with(self.options.clone());
        let result = migrations().run(&pool).await;
        pool.close().await;
        result.map_err(|error| StoreError::Unavailable {
            context: "bringing the tables up to date".to_owned(),
            source: Some(error.into()),
        })
    }

    /// For reading.
    pub(crate) fn readers(&self) -> &SqlitePool {
        &self.readers
    }

    /// Waits for this process's turn to write.
    pub(crate) async fn hold(&self) -> Result<Held, StoreError> {
        let turn = tokio::time::timeout(PATIENCE, self.writer.clone().lock_owned());
        let mut slot = turn
            .await
            .map_err(|_| StoreError::unavailable("waiting for other writers"))?;
        let connection = match slot.take() {
            Some(connection) => connection,
            None => self
                .options
                .connect()
                .await
                .map_err(while_doing("opening the file"))?,
        };
        Ok(Held { connection, slot })
    }
}

impl Held {
    /// The connection.
    pub(crate) fn connection(&mut self) -> &mut SqliteConnection {
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
