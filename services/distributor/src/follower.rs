//! The loop that turns commits into frames.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use portolan_proto::node::v1::resync::Reason;
use portolan_store::{Cache, Commit, Compacted, Position};

use crate::Distributor;
use crate::projector::Projector;
use crate::ring::Ring;

/// CPU that a frame costs per stream, measured: wake-up, HTTP/2 and the write.
const COST_PER_STREAM: Duration = Duration::from_micros(10);
/// Longest wait for more commits.
const MAX_WINDOW: Duration = Duration::from_millis(250);
/// Waits that are shorter than the timer is exact are not worth it.
const MIN_WINDOW: Duration = Duration::from_millis(1);
/// Changes in one frame, so that making it takes a few ms at most.
const MAX_CHANGES: usize = 4096;

/// Follows the cache of a distributor.
pub struct Follower {
    distributor: Arc<Distributor>,
    projector: Projector,
    /// What the projector follows.
    position: Position,
    /// No frame before this.
    not_before: Instant,
}

/// Why what is held is of no use any more.
enum Break {
    /// The cache was loaded anew, or its log does not fit.
    Fork,
    /// The cache's log begins after what is held.
    Compacted,
}

impl Follower {
    pub(crate) fn new(
        distributor: Arc<Distributor>,
        projector: Projector,
        position: Position,
    ) -> Self {
        Self {
            distributor,
            projector,
            position,
            not_before: Instant::now(),
        }
    }

    /// The state of a cache and its log, projected. It is done aside, since it may take a second.
    pub(crate) async fn project(cache: &Arc<Cache>) -> (Projector, Ring, Position) {
        loop {
            let position = cache.position();
            let cache = cache.clone();
            let work = tokio::task::spawn_blocking(move || Projector::rebuild(&cache, position));
            let done = work
                .await
                .expect("projecting does not panic and is never aborted");
            if let Some((projector, ring)) = done {
                return (projector, ring, position);
            }
        }
    }

    /// Runs for ever. The first change after a pause goes out at once; then changes are gathered for as long as twice
    /// the work that a frame makes, which keeps it below half a core whatever the number of nodes.
    pub async fn run(mut self) {
        let cache = self.distributor.cache().clone();
        let mut head = cache.subscribe();
        loop {
            let position = *head.borrow_and_update();
            if position.epoch == self.position.epoch
                && position.revision <= self.projector.revision()
            {
                if head.changed().await.is_err() {
                    return;
                }
                continue;
            }
            let learned = Instant::now();
            tokio::time::sleep_until(self.not_before).await;
            if let Err(cause) = self.step(&cache, learned) {
                self.restart(&cache, &cause).await;
            }
        }
    }

    /// Makes a frame of what was committed since.
    fn step(&mut self, cache: &Cache, learned: Instant) -> Result<(), Break> {
        let started = Instant::now();
        let commits = self.commits(cache)?;
        if commits.is_empty() {
            return Ok(());
        }
        let step = self
            .projector
            .advance(&commits, Some(&cache.state()), Some(learned));
        let step = step.map_err(|mismatch| {
            tracing::error!(error = %mismatch, "projecting anew");
            Break::Fork
        })?;
        let streams = self.distributor.publish(&self.projector, step.frame);
        for node in step.removed_nodes {
            self.distributor.sessions().forget(node);
        }
        let streams = u32::try_from(streams).unwrap_or(u32::MAX);
        let window = (started.elapsed() + COST_PER_STREAM.saturating_mul(streams)) * 2;
        let window = if window < MIN_WINDOW {
            Duration::ZERO
        } else {
            window.min(MAX_WINDOW)
        };
        self.not_before = Instant::now() + window;
        Ok(())
    }

    fn commits(&self, cache: &Cache) -> Result<Vec<Arc<Commit>>, Break> {
        let commits = cache.commits_after(self.projector.revision());
        // Looked at afterwards: what was read before belongs to the epoch that is left.
        if cache.position().epoch != self.position.epoch {
            return Err(Break::Fork);
        }
        let mut commits = commits.map_err(|Compacted { .. }| Break::Compacted)?;
        let mut changes = 0;
        let fitting = commits.iter().take_while(|commit| {
            let fits = changes < MAX_CHANGES;
            changes += commit.changes.len();
            fits
        });
        commits.truncate(fitting.count());
        Ok(commits)
    }

    async fn restart(&mut self, cache: &Arc<Cache>, cause: &Break) {
        let reason = match cause {
            Break::Fork => Reason::Fork,
            Break::Compacted => Reason::Compacted,
        };
        tracing::warn!(cluster = %cache.cluster(), reason = reason.as_str_name(), "every node has to connect again");
        let (projector, ring, position) = Self::project(cache).await;
        self.distributor.replace(&projector, ring, reason);
        self.projector = projector;
        self.position = position;
    }
}
