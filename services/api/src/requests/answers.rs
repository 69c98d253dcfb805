//! Large answers take turns: each is made and delivered while few others are, so that all of them together fit into
//! memory, and whoever asks for little is not kept waiting by those who ask for everything.

use std::sync::Arc;
use std::time::Duration;

use prometheus_client::metrics::gauge::Gauge;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tonic::Status;

use super::connection::Connection;
use crate::status;

/// Large answers of all connections at once. A page ends at about 2 MiB, and is in memory as objects and encoded.
const AT_ONCE: usize = 16;
/// How long a request waits for its turn.
const PATIENCE: Duration = Duration::from_secs(10);

/// Who makes large answers. Cheap to clone.
#[derive(Clone)]
pub(super) struct Answers {
    turns: Arc<Semaphore>,
    waiting: Gauge,
    under_way: Gauge,
}

/// A large answer's turn; over when dropped.
pub(super) struct Turn {
    _of_all: OwnedSemaphorePermit,
    _of_connection: Option<OwnedSemaphorePermit>,
    _shown: Shown,
}

impl Answers {
    /// Shown by gauges: who waits for a turn, and whose turn it is.
    pub(super) fn new(waiting: Gauge, under_way: Gauge) -> Self {
        Self {
            turns: Arc::new(Semaphore::new(AT_ONCE)),
            waiting,
            under_way,
        }
    }

    /// Waits for a turn, first among the connection's own requests, then among all.
    pub(super) async fn turn(&self, connection: Option<&Connection>) -> Result<Turn, Status> {
        let _waiting = Shown::new(&self.waiting);
        let turn = async {
            let own = match connection {
                Some(connection) => Some(connection.large.clone().acquire_owned().await.ok()?),
                None => None,
            };
            Some(Turn {
                _of_all: self.turns.clone().acquire_owned().await.ok()?,
                _of_connection: own,
                _shown: Shown::new(&self.under_way),
            })
        };
        match tokio::time::timeout(PATIENCE, turn).await {
            Ok(Some(turn)) => Ok(turn),
            // Nobody closes the semaphores.
            Ok(None) | Err(_) => Err(status::busy("many large answers are asked for at once")),
        }
    }
}

/// One more on a gauge, until it is dropped.
struct Shown(Gauge);

impl Shown {
    fn new(gauge: &Gauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for Shown {
    fn drop(&mut self) {
        self.0.dec();
    }
}
