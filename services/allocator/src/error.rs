//! Why a submitted operation has no outcome.

use portolan_model::Refusal;

/// Why a submitted operation has no outcome.
#[derive(Debug, Clone, thiserror::Error)]
pub enum SubmitError {
    /// It was decided against; nothing changed.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// More requests are waiting than the queue holds; nothing changed, try again a little later.
    #[error("too many writes are waiting; try again a little later")]
    Overloaded,
    /// The store did not answer; nothing changed, try again later.
    #[error("the store is unavailable; nothing was changed")]
    Unavailable,
    /// The store was lost while committing, and did not come back in time to say what happened.
    #[error(
        "the store was lost while the write was being committed; read, or repeat with the same request_id, to learn whether it was done"
    )]
    Unknown,
    /// The server is ending.
    #[error("the server is shutting down; nothing was changed")]
    ShuttingDown,
    /// The store disagrees with itself, or with this process: somebody has to look.
    #[error("internal disagreement between state and store")]
    Internal,
}
