//! Learning of commits that other replicas made.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use portolan_model::Name;

use crate::cache::TAIL_CHANGES;
use crate::{Cache, Head, Store, StoreError};

/// How often the heads are read. One statement of about 0.1 ms; NOTIFY would cost every writer more (its commit takes
/// an instance-wide lock), and gets lost while disconnected (decision 9).
pub const POLL_INTERVAL: Duration = Duration::from_millis(25);

const READ_LIMIT: usize = 512;

/// Keeps caches up with what other replicas commit, for ever. `caches` says which there are now; `heard` is told of every
/// look at the heads, those of clusters without a cache included, and of errors. [`StoreError::NewerFormat`] ends the
/// function, since this release must not go on.
pub async fn follow<S: Store>(
    store: S,
    caches: impl Fn() -> Vec<Arc<Cache>>,
    mut heard: impl FnMut(Result<Vec<Head>, &StoreError>),
) -> StoreError {
    let mut ticks = tokio::time::interval(POLL_INTERVAL);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut reloaded = Reloaded::new();
    loop {
        ticks.tick().await;
        match poll(&store, &caches(), &mut reloaded).await {
            Ok(heads) => heard(Ok(heads)),
            Err(error) => {
                heard(Err(&error));
                if matches!(error, StoreError::NewerFormat { .. }) {
                    return error;
                }
            }
        }
    }
}

/// The head at which each cluster was loaded anew because its digest differed. Rows that were changed by hand don't fit
/// the log however often they are read: once is enough, until there is another head.
type Reloaded = BTreeMap<Name, Head>;

async fn poll<S: Store>(
    store: &S,
    caches: &[Arc<Cache>],
    reloaded: &mut Reloaded,
) -> Result<Vec<Head>, StoreError> {
    let before: Vec<_> = caches.iter().map(|cache| cache.position()).collect();
    let heads = store.heads().await?;
    for (cache, before) in caches.iter().zip(before) {
        cache.touch();
        let Some(head) = heads.iter().find(|head| head.cluster == *cache.cluster()) else {
            continue;
        };
        // What the cache knew before the heads were read must still be in the store: less means a lost tail.
        if head.revision < before.revision {
            cache.reset(store.load(cache.cluster(), TAIL_CHANGES).await?);
            continue;
        }
        catch_up(store, cache, head, reloaded).await?;
    }
    Ok(heads)
}

async fn catch_up<S: Store>(
    store: &S,
    cache: &Cache,
    head: &Head,
    reloaded: &mut Reloaded,
) -> Result<(), StoreError> {
    while cache.position().revision < head.revision {
        let after = cache.position().revision;
        let published = match store.read_after(cache.cluster(), after, READ_LIMIT).await {
            Ok(commits) => cache.publish(commits),
            Err(StoreError::Compacted { .. }) => false,
            Err(error) => return Err(error),
        };
        if !published || cache.position().revision <= after {
            cache.reset(store.load(cache.cluster(), TAIL_CHANGES).await?);
            return Ok(());
        }
    }
    let state = cache.state();
    let differs = state.revision() == head.revision && state.digest() != head.digest;
    if differs && reloaded.get(&head.cluster) != Some(head) {
        cache.reset(store.load(cache.cluster(), TAIL_CHANGES).await?);
        reloaded.insert(head.cluster.clone(), head.clone());
    }
    Ok(())
}
