//! The store in memory, for tests and simulations: every promise but one. It lives as long as its handles.

mod log;
mod transaction;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use portolan_model::{Clock, Event, Name, NodeReport, Revision, StoreId, Timestamp};

use crate::events::{MAX_EVENTS, count_up, event_key, merge_events};
use crate::node_reports::{merge_node_reports, supersedes};
use crate::{Commit, Head, Loaded, Locked, Store, StoreError, SystemClock, Turn};
use log::Log;
pub use transaction::MemTransaction;

/// A store in memory. Clones share it; nothing outlives the last of them. Audit entries are dropped, since nobody
/// could ever read them.
#[derive(Clone)]
pub struct MemStore(Arc<Shared>);

struct Shared {
    store_id: StoreId,
    clock: Arc<dyn Clock>,
    clusters: Mutex<BTreeMap<Name, Cluster>>,
}

#[derive(Default)]
struct Cluster {
    turn: Arc<tokio::sync::Mutex<()>>,
    log: Log,
    events: Vec<Event>,
    runtime: BTreeMap<Name, NodeReport>,
}

impl MemStore {
    /// An empty store with an identity of its own.
    pub fn new() -> Self {
        Self::with_clock(Arc::new(SystemClock))
    }

    /// The same, by another clock.
    pub fn with_clock(clock: Arc<dyn Clock>) -> Self {
        let store_id = StoreId::from_random(rand::random());
        Self(Arc::new(Shared {
            store_id,
            clock,
            clusters: Mutex::default(),
        }))
    }

    fn clusters(&self) -> MutexGuard<'_, BTreeMap<Name, Cluster>> {
        self.0
            .clusters
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Does something with a cluster, which begins to exist.
    fn with<T>(&self, cluster: &Name, body: impl FnOnce(&mut Cluster) -> T) -> T {
        body(self.clusters().entry(cluster.clone()).or_default())
    }
}

impl Default for MemStore {
    fn default() -> Self {
        Self::new()
    }
}

impl Store for MemStore {
    type Transaction = MemTransaction;

    fn store_id(&self) -> StoreId {
        self.0.store_id
    }

    async fn heads(&self) -> Result<Vec<Head>, StoreError> {
        let clusters = self.clusters();
        let newest = clusters
            .iter()
            .filter_map(|(name, cluster)| Some((name, cluster.log.newest()?)));
        Ok(newest
            .map(|(name, commit)| Head {
                cluster: name.clone(),
                revision: commit.revision,
                digest: commit.digest,
            })
            .collect())
    }

    async fn load(&self, cluster: &Name, tail: usize) -> Result<Loaded, StoreError> {
        Ok(self.with(cluster, |cluster| cluster.log.load(tail)))
    }

    async fn read_after(
        &self,
        cluster: &Name,
        after: Revision,
        limit: usize,
    ) -> Result<Vec<Commit>, StoreError> {
        self.with(cluster, |cluster| cluster.log.read_after(after, limit))
    }

    async fn lock_and_read_after(
        &self,
        cluster: &Name,
        after: Revision,
    ) -> Result<Locked<MemTransaction>, StoreError> {
        let turn = self
            .with(cluster, |cluster| cluster.turn.clone())
            .lock_owned()
            .await;
        let (read, newest) = self.with(cluster, |cluster| {
            let newest = cluster
                .log
                .newest()
                .map_or(Timestamp(0), |commit| commit.committed_at);
            (cluster.log.read_after(after, usize::MAX), newest)
        });
        let transaction = MemTransaction {
            store: self.clone(),
            cluster: cluster.clone(),
            turn: Turn::begin(turn),
        };
        Ok(Locked {
            transaction,
            commits: read?,
            now: self.0.clock.now().max(newest),
        })
    }

    async fn compact(
        &self,
        cluster: &Name,
        upto: Revision,
        limit: usize,
    ) -> Result<u64, StoreError> {
        Ok(self.with(cluster, |cluster| cluster.log.compact(upto, limit)))
    }

    async fn revision_at(&self, cluster: &Name, at: Timestamp) -> Result<Revision, StoreError> {
        Ok(self.with(cluster, |cluster| cluster.log.revision_at(at)))
    }

    async fn record_events(&self, cluster: &Name, events: &[Event]) -> Result<(), StoreError> {
        self.with(cluster, |cluster| {
            for event in merge_events(events) {
                match cluster
                    .events
                    .iter_mut()
                    .find(|known| event_key(known) == event_key(&event))
                {
                    Some(known) => count_up(known, &event),
                    None => cluster.events.push(event),
                }
            }
            cluster.events.sort_by_key(|event| event.last_at);
            let surplus = cluster.events.len().saturating_sub(MAX_EVENTS);
            cluster.events.drain(..surplus);
        });
        Ok(())
    }

    async fn events(
        &self,
        cluster: &Name,
        below: &str,
        limit: usize,
    ) -> Result<Vec<Event>, StoreError> {
        Ok(self.with(cluster, |cluster| {
            let matching = cluster
                .events
                .iter()
                .filter(|event| is_below(&event.object, below));
            let mut newest: Vec<_> = matching.rev().take(limit).cloned().collect();
            newest.reverse();
            newest
        }))
    }

    async fn put_node_reports(
        &self,
        cluster: &Name,
        runtime: &[NodeReport],
    ) -> Result<(), StoreError> {
        self.with(cluster, |cluster| {
            for row in merge_node_reports(runtime) {
                if cluster
                    .runtime
                    .get(&row.node)
                    .is_none_or(|known| supersedes(row, known))
                {
                    cluster.runtime.insert(row.node.clone(), row.clone());
                }
            }
        });
        Ok(())
    }

    async fn node_reports(&self, cluster: &Name) -> Result<Vec<NodeReport>, StoreError> {
        Ok(self.with(cluster, |cluster| {
            cluster.runtime.values().cloned().collect()
        }))
    }

    async fn forget_node_report(&self, cluster: &Name, node: &Name) -> Result<(), StoreError> {
        self.with(cluster, |cluster| cluster.runtime.remove(node));
        Ok(())
    }

    async fn forget_reports(&self, cluster: &Name) -> Result<(), StoreError> {
        self.with(cluster, |cluster| {
            cluster.events.clear();
            cluster.runtime.clear();
        });
        Ok(())
    }
}

fn is_below(object: &str, below: &str) -> bool {
    let rest = object.strip_prefix(below);
    below.is_empty() || rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}
