//! What is committed to the kernel, in memory: the kernel is not asked on the way of a change.

use std::net::IpAddr;
use std::sync::Arc;

use portolan_dataplane::{Frontend, FrontendKey, NodeState};
use portolan_model::Digest;
use portolan_nft::compare;

use crate::entry::{Difference, Entry};
use crate::render::{render, shared};
use crate::seal;
use crate::shared::{Shared, Uses};

/// A frontend that becomes another, comes, or goes.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    pub(crate) key: FrontendKey,
    pub(crate) frontend: Option<Arc<Frontend>>,
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
