//! Which mark each frontend has.

use std::collections::{BTreeMap, btree_map};

use portolan_dataplane::FrontendKey;

use crate::mark::MarkBit;

/// Marks by frontend, and frontends by mark.
#[derive(Debug)]
pub(crate) struct Marks {
    bit: MarkBit,
    /// Frontends that have, or had, virtual servers.
    served: BTreeMap<FrontendKey, u32>,
    /// Those of `served`, and of changes that are on their way.
    taken: BTreeMap<u32, FrontendKey>,
    next: u32,
}

impl Marks {
    /// Takes over the marks of frontends that are served.
    pub(crate) fn of(served: BTreeMap<FrontendKey, u32>, bit: MarkBit) -> Self {
        Self {
            bit,
            taken: served.iter().map(|(key, mark)| (*mark, *key)).collect(),
            served,
            next: 1,
        }
    }

    /// Frontends with an element in `served`, and their marks.
    pub(crate) fn served(&self) -> &BTreeMap<FrontendKey, u32> {
        &self.served
    }

    /// The frontend with this mark.
    pub(crate) fn owner(&self, mark: u32) -> Option<FrontendKey> {
        self.taken.get(&mark).copied()
    }

    /// The mark of a frontend that is or was served.
    pub(crate) fn at(&self, key: FrontendKey) -> Option<u32> {
        self.served.get(&key).copied()
    }

    /// Takes a mark for a frontend that has none. `None` if none is left.
    pub(crate) fn take(&mut self, key: FrontendKey) -> Option<u32> {
        // Twice: what was passed over at first may have been given back.
        for _ in 0..2 {
            while let Some(mark) = self.bit.numbered(self.next) {
                self.next += 1;
                if let btree_map::Entry::Vacant(free) = self.taken.entry(mark) {
                    free.insert(key);
                    return Some(mark);
                }
            }
            self.next = 1;
        }
        None
    }

    /// Frees the mark of a change that came to nothing, unless the frontend had it before.
    pub(crate) fn give_back(&mut self, key: FrontendKey, mark: u32) {
        if self.at(key) != Some(mark) {
            self.taken.remove(&mark);
        }
    }

    /// Keeps a mark for a frontend that is served from now on.
    pub(crate) fn keep(&mut self, key: FrontendKey, mark: u32) {
        self.served.insert(key, mark);
    }

    /// Frees the marks of frontends whose virtual servers are gone.
    pub(crate) fn free(&mut self, keys: &[FrontendKey]) {
        for key in keys {
            if let Some(mark) = self.served.remove(key) {
                self.taken.remove(&mark);
            }
        }
    }
}
