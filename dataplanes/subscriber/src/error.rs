//! What can go wrong before a subscriber runs. Later nothing ends it: it retries, and tells by its status.

use std::io;
use std::path::PathBuf;

/// Why a subscriber did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address makes no sense.
    #[error("{server:?} is no server address; it has the form http://host:port")]
    Server {
        /// The URL as it was given.
        server: String,
        /// The parser's error.
        #[source]
        source: tonic::transport::Error,
    },
    /// The state directory can't be used.
    #[error(transparent)]
    StateDir(#[from] StateDirError),
}

/// Why a state directory can't be used.
#[derive(Debug, thiserror::Error)]
pub enum StateDirError {
    /// Another process has it.
    #[error(
        "state directory {} is in use by another process; give each agent its own --state-dir", .0.display()
    )]
    Locked(PathBuf),
    /// The system refuses.
    #[error("state directory {} can't be used; choose another --state-dir", path.display())]
    Io {
        /// The directory or a file in it.
        path: PathBuf,
        /// The system's error.
        #[source]
        source: io::Error,
    },
}

impl StateDirError {
    pub(crate) fn io(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { path, source }
    }
}
