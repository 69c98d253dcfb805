//! The door for writes.

use std::sync::Arc;

use portolan_store::Cache;
use tokio::sync::{mpsc, oneshot};
use tracing::Span;

use crate::{Operation, Outcome, SubmitError};

/// Waiting writes per cluster: 20–60 ms of work; beyond it a caller is better told than kept.
pub(crate) const QUEUE: usize = 1024;

/// Takes operations for one cluster. Cheap to clone.
#[derive(Clone)]
pub struct Allocator {
    queue: mpsc::Sender<Pending>,
    cache: Arc<Cache>,
}

/// An operation and who waits for it.
pub(crate) struct Pending {
    pub(crate) operation: Operation,
    pub(crate) reply: oneshot::Sender<Result<Outcome, SubmitError>>,
    /// The request's span.
    pub(crate) asked: Span,
}

impl Allocator {
    /// A door, and the queue behind it for a committer.
    pub(crate) fn new(cache: Arc<Cache>) -> (Self, mpsc::Receiver<Pending>) {
        let (queue, waiting) = mpsc::channel(QUEUE);
        (Self { queue, cache }, waiting)
    }

    /// The committed state that reads are served from.
    pub fn cache(&self) -> &Arc<Cache> {
        &self.cache
    }

    /// Has an operation decided and committed. Dropping the future does not take the operation back.
    pub async fn submit(&self, operation: Operation) -> Result<Outcome, SubmitError> {
        let (reply, answer) = oneshot::channel();
        let asked = Span::current();
        let pending = Pending {
            operation,
            reply,
            asked,
        };
        self.queue.try_send(pending).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => SubmitError::Overloaded,
            mpsc::error::TrySendError::Closed(_) => SubmitError::ShuttingDown,
        })?;
        answer.await.unwrap_or(Err(SubmitError::ShuttingDown))
    }
}
