//! The one writer of a cluster in this process: lock first, and groups of operations a commit (decision 2).

mod batch;

use std::sync::Arc;
use std::time::Duration;

use portolan_store::{Cache, CommitError, Store, StoreError, TAIL_CHANGES, Transaction, Write};
use tokio::sync::mpsc;
use tokio::time::Instant;
use tracing::Instrument;

use crate::allocator::{Allocator, Pending};
use crate::events::Events;
use crate::{Metrics, SubmitError};
use batch::Batch;

/// Operations per transaction: a bigger one only adds latency (55–70k creates/s at 64 on a local database).
pub const MAX_BATCH: usize = 64;
/// Attempts before a batch is given up: each one is answered by a reload or by a lost connection.
const ATTEMPTS: usize = 3;
/// How long a lost commit is looked for before the caller is told that its fate is not known.
const SEARCH: Duration = Duration::from_secs(10);
/// Pause between two looks at a store that is away.
const SEARCH_PAUSE: Duration = Duration::from_millis(200);

/// Takes what queued during the previous commit, decides it against exactly the committed state, and makes it durable.
pub struct Committer<S: Store> {
    store: S,
    cache: Arc<Cache>,
    waiting: mpsc::Receiver<Pending>,
    events: Events,
    metrics: Metrics,
}

/// How an attempt ended without an answer.
enum AttemptError {
    /// The state did not fit the log, or a constraint spoke: it was loaded anew, try again.
    Again,
    /// Tell every caller.
    Fail(SubmitError),
    /// A newer release is at work: this process has to end.
    Obsolete(StoreError),
}

impl From<StoreError> for AttemptError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NewerFormat { .. } => Self::Obsolete(error),
            StoreError::Unavailable { .. } => {
                tracing::warn!(error = %error, "the store is unavailable");
                Self::Fail(SubmitError::Unavailable)
            }
            StoreError::Conflict { .. } | StoreError::Compacted { .. } => Self::Again,
            StoreError::Inconsistent { .. } => {
                tracing::error!(error = %error, "the store disagrees with itself");
                Self::Fail(SubmitError::Internal)
            }
        }
    }
}

impl<S: Store> Committer<S> {
    /// A committer for the cluster of `cache`, and the door to it.
    pub fn new(store: S, cache: Arc<Cache>, events: Events, metrics: Metrics) -> (Allocator, Self) {
        let (allocator, waiting) = Allocator::new(cache.clone());
        (
            allocator,
            Self {
                store,
                cache,
                waiting,
                events,
                metrics,
            },
        )
    }

    /// Runs until every door is dropped, or until a newer release has written what this one can't read.
    pub async fn run(mut self) -> Result<(), StoreError> {
        let mut pending = Vec::with_capacity(MAX_BATCH);
        while self.waiting.recv_many(&mut pending, MAX_BATCH).await > 0 {
            let span = tracing::info_span!("commit", cluster = %self.cache.cluster(), operations = pending.len());
            // One commit is of several requests, so it is nobody's child: who looks at either finds the other by a link.
            for Pending { asked, .. } in &pending {
                span.follows_from(asked);
                asked.follows_from(&span);
            }
            let batch = std::mem::take(&mut pending);
            self.serve(batch).instrument(span).await?;
        }
        Ok(())
    }

    async fn serve(&self, pending: Vec<Pending>) -> Result<(), StoreError> {
        let started = Instant::now();
        #[expect(clippy::cast_precision_loss, reason = "at most 64")]
        self.metrics.batch.observe(pending.len() as f64);
        for _ in 0..ATTEMPTS {
            match self.attempt(&pending).await {
                Ok(batch) => {
                    self.metrics
                        .transaction
                        .observe(started.elapsed().as_secs_f64());
                    self.metrics.committed.inc_by(batch.committed());
                    self.metrics.refused.inc_by(batch.refused());
                    self.count_allocations(&batch);
                    self.events.record(batch.answer(pending));
                    return Ok(());
                }
                Err(AttemptError::Again) => self.metrics.reloads.inc(),
                Err(AttemptError::Fail(error)) => {
                    fail(pending, &error);
                    return Ok(());
                }
                Err(AttemptError::Obsolete(error)) => {
                    fail(pending, &SubmitError::ShuttingDown);
                    return Err(error);
                }
            };
        }
        tracing::error!("state and store disagree after {ATTEMPTS} reloads");
        fail(pending, &SubmitError::Internal);
        Ok(())
    }

    fn count_allocations(&self, batch: &Batch) {
        let (cluster, tally) = (self.cache.cluster(), &self.metrics.allocations);
        for (claimed, is_picked) in batch.claimed() {
            tally.granted(cluster, batch.state(), claimed, is_picked);
        }
        for refusal in batch.refusals() {
            tally.refused(cluster, refusal);
        }
    }

    async fn attempt(&self, pending: &[Pending]) -> Result<Batch, AttemptError> {
        let after = self.cache.position().revision;
        let locked = match self
            .store
            .lock_and_read_after(self.cache.cluster(), after)
            .await
        {
            Ok(locked) => locked,
            Err(StoreError::Compacted { .. }) => return Err(self.reload().await),
            Err(error) => return Err(error.into()),
        };
        if !self.cache.publish(locked.commits) {
            locked.transaction.rollback().await;
            return Err(self.reload().await);
        }
        let batch = Batch::decide(&self.cache.state(), pending, locked.now);
        let Some(write) = batch.write() else {
            locked.transaction.rollback().await;
            return Ok(batch);
        };
        match locked.transaction.commit(write).await {
            Ok(()) => {}
            Err(CommitError::NotCommitted(StoreError::Conflict { constraint, .. })) => {
                tracing::error!(
                    constraint,
                    "a unique constraint stopped what was decided to be right"
                );
                self.metrics.conflicts.inc();
                return Err(self.reload().await);
            }
            Err(CommitError::NotCommitted(error)) => return Err(error.into()),
            Err(CommitError::Unknown(error)) => self.find(write, &error).await?,
        }
        self.cache.publish_own(write, batch.state().clone());
        Ok(batch)
    }

    /// After a lost answer: the log tells whether the commit is there, by its token. Whoever holds the lock then knows
    /// that it can't come any more.
    async fn find(&self, write: &Write, error: &StoreError) -> Result<(), AttemptError> {
        tracing::warn!(error = %error, "lost the store while committing; looking whether it was done");
        let after = self.cache.position().revision;
        let deadline = Instant::now() + SEARCH;
        while Instant::now() < deadline {
            match self
                .store
                .lock_and_read_after(self.cache.cluster(), after)
                .await
            {
                Ok(locked) => {
                    locked.transaction.rollback().await;
                    let found = locked
                        .commits
                        .iter()
                        .any(|commit| commit.token == write.commit.token);
                    return if found {
                        Ok(())
                    } else {
                        Err(AttemptError::Again)
                    };
                }
                Err(StoreError::Unavailable { .. }) => tokio::time::sleep(SEARCH_PAUSE).await,
                Err(error) => return Err(error.into()),
            }
        }
        Err(AttemptError::Fail(SubmitError::Unknown))
    }

    async fn reload(&self) -> AttemptError {
        match self.store.load(self.cache.cluster(), TAIL_CHANGES).await {
            Ok(loaded) => {
                self.cache.reset(loaded);
                AttemptError::Again
            }
            Err(error) => error.into(),
        }
    }
}

fn fail(pending: Vec<Pending>, error: &SubmitError) {
    for waiting in pending {
        // The caller may have gone; the answer is then nobody's.
        let _ = waiting.reply.send(Err(error.clone()));
    }
}
