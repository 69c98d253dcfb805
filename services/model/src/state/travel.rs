//! States at other revisions, for readers. They are never compared with a store, so their digests are left as they are:
//! hashing every object would cost more than all the rest.

use super::State;
use crate::{Change, Revision};

impl State {
    /// Goes back to a revision by taking back every change since, the newest first.
    pub fn rewind<'a>(&mut self, to: Revision, newest_first: impl IntoIterator<Item = &'a Change>) {
        for change in newest_first {
            self.replace(change.after.as_ref(), change.before.as_ref());
        }
        self.revision = to;
    }

    /// Goes on to a revision by its changes.
    pub fn advance<'a>(&mut self, to: Revision, changes: impl IntoIterator<Item = &'a Change>) {
        for change in changes {
            self.replace(change.before.as_ref(), change.after.as_ref());
        }
        self.revision = to;
    }

    /// The net effect of everything that happened since an earlier state of the same history. Costs a look at each object of
    /// both, however much happened.
    pub fn changes_since(&self, earlier: &Self) -> Vec<Change> {
        self.rows.changes_since(&earlier.rows)
    }
}
