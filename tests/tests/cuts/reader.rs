//! A client whose watch is cut again and again.

use std::marker::PhantomData;
use std::time::Duration;

use portolan_proto::v1::WatchEventType;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tonic::transport::Channel;

use crate::nouns::{Held, Told, Watched};

/// How long a reader waits for an event before it is cut without one.
const SILENCE: Duration = Duration::from_millis(20);

/// What a client that was cut again and again believes in.
pub(crate) struct Reader<N> {
    server: Channel,
    random: StdRng,
    pub(crate) held: Held,
    revision: u64,
    store_id: String,
    /// Cuts after an event that was not the last one of its revision.
    pub(crate) within: u64,
    noun: PhantomData<N>,
}

impl<N: Watched> Reader<N> {
    pub(crate) fn new(server: Channel, seed: u64) -> Self {
        Self {
            server,
            random: StdRng::seed_from_u64(seed),
            held: Held::new(),
            revision: 0,
            store_id: String::new(),
            within: 0,
            noun: PhantomData,
        }
    }

    /// Watches from where it was, for so many events.
    async fn watch(&mut self, events: u32, silence: Duration) {
        if self.revision == 0 {
            self.held.clear();
        }
        let mut stream = N::watch(self.server.clone(), self.revision, &self.store_id).await;
        let mut is_within = false;
        for _ in 0..events {
            let Ok(event) = tokio::time::timeout(silence, stream.message()).await else {
                break;
            };
            let event = N::told(event.expect("an event").expect("the watch goes on"));
            is_within = event.revision == 0 && event.kind != WatchEventType::Status;
            self.take(event);
        }
        self.within += u64::from(is_within);
    }

    fn take(&mut self, event: Told) {
        if let Some((uid, name, revision)) = event.object {
            match event.kind {
                WatchEventType::Added | WatchEventType::Modified => {
                    self.held.insert(uid, (name, revision));
                }
                WatchEventType::Deleted => drop(self.held.remove(&uid)),
                _ => {}
            }
        }
        if event.revision > 0 {
            self.revision = event.revision;
            self.store_id = event.store_id;
        }
    }

    /// So many cuts, most of them after a few events.
    pub(crate) async fn cut(&mut self, cuts: u64) {
        for _ in 0..cuts {
            let most = if self.random.random_bool(0.1) { 60 } else { 6 };
            let events = self.random.random_range(0..=most);
            self.watch(events, SILENCE).await;
        }
    }

    /// Goes on until it has seen the end, which is named so.
    pub(crate) async fn finish(&mut self, end: &str) {
        let ended = |held: &(String, u64)| {
            held.0
                .rsplit('/')
                .next()
                .is_some_and(|n| n.starts_with(end))
        };
        while self.revision == 0 || !self.held.values().any(ended) {
            self.watch(100, Duration::from_millis(500)).await;
        }
    }
}
