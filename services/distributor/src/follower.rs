//! The loop that turns commits into frames.

use std::sync::Arc;
use std::time::Duration;

use portolan_store::{Cache, Since, TAIL_CHANGES};
use tokio::time::Instant;

use crate::Distributor;
use crate::projector::{Projector, Step};
use crate::ring::Ring;

/// CPU that a frame costs per stream, measured: wake-up, HTTP/2 and the write.
const COST_PER_STREAM: Duration = Duration::from_micros(10);
/// Longest wait for more commits.
const MAX_WINDOW: Duration = Duration::from_millis(250);
/// Waits that are shorter than the timer is exact are not worth it.
const MIN_WINDOW: Duration = Duration::from_millis(1);
/// Changes of a frame that is made between other tasks, which takes a millisecond at most. One of more is made aside.
const MAX_INLINE: usize = 256;

/// Follows the cache of a distributor.
pub struct Follower {
    distributor: Arc<Distributor>,
    projector: Projector,
    /// The epoch of the cache that the projector follows.
    epoch: u64,
    /// No frame before this.
    not_before: Instant,
}

impl Follower {
    pub(crate) fn new(distributor: Arc<Distributor>, projector: Projector, epoch: u64) -> Self {
        Self {
            distributor,
            projector,
            epoch,
            not_before: Instant::now(),
        }
    }

    /// The state of a cache and its log, projected, and the epoch of both. It is done aside, since it may take a second.
    pub(crate) async fn project(cache: &Arc<Cache>) -> (Projector, Ring, u64) {
        let cache = cache.clone();
        aside(move || Projector::rebuild(&cache)).await
    }

    /// Runs for ever. The first change after a pause goes out at once; then changes are gathered for as long as twice
    /// the work that a frame makes, which keeps it below half a core whatever the number of nodes. A frame takes all that
    /// was committed since the last one, so who writes faster than this gets larger frames, not a longer queue (decision
    /// 41).
    pub async fn run(mut self) {
        let cache = self.distributor.cache().clone();
        let mut head = cache.subscribe();
        loop {
            let position = *head.borrow_and_update();
            if position.epoch == self.epoch && position.revision <= self.projector.revision() {
                if head.changed().await.is_err() {
                    return;
                }
                continue;
            }
            let learned = Instant::now();
            tokio::time::sleep_until(self.not_before).await;
            let since = cache.since(self.projector.revision());
            if since.position.epoch == self.epoch {
                self.step(since, learned).await;
            } else {
                self.restart(&cache).await;
            }
        }
    }

    /// Makes a frame of what was committed since.
    async fn step(&mut self, since: Since, learned: Instant) {
        let started = Instant::now();
        let changes = self.projector.changes(&since.commits);
        let step = self.advance(since, changes, learned).await;
        let streams = self.distributor.publish(&self.projector, step.frame);
        for node in step.removed_nodes {
            self.distributor.sessions().forget(node);
        }
        self.not_before = Instant::now() + window(started.elapsed(), streams, changes);
    }

    async fn advance(&mut self, since: Since, changes: usize, learned: Instant) -> Step {
        let Since { state, commits, .. } = since;
        if changes <= MAX_INLINE {
            return self.projector.advance(&state, &commits, Some(learned));
        }
        let mut projector = self.projector.clone();
        let (projector, step) = aside(move || {
            let step = projector.advance(&state, &commits, Some(learned));
            (projector, step)
        })
        .await;
        self.projector = projector;
        step
    }

    /// The cache was loaded anew: what is held may be of a history that is gone.
    async fn restart(&mut self, cache: &Arc<Cache>) {
        tracing::warn!(cluster = %cache.cluster(), "the state was loaded anew: every node has to connect again");
        let (projector, ring, epoch) = Self::project(cache).await;
        self.distributor.replace(&projector, ring);
        self.projector = projector;
        self.epoch = epoch;
    }
}

/// How long changes are gathered after a frame. The more of the log in memory has come in one, the shorter: once there is
/// more, nodes that connect again can't go on from what lies between.
fn window(took: Duration, streams: usize, changes: usize) -> Duration {
    let streams = u32::try_from(streams).unwrap_or(u32::MAX);
    let window = (took + COST_PER_STREAM.saturating_mul(streams)) * 2;
    if window < MIN_WINDOW {
        return Duration::ZERO;
    }
    #[expect(clippy::cast_precision_loss, reason = "both far below 2^52")]
    let behind = changes as f64 / TAIL_CHANGES as f64;
    window.min(MAX_WINDOW).mul_f64((1.0 - behind).max(0.0))
}

async fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let done = tokio::task::spawn_blocking(work).await;
    done.expect("projecting does not panic and is never aborted")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_gathered_for_less_time_the_more_there_are() {
        let ms = Duration::from_millis;
        for (what, took, streams, changes, expected) in [
            ("few nodes", ms(0), 10, 1, ms(0)),
            ("a thousand nodes", ms(0), 1_000, 0, ms(20)),
            ("a slow step", ms(40), 0, 0, ms(80)),
            ("no more than the longest", ms(900), 0, 0, ms(250)),
            ("half of the log", ms(900), 0, TAIL_CHANGES / 2, ms(125)),
            ("all of the log", ms(900), 1_000, TAIL_CHANGES, ms(0)),
            ("one commit is more", ms(900), 0, 3 * TAIL_CHANGES, ms(0)),
        ] {
            assert_eq!(window(took, streams, changes), expected, "{what}");
        }
    }
}
