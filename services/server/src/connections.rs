//! The connections of the API: how many there may be, which of them give way, and which are cut because their peers only
//! take up room.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use portolan_api::{Connection, Crowd, Idleness};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use tokio::sync::Notify;

/// Descriptors that are kept for the store, the log, the HTTP port and outgoing connections.
const DESCRIPTORS: usize = 64;
/// The most connections, however many descriptors there are.
const MOST: usize = 1 << 16;
/// One in so many places is for nodes and health alone.
const RESERVE: usize = 8;
/// How often peers are looked at.
pub(super) const LOOK: Duration = Duration::from_secs(1);

/// What is counted of connections. Cheap to clone.
#[derive(Clone, Default)]
pub(super) struct ConnectionMetrics {
    open: Gauge,
    closed: Family<Cause, Counter>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Cause {
    cause: &'static str,
}

/// All connections of the API.
pub(super) struct Connections {
    limit: usize,
    crowd: Arc<Crowd>,
    open: Mutex<HashMap<u64, Open>>,
    next: AtomicU64,
    /// A place is free again.
    freed: Notify,
    metrics: ConnectionMetrics,
}

struct Open {
    peer: SocketAddr,
    connection: Arc<Connection>,
}

/// A connection's place; free again when dropped.
pub(super) struct Place {
    connections: Arc<Connections>,
    number: u64,
    pub(super) connection: Arc<Connection>,
}

impl ConnectionMetrics {
    /// Makes them visible.
    pub(super) fn register(&self, registry: &mut Registry) {
        let registry = registry.sub_registry_with_prefix("connections");
        registry.register("open", "Open connections of the API", self.open.clone());
        registry.register(
            "cut",
            "Connections that the server ended, by cause",
            self.closed.clone(),
        );
    }

    fn count(&self, cause: &'static str) {
        self.closed.get_or_create(&Cause { cause }).inc();
    }
}

impl Connections {
    /// As many as this process has descriptors for.
    pub(super) fn new(descriptors: usize, metrics: ConnectionMetrics) -> Arc<Self> {
        let limit = descriptors.saturating_sub(DESCRIPTORS).clamp(RESERVE, MOST);
        Arc::new(Self {
            limit,
            crowd: Crowd::new(limit - limit / RESERVE),
            open: Mutex::default(),
            next: AtomicU64::new(0),
            freed: Notify::new(),
            metrics,
        })
    }

    /// Done when there is room for one more. If there is none, whoever uses its own place least gives way; if all are in
    /// use, the next one waits for one of them to end.
    pub(super) async fn room(&self) {
        loop {
            let freed = self.freed.notified();
            {
                let open = self.open();
                if open.len() < self.limit {
                    return;
                }
                self.make_way(&open);
            }
            freed.await;
        }
    }

    /// A place for a new connection.
    pub(super) fn admit(self: &Arc<Self>, peer: SocketAddr) -> Place {
        let mut open = self.open();
        let connection = Connection::new(Instant::now(), self.crowd.clone());
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let kept = Open {
            peer,
            connection: connection.clone(),
        };
        open.insert(number, kept);
        self.metrics.open.inc();
        Place {
            connections: self.clone(),
            number,
            connection,
        }
    }

    /// Cuts those that take up room for nothing.
    pub(super) fn look(&self) {
        let now = Instant::now();
        let (mut silent, mut unread, mut example) = (0, 0, None);
        for open in self.open().values() {
            let Some(idleness) = open.connection.idleness(now) else {
                continue;
            };
            open.connection.cut();
            example = Some(open.peer);
            match idleness {
                Idleness::Silent => {
                    silent += 1;
                    self.metrics.count("silent");
                }
                Idleness::Unread => {
                    unread += 1;
                    self.metrics.count("unread");
                }
            }
        }
        if let Some(example) = example {
            tracing::warn!(silent, unread, %example, "cut connections that never asked, or did not read their answers");
        }
    }

    /// Ends the connection without an open request that has been unused for longest, one that was never used first.
    fn make_way(&self, open: &HashMap<u64, Open>) {
        let idle = open
            .values()
            .filter_map(|open| Some((open.connection.idle()?, open)));
        match idle.min_by_key(|(since, _)| *since) {
            Some((_, open)) => {
                open.connection.cut();
                self.metrics.count("made way");
            }
            None => {
                tracing::warn!(
                    limit = self.limit,
                    "all connections are in use; others wait"
                );
            }
        }
    }

    fn open(&self) -> MutexGuard<'_, HashMap<u64, Open>> {
        // Nothing that holds it can panic half-way.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.connections.open().remove(&self.number);
        self.connections.metrics.open.dec();
        self.connections.freed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer() -> SocketAddr {
        ([127, 0, 0, 1], 1).into()
    }

    #[tokio::test]
    async fn the_one_that_was_never_used_makes_way() {
        let metrics = ConnectionMetrics::default();
        let connections = Connections::new(DESCRIPTORS + 16, metrics.clone());
        let mut places: Vec<_> = (0..16).map(|_| connections.admit(peer())).collect();
        let waiting = tokio::spawn({
            let connections = connections.clone();
            async move { connections.room().await }
        });
        let first = places[0].connection.clone();
        let told = tokio::time::timeout(Duration::from_secs(5), first.was_cut());
        told.await.expect("the oldest is told");
        assert!(!waiting.is_finished(), "its descriptor is still there");
        places.remove(0);
        let room = tokio::time::timeout(Duration::from_secs(5), waiting).await;
        room.expect("now there is room").expect("it does not panic");
        assert_eq!(metrics.open.get(), 15);
        drop(places);
        assert_eq!((metrics.open.get(), connections.open().len()), (0, 0));
    }
}
