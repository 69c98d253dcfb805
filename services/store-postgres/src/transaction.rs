//! A write transaction.

use portolan_model::{Digest, Name, Revision};
use portolan_store::{CommitError, Locked, StoreError, Transaction, Turn, Write};
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Executor};

use crate::connection::{Connections, Held, STEP};
use crate::error::{bounded, is_disconnected};
use crate::read::read_all_after;
use crate::write::write_rows;

/// A write transaction on a connection of its own. Dropping it closes the connection, which frees the lock.
pub struct PgTransaction {
    turn: Turn<Held>,
    cluster: Name,
    head: Revision,
}

/// Opens a transaction: lock first, then read.
pub(crate) async fn lock(
    connections: &Connections,
    cluster: &Name,
    after: Revision,
) -> Result<Locked<PgTransaction>, StoreError> {
    let mut slot = connections.turn(cluster).await?;
    let connection = match slot.take() {
        Some(kept) => match begin(kept, cluster).await {
            // It ended while nobody used it; nothing has happened on it.
            Err(error) if is_disconnected(&error) => {
                begin(connections.connect_writer().await?, cluster).await?
            }
            begun => begun?,
        },
        None => begin(connections.connect_writer().await?, cluster).await?,
    };
    let mut held = Held::new(connection, slot);
    let read = read_all_after(held.connection(), cluster, after).await?;
    let transaction = PgTransaction {
        turn: Turn::begin(held),
        cluster: cluster.clone(),
        head: read.head,
    };
    Ok(Locked {
        transaction,
        commits: read.commits,
        now: read.now,
    })
}

/// Begins and takes the lock, in one round trip of the simple protocol.
async fn begin(mut connection: PgConnection, cluster: &Name) -> Result<PgConnection, StoreError> {
    let sql = format!("BEGIN; SELECT pg_advisory_xact_lock({})", lock_key(cluster));
    bounded(
        STEP,
        "taking the lock",
        connection.execute(AssertSqlSafe(sql)),
    )
    .await?;
    Ok(connection)
}

/// The same in every release: replicas of two of them meet during an upgrade.
pub(crate) fn lock_key(cluster: &Name) -> i64 {
    let digest = Digest::of(&[b"portolan/log/", cluster.as_str().as_bytes()]);
    let first = digest.as_bytes().first_chunk();
    i64::from_be_bytes(*first.expect("a digest has 16 bytes"))
}

impl Transaction for PgTransaction {
    async fn commit(self, write: &Write) -> Result<(), CommitError> {
        let lost = || CommitError::NotCommitted(StoreError::lost_turn());
        let mut held = self.turn.end().ok_or_else(lost)?;
        write
            .follows(self.head)
            .map_err(CommitError::NotCommitted)?;
        write_rows(held.connection(), &self.cluster, write)
            .await
            .map_err(CommitError::NotCommitted)?;
        // Whatever goes wrong from here on: the server may have committed before it could say so.
        let commit = bounded(STEP, "committing", held.connection().execute("COMMIT"));
        commit.await.map_err(CommitError::Unknown)?;
        held.release();
        Ok(())
    }

    async fn rollback(self) {
        let Some(mut held) = self.turn.end() else {
            return;
        };
        if bounded(STEP, "rolling back", held.connection().execute("ROLLBACK"))
            .await
            .is_ok()
        {
            held.release();
        }
    }
}
