//! What is committed to the kernel, in memory: the kernel is not asked on the way of a change.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use portolan_dataplane::{Frontend, FrontendKey, NodeState};
use portolan_model::Digest;

use crate::entry::Entry;
use crate::program::SetName;
use crate::render::{render, shared, uses};
use crate::seal;

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
    shared: BTreeMap<(SetName, IpAddr), u32>,
}

/// How often shared elements are used more, or less.
type Uses = BTreeMap<(SetName, IpAddr), i64>;

impl Mirror {
    /// Of frontends that are committed.
    pub(crate) fn of(state: NodeState) -> Self {
        let mut mirror = Self::default();
        let mut uses = Uses::new();
        for (key, frontend) in &state {
            count(*key, frontend, 1, &mut uses);
        }
        mirror.use_more(&uses);
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
        let uses = self.shared.keys();
        let mut entries: Vec<_> = frontends
            .chain(uses.map(|(set, address)| shared(*set, *address)))
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
        for (set, address) in self.shared.keys() {
            digest.toggle(seal::digest([&shared(*set, *address)]));
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
        let mut uses = Uses::new();
        for change in changes {
            let mut side = |frontend: Option<&Arc<Frontend>>, own, more| {
                let Some(frontend) = frontend else {
                    return Vec::new();
                };
                count(change.key, frontend, more, &mut uses);
                render(change.key, frontend, own)
            };
            let old = side(self.state.get(&change.key), before, -1);
            let new = side(change.frontend.as_ref(), now, 1);
            let difference = compare(old, new);
            all.delete.extend(difference.delete);
            all.add.extend(difference.add);
        }
        for ((set, address), more) in uses {
            let held = self
                .shared
                .get(&(set, address))
                .map_or(0, |uses| i64::from(*uses));
            match (held > 0, held + more > 0) {
                (false, true) => all.add.push(shared(set, address)),
                (true, false) => all.delete.push(shared(set, address)),
                _ => {}
            }
        }
        all.delete.sort_unstable();
        all.add.sort_unstable();
        all
    }

    /// The changes are committed.
    pub(crate) fn absorb(&mut self, changes: Vec<Change>) {
        let mut uses = Uses::new();
        for Change { key, frontend } in changes {
            if let Some(new) = &frontend {
                count(key, new, 1, &mut uses);
            }
            let old = match frontend {
                Some(new) => self.state.insert(key, new),
                None => self.state.remove(&key),
            };
            if let Some(old) = old {
                count(key, &old, -1, &mut uses);
            }
        }
        self.use_more(&uses);
    }

    fn use_more(&mut self, uses: &Uses) {
        for (shared, more) in uses {
            let held = self.shared.get(shared).map_or(0, |uses| i64::from(*uses));
            match u32::try_from(held + more) {
                Ok(left) if left > 0 => self.shared.insert(*shared, left),
                _ => self.shared.remove(shared),
            };
        }
    }
}

fn count(key: FrontendKey, frontend: &Frontend, more: i64, counts: &mut Uses) {
    for shared in uses(key, frontend) {
        *counts.entry(shared).or_default() += more;
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
