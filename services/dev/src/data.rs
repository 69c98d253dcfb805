//! The data directory: locked, so that two processes never share it.

use std::fs::{self, File, OpenOptions};
use std::path::{Path, PathBuf};

use nix::fcntl::{Flock, FlockArg};
use portolan_server::ServerError;

/// A locked data directory. The lock ends with the process, however it ends.
pub(super) struct DataDir {
    path: PathBuf,
    _lock: Flock<File>,
}

impl DataDir {
    /// Creates the directory if need be, and locks it.
    pub(super) fn open(path: PathBuf) -> Result<Self, ServerError> {
        let fail = |error: std::io::Error| {
            ServerError::Start(format!("--data-dir {}: {error}", path.display()))
        };
        fs::create_dir_all(&path).map_err(fail)?;
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(path.join("lock"))
            .map_err(fail)?;
        let lock = Flock::lock(file, FlockArg::LockExclusiveNonblock).map_err(|_| {
            ServerError::Start(format!(
                "--data-dir {} is in use by another portolan; stop it, or choose another directory",
                path.display()
            ))
        })?;
        Ok(Self { path, _lock: lock })
    }

    /// Removes everything but the lock.
    pub(super) fn reset(&self) -> Result<(), ServerError> {
        let fail = |error: std::io::Error| {
            ServerError::Start(format!("--reset of {}: {error}", self.path.display()))
        };
        for entry in fs::read_dir(&self.path).map_err(fail)? {
            let entry = entry.map_err(fail)?;
            let is_dir = entry.file_type().map_err(fail)?.is_dir();
            match entry.file_name().to_str() {
                Some("lock") => {}
                _ if is_dir => fs::remove_dir_all(entry.path()).map_err(fail)?,
                _ => fs::remove_file(entry.path()).map_err(fail)?,
            }
        }
        Ok(())
    }

    /// URL of the store.
    pub(super) fn store(&self) -> String {
        format!("sqlite:{}", self.path.join("portolan.db").display())
    }

    /// Where the node keeps its last-known-good state.
    pub(super) fn node(&self) -> PathBuf {
        self.path.join("node")
    }

    /// The directory.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}
