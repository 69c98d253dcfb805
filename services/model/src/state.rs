//! The whole committed state of one cluster, at one revision.

mod claims;
mod difference;
pub(crate) mod index;
mod noun;
mod read;
mod readiness;
mod travel;

use crate::{Change, Digest, Object, Record, Revision};
use index::{Edit, Index};
use noun::Rows;
pub use noun::{Noun, Resource};
pub use readiness::Prober;

/// Every object of a cluster at one revision, with the indexes that deciding and projecting need.
///
/// The maps share structure, so a clone is cheap: readers keep one, deciding works on another and throws it away
/// unless the transaction commits (decision 3).
#[derive(Clone, Default)]
pub struct State {
    revision: Revision,
    digest: Digest,
    rows: Rows,
    index: Index,
}

impl State {
    /// From all objects at a revision.
    pub fn from_objects(revision: Revision, objects: impl IntoIterator<Item = Object>) -> Self {
        let mut state = Self::default();
        for object in objects {
            state.apply(&Change {
                before: None,
                after: Some(object),
            });
        }
        state.revision = revision;
        state
    }

    /// The revision this is the state of.
    pub fn revision(&self) -> Revision {
        self.revision
    }

    /// Digest over all objects.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// Moves on to a revision whose changes were applied.
    pub fn set_revision(&mut self, revision: Revision) {
        self.revision = revision;
    }

    /// Applies all changes of a commit.
    pub fn apply_all<'a>(
        &mut self,
        revision: Revision,
        changes: impl IntoIterator<Item = &'a Change>,
    ) {
        for change in changes {
            self.apply(change);
        }
        self.revision = revision;
    }

    /// Applies one change, and gives it as it is to be written. `change.before` must be what the state holds.
    pub fn apply(&mut self, change: &Change) -> Record {
        let record = Record::of(change);
        self.digest.toggle(record.digest());
        self.replace(change.before.as_ref(), change.after.as_ref());
        record
    }

    fn replace(&mut self, old: Option<&Object>, new: Option<&Object>) {
        if let Some(old) = old {
            old.index(&mut self.index, Edit::Remove);
            if new.is_none() {
                self.rows.remove(old);
            }
        }
        if let Some(new) = new {
            new.index(&mut self.index, Edit::Add);
            self.rows.insert(new);
        }
    }
}
