//! A write transaction.

use portolan_model::{Digest, Name, Revision};
use portolan_store::{CommitError, Locked, StoreError, Transaction, Turn, Write};
use sqlx::postgres::{PgConnection, PgRow};
use sqlx::{AssertSqlSafe, Executor};

use crate::connection::{Connections, WriterConnection};
use crate::error::{STEP, bounded, is_disconnected};
use crate::prepared;
use crate::read::Read;
use crate::write::write_and_commit;

/// A write transaction on a connection of its own. Dropping it closes the connection, which frees the lock.
pub struct PgTransaction {
    turn: Turn<WriterConnection>,
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
    let (connection, rows) = match slot.take() {
        Some(kept) => match begin(kept, cluster, after).await {
            // It ended while nobody used it; nothing has happened on it.
            Err(error) if is_disconnected(&error) => {
                begin(connections.connect_writer().await?, cluster, after).await?
            }
            begun => begun?,
        },
        None => begin(connections.connect_writer().await?, cluster, after).await?,
    };
    let held = WriterConnection::new(connection, slot);
    let read = Read::of(&rows, after)?;
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

/// Begins, takes the lock and reads the log, in one round trip. Within one message, too, a statement takes its snapshot
/// when its turn comes, so the log is read as whoever held the lock before left it.
async fn begin(
    mut connection: PgConnection,
    cluster: &Name,
    after: Revision,
) -> Result<(PgConnection, Vec<PgRow>), StoreError> {
    let sql = format!(
        "BEGIN; {}; {}",
        lock_statement(cluster),
        prepared::read(cluster, after)
    );
    let rows = connection.fetch_all(AssertSqlSafe(sql));
    let mut rows = bounded(STEP, "taking the lock", rows).await?;
    // The lock's own.
    rows.remove(0);
    Ok((connection, rows))
}

pub(crate) fn lock_statement(cluster: &Name) -> String {
    format!("SELECT pg_advisory_xact_lock({})", lock_key(cluster))
}

/// The same in every release: replicas of two of them meet during an upgrade.
fn lock_key(cluster: &Name) -> i64 {
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
        write_and_commit(held.connection(), &self.cluster, write).await?;
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
