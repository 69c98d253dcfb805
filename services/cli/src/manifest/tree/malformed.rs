//! What is wrong with a text, and where.

use super::node::Position;

/// Text that is no YAML, or more of it than is read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{at}: {message}")]
pub(crate) struct Malformed {
    pub(crate) at: Position,
    pub(crate) message: String,
}

impl Malformed {
    pub(super) fn new(at: Position, message: impl Into<String>) -> Self {
        Self {
            at,
            message: message.into(),
        }
    }
}
