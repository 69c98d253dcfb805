//! What is committed to the kernel, in memory: the kernel is not asked on the way of a change.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

use portolan_dataplane::{Frontend, FrontendKey, NodeState};

use crate::entry::Entry;
use crate::program::SetName;
use crate::render::{Rendered, render, shared};

/// A frontend that becomes another, comes, or goes.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    pub(crate) key: FrontendKey,
    pub(crate) frontend: Option<Frontend>,
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
    shared: HashMap<(SetName, IpAddr), u32>,
}

/// How often shared elements are used more, or less.
type Uses = BTreeMap<(SetName, IpAddr), i64>;

impl Mirror {
    /// Of frontends that are committed.
    pub(crate) fn of(state: NodeState) -> Self {
        let mut mirror = Self::default();
        let mut uses = Uses::new();
        for (key, frontend) in &state {
            count(&render(*key, frontend, &[]), 1, &mut uses);
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
        let frontends = frontends.flat_map(|(key, frontend)| render(*key, frontend, own).own);
        let uses = self.shared.keys();
        let mut entries: Vec<_> = frontends
            .chain(uses.map(|(set, address)| shared(*set, *address)))
            .collect();
        entries.sort_unstable();
        entries
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
            let old = self
                .state
                .get(&change.key)
                .map(|old| render(change.key, old, before));
            let new = change
                .frontend
                .as_ref()
                .map(|new| render(change.key, new, now));
            let (old, new) = (old.unwrap_or_default(), new.unwrap_or_default());
            count(&old, -1, &mut uses);
            count(&new, 1, &mut uses);
            let difference = compare(old.own, new.own);
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
                count(&render(key, new, &[]), 1, &mut uses);
            }
            let old = match frontend {
                Some(new) => self.state.insert(key, new),
                None => self.state.remove(&key),
            };
            if let Some(old) = old {
                count(&render(key, &old, &[]), -1, &mut uses);
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

fn count(rendered: &Rendered, more: i64, uses: &mut Uses) {
    for shared in &rendered.shared {
        *uses.entry(*shared).or_default() += more;
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
