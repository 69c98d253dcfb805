//! What is committed to the kernel, in memory: the kernel is not asked on the way of a change.

use std::net::IpAddr;
use std::sync::Arc;

use portolan_dataplane::{Frontend, FrontendKey, NodeState};
use portolan_model::Digest;

use crate::entry::Entry;
use crate::render::{render, shared};
use crate::seal;
use crate::shared::{Shared, Uses};

/// A frontend that becomes another, comes, or goes.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    pub(crate) key: FrontendKey,
    pub(crate) frontend: Option<Arc<Frontend>>,
}

/// Elements to delete and to add, each in order. What changes its value is in both.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Difference {
    pub(crate) delete: Vec<Entry>,
    pub(crate) add: Vec<Entry>,
}

/// Committed frontends, and how many of them share an element.
#[derive(Debug, Default)]
pub(crate) struct Mirror {
    state: NodeState,
    shared: Shared,
}

impl Mirror {
    /// Of frontends that are committed.
    pub(crate) fn of(state: NodeState) -> Self {
        let mut mirror = Self::default();
        let mut uses = Uses::default();
        for (key, frontend) in &state {
            uses.count(*key, frontend, 1);
        }
        mirror.shared.add(&uses);
        mirror.state = state;
        mirror
    }

    pub(crate) fn state(&self) -> &NodeState {
        &self.state
    }

    /// Every element that should be there, in order.
    pub(crate) fn entries(&self, own: &[IpAddr]) -> Vec<Entry> {
        let frontends = self.state.iter();
        let frontends = frontends.flat_map(|(key, frontend)| render(*key, frontend, own));
        let uses = self.shared.elements();
        let mut entries: Vec<_> = frontends
            .chain(uses.map(|(set, address)| shared(set, address)))
            .collect();
        entries.sort_unstable();
        entries
    }

    /// The digest of all of [`Self::entries`].
    pub(crate) fn digest(&self, own: &[IpAddr]) -> Digest {
        let mut digest = Digest::EMPTY;
        for (key, frontend) in &self.state {
            digest.toggle(seal::digest(&render(*key, frontend, own)));
        }
        for (set, address) in self.shared.elements() {
            digest.toggle(seal::digest([&shared(set, address)]));
        }
        digest
    }

    /// What leads to the changes; `before` and `now` are the node's addresses.
    pub(crate) fn difference(
        &self,
        changes: &[Change],
        before: &[IpAddr],
        now: &[IpAddr],
    ) -> Difference {
        let mut all = Difference::default();
        let mut uses = Uses::default();
        for change in changes {
            let mut side = |frontend: Option<&Arc<Frontend>>, own, more| {
                let Some(frontend) = frontend else {
                    return Vec::new();
                };
                uses.count(change.key, frontend, more);
                render(change.key, frontend, own)
            };
            let old = side(self.state.get(&change.key), before, -1);
            let new = side(change.frontend.as_ref(), now, 1);
            let difference = compare(old, new);
            all.delete.extend(difference.delete);
            all.add.extend(difference.add);
        }
        for (set, address, comes) in self.shared.difference(&uses) {
            let side = if comes { &mut all.add } else { &mut all.delete };
            side.push(shared(set, address));
        }
        all.delete.sort_unstable();
        all.add.sort_unstable();
        all
    }

    /// The changes are committed.
    pub(crate) fn absorb(&mut self, changes: Vec<Change>) {
        let mut uses = Uses::default();
        for Change { key, frontend } in changes {
            if let Some(new) = &frontend {
                uses.count(key, new, 1);
            }
            let old = match frontend {
                Some(new) => self.state.insert(key, new),
                None => self.state.remove(&key),
            };
            if let Some(old) = old {
                uses.count(key, &old, -1);
            }
        }
        self.shared.add(&uses);
    }
}

/// From elements to others; both in order.
pub(crate) fn compare(old: Vec<Entry>, new: Vec<Entry>) -> Difference {
    let mut difference = Difference::default();
    let (mut old, mut new) = (old.into_iter().peekable(), new.into_iter().peekable());
    loop {
        let order = match (old.peek(), new.peek()) {
            (None, None) => return difference,
            (Some(_), None) => std::cmp::Ordering::Less,
            (None, Some(_)) => std::cmp::Ordering::Greater,
            (Some(old), Some(new)) => old.identity().cmp(&new.identity()),
        };
        let gone = if order.is_le() { old.next() } else { None };
        let come = if order.is_ge() { new.next() } else { None };
        if gone != come {
            difference.delete.extend(gone);
            difference.add.extend(come);
        }
    }
}
