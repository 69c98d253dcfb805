//! The last known good state on disk: a recorded stream, read back through the same rules as a live one (decision 18).
//!
//! A file `state.<generation>` is an image (a whole snapshot) followed by a journal (the batches since). A batch is
//! written before its Ack and reaches the disk within seconds; `durable` says how far. When the journal outgrows the
//! image, a new generation starts, and the one before is kept in case its successor can't be read. What is torn at the
//! end of a file is cut off: what remains is a state that was held once, and the server sends the rest.

mod files;
mod image;
mod record;
#[cfg(test)]
mod tests;

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use portolan_model::Revision;
use tracing::warn;

use crate::StateDirError;
use crate::store_copy::{Changes, StoreCopy};
use files::Replacement;

/// A journal may always grow to this before the image is written again.
const SMALLEST_JOURNAL: u64 = 1 << 20;

/// The state directory; locked while this lives.
#[derive(Debug)]
pub(crate) struct LastKnownGood {
    dir: PathBuf,
    /// Holds the lock.
    _lock: File,
    /// The highest number in use.
    generation: u64,
    /// The newest one that can be read.
    readable: u64,
    journal: Option<Journal>,
    written: Revision,
    durable: Revision,
    /// The session of the latest stream of this process.
    session: u64,
}

#[derive(Debug)]
struct Journal {
    file: File,
    /// Bytes of the image at its start.
    image: u64,
    /// How many bytes follow it.
    appended: u64,
}

/// A whole state on its way to the disk.
#[derive(Debug)]
pub(crate) struct Generation {
    number: u64,
    replacement: Replacement,
    length: u64,
    revision: Revision,
}

/// A journal on its way to the disk.
#[derive(Debug)]
pub(crate) struct Syncing {
    file: File,
    generation: u64,
    written: Revision,
}

/// How that went.
#[derive(Debug)]
pub(crate) struct Synced {
    generation: u64,
    written: Revision,
    result: io::Result<()>,
}

impl Syncing {
    /// Waits for the disk.
    pub(crate) fn wait(self) -> Synced {
        Synced {
            generation: self.generation,
            written: self.written,
            result: self.file.sync_data(),
        }
    }
}

impl LastKnownGood {
    /// Locks a directory, makes it if need be, and reads what it remembers.
    pub(crate) fn open(dir: &Path) -> Result<(Self, Option<StoreCopy>), StateDirError> {
        let lock = files::lock(dir)?;
        let generations = files::generations(dir).map_err(StateDirError::io(dir))?;
        let mut opened = Self {
            dir: dir.to_owned(),
            _lock: lock,
            generation: generations.first().copied().unwrap_or(0),
            readable: 0,
            journal: None,
            written: Revision::ZERO,
            durable: Revision::ZERO,
            session: 0,
        };
        let newest = opened.generation;
        for generation in generations {
            let path = files::state(dir, generation);
            let bytes = std::fs::read(&path).map_err(StateDirError::io(&path))?;
            let Some(image) = image::read(&bytes) else {
                warn!(path = %path.display(), "the last known good state can't be read, trying the one before");
                continue;
            };
            // Only the newest file is written to: an older one stays what it is.
            if generation == newest {
                opened
                    .go_on(&path, &image)
                    .map_err(StateDirError::io(path))?;
            }
            let revision = image.held.revision;
            (opened.written, opened.durable) = (revision, revision);
            opened.readable = generation;
            return Ok((opened, Some(image.held)));
        }
        Ok((opened, None))
    }

    /// The revision that would survive a crash of the machine.
    pub(crate) fn durable(&self) -> Revision {
        self.durable
    }

    /// Whether changes can be added; otherwise a whole state has to be written first.
    pub(crate) fn has_journal(&self) -> bool {
        self.journal.is_some()
    }

    /// Whether the journal has outgrown the image.
    pub(crate) fn is_long(&self) -> bool {
        let long = |journal: &Journal| journal.appended > journal.image.max(SMALLEST_JOURNAL);
        self.journal.as_ref().is_some_and(long)
    }

    /// Adds changes. After an error the next state has to be written as a whole.
    pub(crate) fn append(
        &mut self,
        from: Revision,
        to: Revision,
        changes: &Changes,
    ) -> io::Result<()> {
        let Some(journal) = &mut self.journal else {
            return Err(io::Error::other("there is no image to add changes to"));
        };
        let bytes = record::encode(image::batch(from, to, changes));
        if let Err(error) = journal.file.write_all(&bytes) {
            // A part of it may be there, and whatever follows would not be read.
            self.journal = None;
            return Err(error);
        }
        journal.appended += bytes.len() as u64;
        self.written = to;
        Ok(())
    }

    /// Starts a new generation with a whole state, frame by frame into the page cache: as one piece it would take as much
    /// memory again. [`Self::finish`] follows; after an error of either the next state has to be written as a whole.
    pub(crate) fn begin(&mut self, held: &StoreCopy) -> io::Result<Generation> {
        let number = self.generation + 1;
        // Whatever fails: changes after this state don't belong behind the one before.
        self.journal = None;
        let mut replacement = Replacement::begin(files::state(&self.dir, number))?;
        let mut length = 0;
        image::write(held, &mut |message| {
            let bytes = record::encode(message);
            length += bytes.len() as u64;
            replacement.file.write_all(&bytes)
        })?;
        Ok(Generation {
            number,
            replacement,
            length,
            revision: held.revision,
        })
    }

    /// Brings a new generation to the disk, and goes on behind it.
    pub(crate) fn finish(&mut self, new: Generation) -> io::Result<()> {
        let file = new.replacement.finish()?;
        files::keep(&self.dir, [new.number, self.readable])?;
        (self.generation, self.readable) = (new.number, new.number);
        self.journal = Some(Journal {
            file,
            image: new.length,
            appended: 0,
        });
        (self.written, self.durable) = (new.revision, new.revision);
        Ok(())
    }

    /// What brings everything written so far to the disk; more may be added meanwhile. Nothing without a journal.
    pub(crate) fn syncing(&self) -> io::Result<Option<Syncing>> {
        let syncing = |journal: &Journal| {
            Ok(Syncing {
                file: journal.file.try_clone()?,
                generation: self.generation,
                written: self.written,
            })
        };
        self.journal.as_ref().map(syncing).transpose()
    }

    /// Takes note of what came to the disk. After an error the next state has to be written as a whole.
    pub(crate) fn synced(&mut self, synced: Synced) -> io::Result<()> {
        if synced.generation != self.generation {
            // A whole state has taken its place, and is on the disk.
            return Ok(());
        }
        match synced.result {
            Ok(()) => self.durable = synced.written,
            // The kernel forgets pages that it failed to write, so another fsync would prove nothing.
            Err(_) => self.journal = None,
        }
        synced.result
    }

    /// A session number above every one before, remembered before it is used. Should that fail it is still good, as
    /// long as the clock does not go back.
    pub(crate) fn next_session(&mut self, unix_ms: u64) -> (u64, io::Result<()>) {
        let path = self.dir.join("session");
        // What can't be read is as good as lost, and the clock is there for that.
        let stored = std::fs::read_to_string(&path).ok();
        let stored = stored
            .and_then(|text| text.trim().parse().ok())
            .unwrap_or(0);
        let last = self.session.max(stored);
        self.session = unix_ms.max(last.saturating_add(1));
        let written = files::replace(path, self.session.to_string().as_bytes());
        (self.session, written)
    }

    fn go_on(&mut self, path: &Path, image: &image::Image) -> io::Result<()> {
        let file = files::append_at(path, image.whole)?;
        self.journal = Some(Journal {
            file,
            image: image.snapshot,
            appended: image.whole - image.snapshot,
        });
        Ok(())
    }
}
