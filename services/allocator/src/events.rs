//! Events on their way to the store: bounded, in bulk, never in a request's way.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use portolan_model::{Event, Name};
use portolan_store::{Store, StoreError};
use tokio::sync::mpsc;

/// Events that may wait; more are dropped and counted in the log.
const QUEUE: usize = 4096;
/// Events per write.
const BULK: usize = 512;
/// Pause between two writes, so that repeats are counted up instead of written each.
const PAUSE: Duration = Duration::from_millis(500);

/// What happened in a cluster: takes events without ever blocking, and reads back what the store keeps. Cheap to clone.
#[derive(Clone)]
pub struct Events {
    queue: mpsc::Sender<Event>,
    kept: Arc<dyn KeptEvents>,
}

/// A cluster's events in its store, whichever that is.
trait KeptEvents: Send + Sync {
    fn newest<'a>(&'a self, below: &'a str, limit: usize) -> Reading<'a>;
}

type Reading<'a> = Pin<Box<dyn Future<Output = Result<Vec<Event>, StoreError>> + Send + 'a>>;

impl<S: Store> KeptEvents for (S, Name) {
    fn newest<'a>(&'a self, below: &'a str, limit: usize) -> Reading<'a> {
        Box::pin(self.0.events(&self.1, below, limit))
    }
}

/// Writes events to the store.
pub struct EventRecorder<S: Store> {
    store: S,
    cluster: Name,
    waiting: mpsc::Receiver<Event>,
}

impl Events {
    /// Hands events over. Should too many wait, the rest is dropped: events are for people, and never hold up writes.
    pub fn record(&self, events: impl IntoIterator<Item = Event>) {
        let dropped = events
            .into_iter()
            .filter_map(|event| self.queue.try_send(event).err())
            .count();
        if dropped > 0 {
            tracing::debug!(dropped, "events dropped");
        }
    }

    /// The newest events about a resource or what is below it, as [`Store::events`] has them.
    pub async fn newest(&self, below: &str, limit: usize) -> Result<Vec<Event>, StoreError> {
        self.kept.newest(below, limit).await
    }
}

impl<S: Store> EventRecorder<S> {
    /// A recorder for a cluster, and the way to it.
    pub fn new(store: S, cluster: Name) -> (Events, Self) {
        let (queue, waiting) = mpsc::channel(QUEUE);
        let kept = Arc::new((store.clone(), cluster.clone()));
        (
            Events { queue, kept },
            Self {
                store,
                cluster,
                waiting,
            },
        )
    }

    /// Runs until nobody can hand over events any more. What the store does not take is dropped.
    pub async fn run(mut self) {
        let mut events = Vec::with_capacity(BULK);
        while self.waiting.recv_many(&mut events, BULK).await > 0 {
            let recorded = self.store.record_events(&self.cluster, &events).await;
            if let Err(error) = recorded {
                tracing::warn!(error = %error, "events could not be recorded");
            }
            events.clear();
            tokio::time::sleep(PAUSE).await;
        }
    }
}
