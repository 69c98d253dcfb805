//! A write transaction.

use portolan_model::{Name, Revision};
use portolan_store::{CommitError, StoreError, Transaction, Turn, Write};
use sqlx::Executor;

use crate::connection::Held;
use crate::error::while_doing;
use crate::write::write_rows;

/// A write transaction: `BEGIN IMMEDIATE` on the writing connection. Dropping it closes the connection.
pub struct SqliteTransaction {
    turn: Turn<Held>,
    cluster: Name,
    head: Revision,
}

impl SqliteTransaction {
    pub(crate) fn new(held: Held, cluster: &Name, newest: Revision) -> Self {
        Self {
            turn: Turn::begin(held),
            cluster: cluster.clone(),
            head: newest,
        }
    }
}

impl Transaction for SqliteTransaction {
    async fn commit(self, write: &Write) -> Result<(), CommitError> {
        let lost = || CommitError::NotCommitted(StoreError::lost_turn());
        let mut held = self.turn.end().ok_or_else(lost)?;
        write
            .follows(self.head)
            .map_err(CommitError::NotCommitted)?;
        write_rows(held.connection(), &self.cluster, write)
            .await
            .map_err(CommitError::NotCommitted)?;
        let committed = held.connection().execute("COMMIT").await;
        committed.map_err(|error| CommitError::Unknown(while_doing("committing")(error)))?;
        held.release();
        Ok(())
    }

    async fn rollback(self) {
        let Some(mut held) = self.turn.end() else {
            return;
        };
        if held.connection().execute("ROLLBACK").await.is_ok() {
            held.release();
        }
    }
}
