//! What can go wrong with a store, by what the caller does next.

use portolan_model::Revision;

/// An error of a store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Not reachable, or out of time: nothing happened, and trying again later may help.
    #[error("the store is unavailable: {context}")]
    Unavailable {
        /// What was attempted.
        context: String,
        /// The driver's error.
        #[source]
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
    /// A unique constraint stopped a write that was decided to be right: a bug, or a foreign writer. Reload.
    #[error("the store refused a write that its own state allows: {constraint}")]
    Conflict {
        /// The constraint or statement.
        constraint: String,
        /// The driver's error.
        #[source]
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
    /// The log was compacted behind the revision asked for. Load the tables instead.
    #[error("the log is kept from revision {oldest} on")]
    Compacted {
        /// The oldest revision that can be read after.
        oldest: Revision,
    },
    /// A newer release wrote a row that this one can't read: stop deciding, and end.
    #[error("the store holds rows of format {found}; this release reads up to {known}")]
    NewerFormat {
        /// The row's format.
        found: i16,
        /// [`crate::FORMAT`]
        known: i16,
    },
    /// A stored row breaks a rule of the store itself.
    #[error("inconsistent row in {table}, {key}: {problem}")]
    Inconsistent {
        /// The table.
        table: &'static str,
        /// The row.
        key: String,
        /// What is wrong.
        problem: String,
    },
}

impl StoreError {
    /// For a transaction that paused for too long.
    pub fn lost_turn() -> Self {
        Self::unavailable("the transaction was open for too long and lost its lock")
    }

    /// Unavailability that no driver told of.
    pub fn unavailable(context: impl Into<String>) -> Self {
        Self::Unavailable {
            context: context.into(),
            source: None,
        }
    }

    /// A write that breaks a rule, found before any constraint could.
    pub fn conflict(constraint: impl Into<String>) -> Self {
        Self::Conflict {
            constraint: constraint.into(),
            source: None,
        }
    }
}

/// How a commit can fail.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// Nothing was written.
    #[error("not committed")]
    NotCommitted(#[source] StoreError),
    /// The connection was lost while committing: look for the token in the log.
    #[error("whether the transaction was committed is not known")]
    Unknown(#[source] StoreError),
}
