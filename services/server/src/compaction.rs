//! Keeping the logs short: an hour of it, for those who want to read further back than memory reaches.

use std::sync::Arc;
use std::time::Duration;

use portolan_model::{Clock, Timestamp};
use portolan_store::{AnyStore, Store, StoreError};

/// How long changes are kept: an upgrade of an agent, or the reboot of a node.
const KEPT: Duration = Duration::from_hours(1);
/// Pause between two rounds.
const PAUSE: Duration = Duration::from_mins(1);
/// Rows per statement, so that no writer waits for long.
const BULK: usize = 5000;

/// Forgets what is too old, again and again, for ever.
pub(super) async fn compact(store: AnyStore, clock: Arc<dyn Clock>) {
    loop {
        tokio::time::sleep(PAUSE).await;
        if let Err(error) = round(&store, clock.now()).await {
            tracing::warn!(error = %error, "the logs could not be compacted");
        }
    }
}

/// Every log there is, those of deleted clusters included.
async fn round(store: &AnyStore, now: Timestamp) -> Result<(), StoreError> {
    let kept = i64::try_from(KEPT.as_micros()).expect("an hour has few microseconds");
    let bound = now.0.saturating_sub(kept);
    for head in store.heads().await? {
        let upto = store.revision_at(&head.cluster, Timestamp(bound)).await?;
        while store.compact(&head.cluster, upto, BULK).await? > 0 {}
    }
    Ok(())
}
