//! Why a server does not start, or does not go on.

use std::io;

/// What whoever started the server does next is the same within a variant.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The command line makes no sense: read the help.
    #[error("{0}")]
    Usage(String),
    /// Something outside is not as it has to be, as the text says: mend it, and start again.
    #[error("{0}")]
    Start(String),
    /// The system refused.
    #[error("{0}")]
    System(#[from] io::Error),
}
