//! What is committed, in memory: the kernel is not asked on the way of a change.

use std::sync::Arc;

use portolan_dataplane::{Frontend, FrontendKey, NodeState};

use crate::uses::{MoreUses, Uses};
use crate::{Difference, Entry, ServiceSets};

/// Committed frontends, and how many of them need each element that they share. Which elements a frontend has of its own is
/// known to the dataplane.
#[derive(Debug)]
pub struct Standing<S> {
    state: NodeState,
    uses: Uses<S>,
}

/// A frontend that becomes another, comes, or goes.
#[derive(Clone, Debug)]
pub struct FrontendChange {
    /// The frontend's key.
    pub key: FrontendKey,
    /// What it becomes; `None`: it goes.
    pub frontend: Option<Arc<Frontend>>,
}

/// A change, and what it does to the elements that no other frontend has.
pub struct Turn<'a, S> {
    /// The frontend's key.
    pub key: FrontendKey,
    /// What it becomes; `None`: it goes.
    pub frontend: Option<&'a Arc<Frontend>>,
    /// What leads to that among its own elements.
    pub own: Difference<S>,
}

impl<S> Default for Standing<S> {
    fn default() -> Self {
        Self {
            state: NodeState::new(),
            uses: Uses::default(),
        }
    }
}

impl<S: ServiceSets> Standing<S> {
    /// Takes over frontends that are committed.
    pub fn of(state: NodeState) -> Self {
        let mut uses = Uses::default();
        let mut more = MoreUses::new();
        for (key, frontend) in &state {
            more.count(*key, frontend, 1);
        }
        uses.add(&more);
        Self { state, uses }
    }

    /// The frontends.
    pub fn state(&self) -> &NodeState {
        &self.state
    }

    /// Every element that frontends share.
    pub fn shared(&self) -> impl Iterator<Item = Entry<S>> {
        self.uses.elements()
    }

    /// All that leads to these turns, in order.
    pub fn difference<'a>(&self, turns: impl Iterator<Item = Turn<'a, S>>) -> Difference<S> {
        let mut all = Difference::default();
        let mut more = MoreUses::new();
        for Turn { key, frontend, own } in turns {
            if let Some(old) = self.state.get(&key) {
                more.count(key, old, -1);
            }
            if let Some(new) = frontend {
                more.count(key, new, 1);
            }
            all.delete.extend(own.delete);
            all.add.extend(own.add);
        }
        for (entry, comes) in self.uses.difference(&more) {
            let side = if comes { &mut all.add } else { &mut all.delete };
            side.push(entry);
        }
        all.delete.sort_unstable();
        all.add.sort_unstable();
        all
    }

    /// Takes over changes that are committed.
    pub fn absorb(&mut self, changes: impl IntoIterator<Item = FrontendChange>) {
        let mut more = MoreUses::new();
        for FrontendChange { key, frontend } in changes {
            if let Some(new) = &frontend {
                more.count(key, new, 1);
            }
            let old = match frontend {
                Some(new) => self.state.insert(key, new),
                None => self.state.remove(&key),
            };
            if let Some(old) = old {
                more.count(key, &old, -1);
            }
        }
        self.uses.add(&more);
    }
}
