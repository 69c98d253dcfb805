//! What no node is sent, since no message has room for it: each rejects it.

use std::sync::{Mutex, MutexGuard, PoisonError};

use portolan_model::limits::REJECTIONS;
use portolan_model::{NodeReport, Rejection};

/// Rejections that are every node's.
#[derive(Default)]
pub(super) struct Withheld(Mutex<Vec<Rejection>>);

impl Withheld {
    /// Takes note of what it is now.
    pub(super) fn replace<'a>(&self, rejections: impl Iterator<Item = &'a Rejection>) {
        let mut held = self.lock();
        held.clear();
        held.extend(rejections.take(REJECTIONS.value).cloned());
    }

    /// Lists it with what every node rejects by itself.
    pub(super) fn add_to(&self, rows: &mut [NodeReport]) {
        let held = self.lock();
        for row in rows {
            row.rejected.extend(held.iter().cloned());
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Rejection>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
