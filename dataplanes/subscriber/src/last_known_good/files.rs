//! The files of a state directory.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::StateDirError;

const STATE: &str = "state.";

/// Makes the directory and locks it against other processes. The lock goes with the file, however the process ends.
pub(super) fn lock(dir: &Path) -> Result<File, StateDirError> {
    // Addresses and names of a whole cluster are nobody else's business.
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir)
        .map_err(StateDirError::io(dir))?;
    let path = dir.join("lock");
    let file = open(
        &path,
        OpenOptions::new().write(true).create(true).truncate(false),
    )
    .map_err(StateDirError::io(&path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StateDirError::Locked(dir.to_owned())),
        Err(TryLockError::Error(error)) => Err(StateDirError::io(path)(error)),
    }
}

/// The file of a generation.
pub(super) fn state(dir: &Path, generation: u64) -> PathBuf {
    dir.join(format!("{STATE}{generation}"))
}

/// The generations that have a file, the newest first.
pub(super) fn generations(dir: &Path) -> io::Result<Vec<u64>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir)? {
        let name = entry?.file_name();
        let number = name.to_str().and_then(|name| name.strip_prefix(STATE));
        found.extend(number.and_then(|number| number.parse::<u64>().ok()));
    }
    found.sort_unstable_by(|a, b| b.cmp(a));
    Ok(found)
}

/// Removes every generation but these.
pub(super) fn keep(dir: &Path, kept: [u64; 2]) -> io::Result<()> {
    for generation in generations(dir)?.into_iter().filter(|g| !kept.contains(g)) {
        fs::remove_file(state(dir, generation))?;
    }
    Ok(())
}

/// A file that is written beside the one that it takes the place of.
#[derive(Debug)]
pub(super) struct Replacement {
    path: PathBuf,
    pub(super) file: File,
}

impl Replacement {
    pub(super) fn begin(path: PathBuf) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        let file = open(
            &temporary(&path),
            options.write(true).create(true).truncate(true),
        )?;
        Ok(Self { path, file })
    }

    /// Puts it in place at once or not at all, on disk when this returns, open for more at its end.
    pub(super) fn finish(self) -> io::Result<File> {
        self.file.sync_all()?;
        fs::rename(temporary(&self.path), &self.path)?;
        if let Some(dir) = self.path.parent() {
            File::open(dir)?.sync_all()?;
        }
        Ok(self.file)
    }
}

fn temporary(path: &Path) -> PathBuf {
    path.with_added_extension("new")
}

/// Puts a small file in place, likewise.
pub(super) fn replace(path: PathBuf, bytes: &[u8]) -> io::Result<()> {
    let mut replacement = Replacement::begin(path)?;
    replacement.file.write_all(bytes)?;
    replacement.finish().map(drop)
}

/// Opens a file for more after its first `length` bytes; what was there is cut off.
pub(super) fn append_at(path: &Path, length: u64) -> io::Result<File> {
    let mut file = open(path, OpenOptions::new().write(true))?;
    file.set_len(length)?;
    file.seek(SeekFrom::Start(length))?;
    file.sync_all()?;
    Ok(file)
}

fn open(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    options.mode(0o600).open(path)
}
