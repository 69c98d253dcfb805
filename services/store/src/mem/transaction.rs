//! A write transaction.

use portolan_model::Name;
use tokio::sync::OwnedMutexGuard;

use super::MemStore;
use crate::{CommitError, StoreError, Transaction, Turn, Write};

/// A write transaction in memory: a turn. Nothing is written before the commit, so there is nothing to roll back.
pub struct MemTransaction {
    pub(super) store: MemStore,
    pub(super) cluster: Name,
    pub(super) turn: Turn<OwnedMutexGuard<()>>,
}

impl Transaction for MemTransaction {
    async fn commit(self, write: &Write) -> Result<(), CommitError> {
        let Some(_turn) = self.turn.end() else {
            return Err(CommitError::NotCommitted(StoreError::lost_turn()));
        };
        self.store
            .with(&self.cluster, |cluster| cluster.log.commit(write))
            .map_err(CommitError::NotCommitted)
    }

    async fn rollback(self) {}
}
