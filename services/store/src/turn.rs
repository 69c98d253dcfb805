//! A writer's turn, which ends by itself.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::task::AbortHandle;

/// How long a transaction may stay open between reading and committing.
pub const PAUSE: Duration = Duration::from_secs(2);

/// What a writer holds while it is its turn: a lock, usually with a connection. A writer that pauses for longer than
/// [`PAUSE`] loses it, so that one stuck task can't stop all others; what it held is dropped, which rolls back.
pub struct Turn<T> {
    held: Arc<Mutex<Option<T>>>,
    watchdog: AbortHandle,
}

impl<T: Send + 'static> Turn<T> {
    /// Begins a turn.
    pub fn begin(held: T) -> Self {
        let held = Arc::new(Mutex::new(Some(held)));
        let watched = Arc::downgrade(&held);
        let watchdog = tokio::spawn(async move {
            tokio::time::sleep(PAUSE).await;
            if let Some(held) = watched.upgrade() {
                drop(take(&held));
            }
        });
        Self {
            held,
            watchdog: watchdog.abort_handle(),
        }
    }

    /// Ends it and hands over what was held; `None` if it was lost.
    pub fn end(self) -> Option<T> {
        take(&self.held)
    }
}

impl<T> Drop for Turn<T> {
    fn drop(&mut self) {
        self.watchdog.abort();
        drop(take(&self.held));
    }
}

fn take<T>(held: &Mutex<Option<T>>) -> Option<T> {
    held.lock().unwrap_or_else(PoisonError::into_inner).take()
}
