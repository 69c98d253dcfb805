//! What is committed to nftables, in memory: the kernel is not asked on the way of a change.

use std::collections::{BTreeMap, HashMap, btree_map};
use std::net::IpAddr;
use std::sync::Arc;

use portolan_dataplane::{Frontend, FrontendKey, NodeState};
use portolan_nft::compare;

use crate::entry::{Difference, Entry};
use crate::mark::MarkBit;
use crate::recover::Recovered;
use crate::render::{Shared, is_served, render, served, shared, shares};

/// A frontend that becomes another, comes, or goes.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    pub(crate) key: FrontendKey,
    pub(crate) frontend: Option<Arc<Frontend>>,
    /// Its mark, if it is or was served.
    pub(crate) mark: Option<u32>,
}

/// Committed frontends, how many of them share an element, and which have, or had, virtual servers.
#[derive(Debug)]
pub(crate) struct Mirror {
    bit: MarkBit,
    /// The node's addresses: they decide who may reach guarded frontends from the node itself.
    own: Vec<IpAddr>,
    state: NodeState,
    shared: HashMap<Shared, u32>,
    /// With their marks.
    served: BTreeMap<FrontendKey, u32>,
    /// Marks that are taken, and by whom.
    marks: BTreeMap<u32, FrontendKey>,
    next: u32,
}

/// How often shared elements are used more, or less.
type Uses = BTreeMap<Shared, i64>;

impl Mirror {
    /// Of what is committed.
    pub(crate) fn of(recovered: Recovered, bit: MarkBit, own: &[IpAddr]) -> Self {
        let Recovered { state, served } = recovered;
        let mut mirror = Self {
            bit,
            own: own.to_vec(),
            state: NodeState::new(),
            shared: HashMap::new(),
            marks: served.iter().map(|(key, mark)| (*mark, *key)).collect(),
            served,
            next: 1,
        };
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

    /// Frontends with an element in `served`, and their marks.
    pub(crate) fn served(&self) -> &BTreeMap<FrontendKey, u32> {
        &self.served
    }

    /// The frontend with this mark.
    pub(crate) fn owner(&self, mark: u32) -> Option<FrontendKey> {
        self.marks.get(&mark).copied()
    }

    /// The mark of a frontend that is or was served.
    pub(crate) fn mark(&self, key: FrontendKey) -> Option<u32> {
        self.served.get(&key).copied()
    }

    /// A change of one frontend. `None` if no mark is left for it.
    pub(crate) fn change(
        &mut self,
        key: FrontendKey,
        frontend: Option<&Arc<Frontend>>,
    ) -> Option<Change> {
        let mark = match self.mark(key) {
            None if frontend.is_some_and(|f| is_served(f)) => Some(self.free_mark(key)?),
            held => held,
        };
        Some(Change {
            key,
            frontend: frontend.cloned(),
            mark,
        })
    }

    fn free_mark(&mut self, key: FrontendKey) -> Option<u32> {
        // Twice: what was passed over at first may have been given back.
        for _ in 0..2 {
            while let Some(mark) = self.bit.numbered(self.next) {
                self.next += 1;
                if let btree_map::Entry::Vacant(free) = self.marks.entry(mark) {
                    free.insert(key);
                    return Some(mark);
                }
            }
            self.next = 1;
        }
        None
    }

    /// A change that came to nothing: its mark is free again unless the frontend had it before.
    pub(crate) fn give_back(&mut self, change: &Change) {
        if let Some(mark) = change.mark
            && self.mark(change.key) != Some(mark)
        {
            self.marks.remove(&mark);
        }
    }

    /// Every element that should be there, in order.
    pub(crate) fn entries(&self) -> Vec<Entry> {
        let frontends = self.state.iter();
        let own = frontends.flat_map(|(key, f)| self.render(*key, f, self.mark(*key)));
        let uses = self.shared.keys();
        let mut entries: Vec<_> = own
            .chain(uses.map(|(set, address)| shared(*set, *address)))
            .chain(self.served.iter().map(|(key, mark)| served(*key, *mark)))
            .collect();
        entries.sort_unstable();
        entries
    }

    /// What leads to the changes.
    pub(crate) fn difference(&self, changes: &[Change]) -> Difference {
        let mut all = Difference::default();
        let mut uses = Uses::new();
        for change in changes {
            let key = change.key;
            let (mut old, mut new) = (Vec::new(), Vec::new());
            if let Some(frontend) = self.state.get(&key) {
                count(key, frontend, -1, &mut uses);
                old = self.render(key, frontend, self.mark(key));
            }
            if let Some(frontend) = &change.frontend {
                count(key, frontend, 1, &mut uses);
                new = self.render(key, frontend, change.mark);
            }
            old.extend(self.mark(key).map(|mark| served(key, mark)));
            new.extend(self.mark_after(change).map(|mark| served(key, mark)));
            old.sort_unstable();
            new.sort_unstable();
            let difference = compare(old, new);
            all.delete.extend(difference.delete);
            all.add.extend(difference.add);
        }
        self.compare_uses(uses, &mut all);
        all.delete.sort_unstable();
        all.add.sort_unstable();
        all
    }

    /// The mark in `served` after a change: it stays until its virtual servers are gone, see [`Self::unserve`].
    fn mark_after(&self, change: &Change) -> Option<u32> {
        let serves = change.frontend.as_ref().is_some_and(|f| is_served(f));
        change
            .mark
            .filter(|_| serves || self.served.contains_key(&change.key))
    }

    fn compare_uses(&self, uses: Uses, all: &mut Difference) {
        for ((set, address), more) in uses {
            let held = self.shared.get(&(set, address));
            let held = held.map_or(0, |uses| i64::from(*uses));
            match (held > 0, held + more > 0) {
                (false, true) => all.add.push(shared(set, address)),
                (true, false) => all.delete.push(shared(set, address)),
                _ => {}
            }
        }
    }

    /// The changes are committed.
    pub(crate) fn absorb(&mut self, changes: Vec<Change>) {
        let mut uses = Uses::new();
        for change in changes {
            if let Some(mark) = self.mark_after(&change) {
                self.served.insert(change.key, mark);
            }
            let Change { key, frontend, .. } = change;
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

    /// The elements of frontends whose virtual servers are gone.
    pub(crate) fn unserved(&self, keys: &[FrontendKey]) -> Difference {
        let held = keys.iter().filter_map(|key| {
            let mark = self.served.get(key)?;
            Some(served(*key, *mark))
        });
        let mut delete: Vec<_> = held.collect();
        delete.sort_unstable();
        delete.dedup();
        Difference {
            delete,
            ..Difference::default()
        }
    }

    /// They are deleted.
    pub(crate) fn unserve(&mut self, keys: &[FrontendKey]) {
        for key in keys {
            if let Some(mark) = self.served.remove(key) {
                self.marks.remove(&mark);
            }
        }
    }

    fn render(&self, key: FrontendKey, frontend: &Frontend, mark: Option<u32>) -> Vec<Entry> {
        render(key, frontend, (self.bit, &self.own), mark)
    }

    /// The node has other addresses now: what that changes.
    pub(crate) fn follow(&mut self, own: &[IpAddr]) -> Difference {
        if self.own == own {
            return Difference::default();
        }
        let before = self.guarded();
        self.own = own.to_vec();
        compare(before, self.guarded())
    }

    fn guarded(&self) -> Vec<Entry> {
        let frontends = self.state.iter();
        let guarded = frontends.filter(|(_, frontend)| !frontend.source_ranges.is_empty());
        let entries = guarded.flat_map(|(key, f)| self.render(*key, f, self.mark(*key)));
        let mut entries: Vec<_> = entries.collect();
        entries.sort_unstable();
        entries
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

fn count(key: FrontendKey, frontend: &Frontend, more: i64, uses: &mut Uses) {
    for shared in shares(key, frontend) {
        *uses.entry(shared).or_default() += more;
    }
}

#[cfg(test)]
mod tests {
    use portolan_dataplane::testing::{frontend, node_state};
    use portolan_model::Protocol;

    use super::*;

    #[test]
    fn the_nodes_addresses_decide_who_may_come_from_a_guarded_address() {
        let address: IpAddr = [203, 0, 113, 5].into();
        let key = FrontendKey {
            address,
            port: 80,
            protocol: Protocol::Tcp,
        };
        let mut guarded = frontend(1, &[]);
        guarded.source_ranges = vec!["192.0.2.0/24".parse().unwrap()];
        let recovered = Recovered {
            state: node_state([(key, guarded)]),
            ..Recovered::default()
        };
        let mut mirror = Mirror::of(recovered, MarkBit::default(), &[]);
        let listed = mirror.entries().len();
        for (name, own, add, delete) in [
            ("within the ranges", [192, 0, 2, 1], 1, 0),
            ("still", [192, 0, 2, 2], 0, 0),
            ("elsewhere", [198, 51, 100, 1], 0, 1),
        ] {
            let difference = mirror.follow(&[own.into()]);
            let counts = (difference.add.len(), difference.delete.len());
            assert_eq!(counts, (add, delete), "{name}");
            let expected = listed + usize::from(own[0] == 192);
            assert_eq!(mirror.entries().len(), expected, "{name}");
        }
    }
}
