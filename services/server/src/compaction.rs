//! Keeping the logs short: an hour of it, for those who want to read further back than memory reaches.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use portolan_model::Timestamp;
use portolan_store::{Store, StoreError};

/// How long changes are kept: an upgrade of an agent, or the reboot of a node.
const KEPT: Duration = Duration::from_hours(1);
/// Pause between two rounds.
const PAUSE: Duration = Duration::from_mins(1);
/// Rows per statement, so that no writer waits for long.
const BULK: usize = 5000;

/// Forgets what is too old, again and again, for ever.
pub(super) async fn compact<S: Store>(store: S) {
    loop {
        tokio::time::sleep(PAUSE).await;
        if let Err(error) = round(&store).await {
            tracing::warn!(error = %error, "the logs could not be compacted");
        }
    }
}

/// Every log there is, those of deleted clusters included.
async fn round<S: Store>(store: &S) -> Result<(), StoreError> {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let bound = i64::try_from(now.saturating_sub(KEPT).as_micros()).unwrap_or(i64::MAX);
    for head in store.heads().await? {
        let upto = store.revision_at(&head.cluster, Timestamp(bound)).await?;
        while store.compact(&head.cluster, upto, BULK).await? > 0 {}
    }
    Ok(())
}
