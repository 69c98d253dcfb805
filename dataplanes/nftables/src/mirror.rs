//! What is committed to the kernel, in memory, and the elements that lead from it to something else.

use std::net::IpAddr;
use std::sync::Arc;

use portolan_dataplane::{Frontend, NodeState};
use portolan_model::Digest;
use portolan_nft::{FrontendChange, Standing, Turn, compare};

use crate::entry::{Difference, Entry};
use crate::program::SetName;
use crate::render::render;
use crate::seal;

/// Committed frontends.
#[derive(Debug, Default)]
pub(crate) struct Mirror {
    standing: Standing<SetName>,
}

impl Mirror {
    /// Takes over frontends that are committed.
    pub(crate) fn of(state: NodeState) -> Self {
        Self {
            standing: Standing::of(state),
        }
    }

    pub(crate) fn state(&self) -> &NodeState {
        self.standing.state()
    }

    /// Every element that should be there, in order.
    pub(crate) fn entries(&self, own: &[IpAddr]) -> Vec<Entry> {
        let frontends = self.state().iter();
        let frontends = frontends.flat_map(|(key, frontend)| render(*key, frontend, own));
        let mut entries: Vec<_> = frontends.chain(self.standing.shared()).collect();
        entries.sort_unstable();
        entries
    }

    /// The digest of all of [`Self::entries`].
    pub(crate) fn digest(&self, own: &[IpAddr]) -> Digest {
        let mut digest = Digest::EMPTY;
        for (key, frontend) in self.state() {
            digest.toggle(seal::digest(&render(*key, frontend, own)));
        }
        for entry in self.standing.shared() {
            digest.toggle(seal::digest([&entry]));
        }
        digest
    }

    /// What leads to the changes; `before` and `now` are the node's addresses.
    pub(crate) fn difference(
        &self,
        changes: &[FrontendChange],
        before: &[IpAddr],
        now: &[IpAddr],
    ) -> Difference {
        self.standing.difference(changes.iter().map(|change| {
            let key = change.key;
            let side = |frontend: Option<&Arc<Frontend>>, own| {
                frontend.map_or_else(Vec::new, |frontend| render(key, frontend, own))
            };
            let old = side(self.state().get(&key), before);
            let new = side(change.frontend.as_ref(), now);
            Turn {
                key,
                frontend: change.frontend.as_ref(),
                own: compare(old, new),
            }
        }))
    }

    /// Takes over changes that are committed.
    pub(crate) fn absorb(&mut self, changes: Vec<FrontendChange>) {
        self.standing.absorb(changes);
    }
}
