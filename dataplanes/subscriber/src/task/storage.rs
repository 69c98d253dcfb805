//! When what is written to the state directory.

use std::io;
use std::time::{Duration, Instant};

use portolan_model::Revision;
use tokio::task::{JoinHandle, spawn_blocking};
use tracing::warn;

use super::Task;
use crate::Source;
use crate::intake::Step;
use crate::last_known_good::{LastKnownGood, Synced};

/// Longest time that a batch may take to the disk; also the pause after a failed write.
const SYNC_EVERY: Duration = Duration::from_secs(5);

/// The state directory and what is to be done about it.
#[derive(Debug)]
pub(super) struct Storage {
    /// Away only while a blocking call has it.
    files: Option<LastKnownGood>,
    due: Option<Instant>,
    /// The journal on its way to the disk. Frames are taken meanwhile: a disk may need seconds.
    syncing: Option<JoinHandle<Synced>>,
}

impl Storage {
    pub(super) fn new(files: LastKnownGood) -> Self {
        Self {
            files: Some(files),
            due: None,
            syncing: None,
        }
    }

    /// When to look after it.
    pub(super) fn due(&self) -> Option<Instant> {
        self.due.filter(|_| self.syncing.is_none())
    }

    /// Until the journal has come to the disk, if it is on its way; else for ever. May be given up and begun again.
    pub(super) async fn synced(&mut self) -> Synced {
        let Some(syncing) = &mut self.syncing else {
            return std::future::pending().await;
        };
        let synced = syncing.await.expect("waiting for the disk does not panic");
        self.syncing = None;
        synced
    }

    pub(super) fn durable(&self) -> Revision {
        self.files
            .as_ref()
            .map_or(Revision::ZERO, LastKnownGood::durable)
    }

    /// Runs what waits for the disk beside the other tasks.
    pub(super) async fn blocking<T: Send + 'static>(
        &mut self,
        work: impl FnOnce(&mut LastKnownGood) -> T + Send + 'static,
    ) -> T {
        let mut files = self.files.take().expect("one call at a time");
        let (files, result) = spawn_blocking(move || {
            let result = work(&mut files);
            (files, result)
        })
        .await
        .expect("writing files does not panic");
        self.files = Some(files);
        result
    }

    fn files(&mut self) -> &mut LastKnownGood {
        self.files.as_mut().expect("one call at a time")
    }
}

impl Task {
    /// Writes a step down, before it is acknowledged.
    pub(super) async fn store(&mut self, step: &Step) {
        let files = self.storage.files();
        let result = if step.source == Source::Snapshot || files.is_long() {
            self.store_image().await
        } else if files.has_journal() {
            // Into the page cache: survives the process, and does not wait for the disk.
            files.append(step.from, step.to, &step.changes)
        } else {
            // Writing failed before; the next try is due.
            Ok(())
        };
        self.stored(result, Instant::now() + SYNC_EVERY);
    }

    /// Does what is due: starts to bring the journal to the disk, or writes the whole state if there is no journal.
    pub(super) async fn store_due(&mut self) {
        if self.storage.due().is_none_or(|due| due > Instant::now()) {
            return;
        }
        self.storage.due = None;
        match self.storage.files().syncing() {
            Ok(Some(syncing)) => {
                self.storage.syncing = Some(spawn_blocking(move || syncing.wait()));
            }
            Ok(None) => {
                let result = self.store_image().await;
                self.finished(result);
            }
            Err(error) => self.finished(Err(error)),
        }
    }

    /// The journal has come to the disk, or failed to.
    pub(super) fn synced(&mut self, synced: Synced) {
        let result = self.storage.files().synced(synced);
        self.finished(result);
    }

    /// Brings everything to the disk, and waits for it.
    pub(super) async fn store_all(&mut self) {
        self.await_sync().await;
        self.storage.due = Some(Instant::now());
        self.store_due().await;
        self.await_sync().await;
    }

    async fn await_sync(&mut self) {
        if self.storage.syncing.is_some() {
            let synced = self.storage.synced().await;
            self.synced(synced);
        }
    }

    fn finished(&mut self, result: io::Result<()>) {
        if result.is_err() {
            self.stored(result, Instant::now() + SYNC_EVERY);
        }
        self.note_held();
    }

    async fn store_image(&mut self) -> io::Result<()> {
        let Some(held) = self.intake.held() else {
            return Ok(());
        };
        let generation = self.storage.files().begin(held)?;
        self.storage
            .blocking(move |files| files.finish(generation))
            .await
    }

    fn stored(&mut self, result: io::Result<()>, next: Instant) {
        self.storage.due.get_or_insert(next);
        if let Err(error) = result {
            self.storage_failed("the last known good state", &error);
        }
    }

    pub(super) fn storage_failed(&self, what: &str, error: &io::Error) {
        warn!(dir = %self.config.state_dir.display(), %error, "{what} can't be stored");
        self.status
            .send_modify(|status| status.storage_failures += 1);
    }
}
