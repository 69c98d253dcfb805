//! Sharing what nodes report among replicas, through the store.

use std::sync::Arc;
use std::time::Duration;

use portolan_store::{Store, StoreError};

use crate::Distributor;

/// Pause between two exchanges.
const PAUSE: Duration = Duration::from_secs(1);

/// Keeps what nodes reported here, and learns what they reported elsewhere, for ever. While the store is away, what is
/// known here stays, and is kept later.
pub async fn share_node_reports<S: Store>(store: S, distributor: Arc<Distributor>) {
    let mut ticks = tokio::time::interval(PAUSE);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if let Err(error) = exchange(&store, &distributor).await {
            tracing::debug!(error = %error, "what nodes reported could not be exchanged");
        }
    }
}

async fn exchange<S: Store>(store: &S, distributor: &Distributor) -> Result<(), StoreError> {
    let (cache, sessions) = (distributor.cache(), distributor.sessions());
    let rows = sessions.take_changed();
    if !rows.is_empty() {
        let flushed = store.put_node_reports(cache.cluster(), &rows).await;
        flushed.inspect_err(|_| sessions.put_back(&rows))?;
    }
    for node in sessions.forgotten() {
        // It may have been created again meanwhile, and its row is then another's.
        if cache.state().node(&node).is_none() {
            store.forget_node_report(cache.cluster(), &node).await?;
        }
        sessions.was_forgotten(&node);
    }
    let rows = store.node_reports(cache.cluster()).await?;
    sessions.learn(&cache.state(), rows);
    Ok(())
}
