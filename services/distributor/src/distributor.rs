//! One cluster's frames, and who follows them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use portolan_model::{Clock, Digest, Revision};
use portolan_proto::node::v1::resync::Reason;
use portolan_store::Cache;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::Metrics;
use crate::follower::Follower;
use crate::frame::Frame;
use crate::projection::Projection;
use crate::projector::Projector;
use crate::ring::{Entry, Ring};
use crate::sessions::{Acknowledgement, SessionId, Sessions};
use crate::snapshot::{self, Snapshot};
use crate::start::{ResumePoint, SnapshotCause, Start};
use crate::stream::{Drain, StreamHandle, StreamState};

/// Tells the nodes of one cluster what they should carry.
pub struct Distributor {
    cache: Arc<Cache>,
    core: Mutex<Core>,
    head: watch::Sender<Revision>,
    snapshot: snapshot::Shared,
    streams: Mutex<Streams>,
    sessions: Arc<Sessions>,
    metrics: Metrics,
}

/// What changes together.
struct Core {
    /// Another one makes every position of an earlier one void: the state was loaded anew.
    epoch: u64,
    projection: Projection,
    ring: Ring,
}

#[derive(Default)]
struct Streams {
    next: u64,
    open: HashMap<u64, Arc<StreamState>>,
}

/// What follows a position.
pub(crate) enum Following {
    Frame(Arc<Frame>),
    Nothing,
    Gone(Reason),
}

impl Distributor {
    /// Projects the cache's state, and as much of its log as nodes may want to go on from. Everything later is the
    /// follower's work: run it.
    pub async fn start(
        cache: Arc<Cache>,
        clock: Arc<dyn Clock>,
        metrics: Metrics,
    ) -> (Arc<Self>, Follower) {
        let (projector, ring, epoch) = Follower::project(&cache).await;
        let core = Core {
            epoch: 0,
            projection: projector.projection().clone(),
            ring,
        };
        let distributor = Arc::new(Self {
            head: watch::Sender::new(projector.revision()),
            cache,
            core: Mutex::new(core),
            snapshot: snapshot::Shared::default(),
            streams: Mutex::default(),
            sessions: Arc::new(Sessions::new(clock)),
            metrics,
        });
        distributor
            .sessions
            .withhold(projector.projection().withheld());
        (
            distributor.clone(),
            Follower::new(distributor, projector, epoch),
        )
    }

    /// The committed state that it follows.
    pub fn cache(&self) -> &Arc<Cache> {
        &self.cache
    }

    /// What is known of the cluster's nodes.
    pub fn sessions(&self) -> &Arc<Sessions> {
        &self.sessions
    }

    /// What it counts.
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// The newest state that nodes are told of.
    pub fn head(&self) -> (Revision, Digest) {
        self.core().ring.head()
    }

    /// Waits until nodes are told of a revision. Endless if it never comes: bound it with a deadline.
    pub async fn wait_for(&self, revision: Revision) {
        let mut head = self.head.subscribe();
        // The sender lives in `self`, so waiting can't fail.
        let _ = head.wait_for(|head| *head >= revision).await;
    }

    /// Where a stream begins whose node holds this. A state that is not known, whatever the reason, is replaced by a
    /// snapshot.
    pub async fn begin(&self, held: Option<ResumePoint>) -> Start {
        let cause = match held.map(|held| self.resume(held)) {
            Some(Ok(start)) => {
                self.metrics.resumes.inc();
                return start;
            }
            Some(Err(cause)) => cause,
            None => SnapshotCause::HoldsNothing,
        };
        let snapshot = self.snapshot().await;
        self.metrics.snapshot(cause);
        Start {
            epoch: snapshot.epoch,
            position: snapshot.position,
            held: snapshot.state,
            snapshot: Some(snapshot),
        }
    }

    fn resume(&self, held: ResumePoint) -> Result<Start, SnapshotCause> {
        if held.store_id != self.cache.store_id() {
            return Err(SnapshotCause::OtherStore);
        }
        let core = self.core();
        let state = (held.revision, held.digest);
        let position = core.ring.position_after(state);
        let position = position.ok_or_else(|| core.ring.cause(held.revision))?;
        Ok(Start {
            epoch: core.epoch,
            position,
            held: state,
            snapshot: None,
        })
    }

    async fn snapshot(&self) -> Arc<Snapshot> {
        let mut shared = self.snapshot.lock().await;
        let (projection, epoch, end) = {
            let core = self.core();
            let usable = |snapshot: &&Arc<Snapshot>| {
                snapshot.is_fresh(core.epoch, core.ring.end())
                    && core.ring.reaches(snapshot.position)
            };
            if let Some(snapshot) = shared.as_ref().filter(usable) {
                return snapshot.clone();
            }
            (core.projection.clone(), core.epoch, core.ring.end())
        };
        let snapshot = tokio::task::spawn_blocking(move || Snapshot::of(&projection, epoch, end));
        let snapshot = Arc::new(
            snapshot
                .await
                .expect("making an snapshot does not panic and is never aborted"),
        );
        *shared = Some(snapshot.clone());
        snapshot
    }

    /// Takes note of what a node applied. Returns what it newly rejects.
    pub fn acknowledge(
        &self,
        session: SessionId,
        report: Acknowledgement,
    ) -> Vec<portolan_model::Rejection> {
        self.metrics.acks.inc();
        let Some(progress) = self.sessions.acknowledge(session, report) else {
            return Vec::new();
        };
        self.metrics
            .rejections
            .inc_by(progress.rejected.len() as u64);
        let now = Instant::now();
        let core = self.core();
        let frames = core.ring.ending_within(progress.before, progress.attempted);
        for learned in frames.filter_map(|frame| frame.learned) {
            // What came before the node did tells nothing about the way to it.
            if learned >= progress.since {
                let seconds = now.duration_since(learned).as_secs_f64();
                self.metrics.programming.observe(seconds);
            }
        }
        progress.rejected
    }

    /// Ends all streams: nodes connect again after a while, spread at random.
    pub fn drain(&self, drain: Drain) {
        for stream in self.open_streams() {
            StreamHandle::of(stream).drain(drain);
        }
    }

    /// Makes a frame visible, and tells how many streams look at it.
    pub(crate) fn publish(&self, projector: &Projector, frame: Frame) -> usize {
        self.sessions.withhold(projector.projection().withheld());
        {
            let mut core = self.core();
            core.projection = projector.projection().clone();
            core.ring.push(frame);
        }
        if let Ok(mut snapshot) = self.snapshot.try_lock() {
            // Nobody will be given one that is too old, so its memory is given back.
            drop(snapshot.take_if(|snapshot| snapshot.is_old()));
        }
        self.wake_all()
    }

    /// Starts anew: every stream has to connect again.
    pub(crate) fn replace(&self, projector: &Projector, ring: Ring) {
        self.sessions.reset();
        self.sessions.retain(&self.cache.state());
        self.sessions.withhold(projector.projection().withheld());
        {
            let mut core = self.core();
            core.epoch += 1;
            core.projection = projector.projection().clone();
            core.ring = ring;
        }
        self.wake_all();
    }

    pub(crate) fn following(&self, epoch: u64, position: u64) -> Following {
        let core = self.core();
        if epoch != core.epoch {
            return Following::Gone(Reason::Fork);
        }
        match core.ring.get(position) {
            Entry::Frame(frame) => Following::Frame(frame),
            Entry::Nothing => Following::Nothing,
            Entry::Gone => Following::Gone(Reason::Slow),
        }
    }

    pub(crate) fn add_stream(&self, stream: Arc<StreamState>) -> u64 {
        let mut streams = self.streams();
        streams.next += 1;
        let number = streams.next;
        streams.open.insert(number, stream);
        self.metrics.streams.inc();
        number
    }

    pub(crate) fn remove_stream(&self, number: u64) {
        let removed = self.streams().open.remove(&number);
        if removed.is_some() {
            self.metrics.streams.dec();
        }
    }

    fn wake_all(&self) -> usize {
        let revision = self.core().ring.head().0;
        self.head.send_replace(revision);
        let streams = self.open_streams();
        for stream in &streams {
            stream.wake();
        }
        streams.len()
    }

    fn open_streams(&self) -> Vec<Arc<StreamState>> {
        self.streams().open.values().cloned().collect()
    }

    fn core(&self) -> MutexGuard<'_, Core> {
        self.core.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn streams(&self) -> MutexGuard<'_, Streams> {
        self.streams.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
