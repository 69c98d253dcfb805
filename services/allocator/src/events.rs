//! Events on their way to the store: bounded, in bulk, never in a request's way.

use std::time::Duration;

use portolan_model::{Event, Name};
use portolan_store::Store;
use tokio::sync::mpsc;

/// Events that may wait; more are dropped and counted in the log.
const QUEUE: usize = 4096;
/// Events per write.
const BULK: usize = 512;
/// Pause between two writes, so that repeats are counted up instead of written each.
const PAUSE: Duration = Duration::from_millis(500);

/// Takes events; never blocks. Cheap to clone.
#[derive(Clone)]
pub struct EventSink(mpsc::Sender<Event>);

/// Writes events to the store.
pub struct EventRecorder<S: Store> {
    store: S,
    cluster: Name,
    waiting: mpsc::Receiver<Event>,
}

impl EventSink {
    /// Hands events over. Should too many wait, the rest is dropped: events are for people, and never hold up writes.
    pub fn record(&self, events: impl IntoIterator<Item = Event>) {
        let dropped = events
            .into_iter()
            .filter_map(|event| self.0.try_send(event).err())
            .count();
        if dropped > 0 {
            tracing::debug!(dropped, "events dropped");
        }
    }
}

impl<S: Store> EventRecorder<S> {
    /// A recorder for a cluster, and the sink in front of it.
    pub fn new(store: S, cluster: Name) -> (EventSink, Self) {
        let (sink, waiting) = mpsc::channel(QUEUE);
        (
            EventSink(sink),
            Self {
                store,
                cluster,
                waiting,
            },
        )
    }

    /// Runs until every sink is dropped. What the store does not take is dropped.
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
