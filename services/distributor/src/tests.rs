//! Simulated nodes follow made-up histories.

mod bursts;
mod fanout;
mod following;
mod framing;
mod history;
mod node;
mod presence;
mod starting;

use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;
use portolan_model::Revision;
use portolan_proto::node::v1::{Welcome, sync_response, welcome};
use portolan_store::Cache;

use crate::{
    Distributor, Ending, Metrics, Mode, NodeHello, ResumePoint, StreamBody, StreamHandle, stream,
};
use history::{History, state_digest, store_id};

/// Far longer than anything takes.
const DEADLINE: Duration = Duration::from_secs(30);

/// A running distributor over a history.
struct Rig {
    history: History,
    cache: Arc<Cache>,
    distributor: Arc<Distributor>,
    follower: tokio::task::JoinHandle<()>,
    sessions: u64,
}

impl Rig {
    /// Over what the history has so far, the log reaching back by `tail` commits.
    async fn new(history: History, tail: usize) -> Self {
        let cache = Cache::new(history::cluster(), store_id(), history.loaded(tail));
        let (distributor, follower) = Distributor::start(
            cache.clone(),
            Arc::new(portolan_store::SystemClock),
            Metrics::default(),
        )
        .await;
        let follower = tokio::spawn(follower.run());
        Self {
            history,
            cache,
            distributor,
            follower,
            sessions: 0,
        }
    }

    /// Commits this many times at once.
    fn commit(&mut self, count: usize) {
        let commits: Vec<_> = (0..count).map(|_| self.history.commit()).collect();
        assert!(self.cache.publish(commits), "the history fits the cache");
    }

    /// Waits until the distributor has all commits.
    async fn settle(&self) {
        let newest = self.history.newest();
        tokio::time::timeout(DEADLINE, self.distributor.wait_for(newest))
            .await
            .expect("frames follow commits");
    }

    /// Streams that began with a snapshot for this reason.
    fn snapshots(&self, reason: &'static str) -> u64 {
        let snapshots = &self.distributor.metrics().snapshots;
        snapshots
            .get_or_create_owned(&vec![("reason", reason)])
            .get()
    }

    /// What a node holds at a revision.
    fn held(&self, revision: Revision) -> ResumePoint {
        let digest = state_digest(self.history.state(revision));
        ResumePoint {
            store_id: store_id(),
            revision,
            digest,
        }
    }

    /// A stream of a node of its own.
    async fn open(&mut self, held: Option<ResumePoint>) -> (StreamHandle, StreamBody, Mode) {
        let (handle, body) = stream(trailers);
        self.sessions += 1;
        let hello = history::hello(self.sessions, self.sessions);
        let mode = self.admit(&handle, hello, held).await;
        (handle, body, mode)
    }

    async fn admit(
        &self,
        handle: &StreamHandle,
        hello: NodeHello,
        held: Option<ResumePoint>,
    ) -> Mode {
        let guard = self
            .distributor
            .sessions()
            .enter(hello, handle.clone())
            .unwrap();
        let start = self.distributor.begin(held).await;
        let mode = start.mode();
        let welcome = Welcome {
            mode: match mode {
                Mode::Resume => welcome::Mode::Resume.into(),
                Mode::Snapshot => welcome::Mode::Snapshot.into(),
            },
            ..Welcome::default()
        };
        self.distributor.admit(
            handle,
            start,
            guard,
            sync_response::Message::Welcome(welcome),
        );
        mode
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        self.follower.abort();
    }
}

/// Endings, readable in tests.
fn trailers(ending: Ending) -> HeaderMap {
    let word = match ending {
        Ending::Complete => "complete",
        Ending::Replaced => "replaced",
        Ending::Unregistered => "unregistered",
        Ending::Stuck => "stuck",
        Ending::Failed(headers) => return *headers,
    };
    HeaderMap::from_iter([(http::header::WARNING, http::HeaderValue::from_static(word))])
}
