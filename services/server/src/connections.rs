//! The connections of the API: how many there may be, which of them give way, and which are cut because their peers only
//! take up room.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use portolan_api::{Connection, Idleness};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

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
    open: Mutex<HashMap<u64, Open>>,
    next: AtomicU64,
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
            "Connections that the server ended or refused, by cause",
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
            open: Mutex::default(),
            next: AtomicU64::new(0),
            metrics,
        })
    }

    /// A place for a new connection. If there is none, whoever uses its own least gives way; `None` if all are in use.
    pub(super) fn admit(self: &Arc<Self>, peer: SocketAddr) -> Option<Place> {
        let mut open = self.open();
        if open.len() >= self.limit && !self.make_way(&mut open) {
            self.metrics.count("full");
            return None;
        }
        let is_reserve = open.len() >= self.limit - self.limit / RESERVE;
        let connection = Connection::new(Instant::now(), is_reserve);
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let kept = Open {
            peer,
            connection: connection.clone(),
        };
        open.insert(number, kept);
        self.metrics.open.inc();
        Some(Place {
            connections: self.clone(),
            number,
            connection,
        })
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
    fn make_way(&self, open: &mut HashMap<u64, Open>) -> bool {
        let idle = open
            .iter()
            .filter_map(|(number, open)| Some((open.connection.idle()?, *number)));
        let Some((_, number)) = idle.min() else {
            tracing::warn!(
                limit = self.limit,
                "all connections are in use; a new one was refused"
            );
            return false;
        };
        if let Some(idle) = open.remove(&number) {
            idle.connection.cut();
            self.metrics.open.dec();
            self.metrics.count("made way");
        }
        true
    }

    fn open(&self) -> MutexGuard<'_, HashMap<u64, Open>> {
        // Nothing that holds it can panic half-way.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let gone = self.connections.open().remove(&self.number);
        if gone.is_some() {
            self.connections.metrics.open.dec();
        }
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
        let places: Vec<_> = (0..16)
            .map(|_| connections.admit(peer()).unwrap())
            .collect();
        let one_more = connections.admit(peer()).expect("the oldest made way");
        tokio::time::timeout(Duration::from_secs(5), places[0].connection.was_cut())
            .await
            .expect("and is told");
        assert_eq!(metrics.open.get(), 16);
        drop((places, one_more));
        assert_eq!((metrics.open.get(), connections.open().len()), (0, 0));
    }
}
