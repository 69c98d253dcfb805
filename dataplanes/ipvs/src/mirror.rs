//! What is committed to nftables, in memory, and the elements that lead from it to something else.

use std::net::IpAddr;
use std::sync::Arc;

use portolan_dataplane::{Frontend, FrontendKey, NodeState};
use portolan_nft::{FrontendChange, Standing, Turn, compare};

use crate::entry::{Difference, Entry};
use crate::mark::MarkBit;
use crate::marks::Marks;
use crate::program::SetName;
use crate::recover::Recovered;
use crate::render::{Renderer, is_served, served};

/// A change of a frontend, with its mark.
#[derive(Clone, Debug)]
pub(crate) struct MarkedChange {
    pub(crate) key: FrontendKey,
    pub(crate) frontend: Option<Arc<Frontend>>,
    /// Its mark, if it is or was served.
    pub(crate) mark: Option<u32>,
}

/// Committed frontends, and which have, or had, virtual servers.
#[derive(Debug)]
pub(crate) struct Mirror {
    renderer: Renderer,
    standing: Standing<SetName>,
    pub(crate) marks: Marks,
}

impl Mirror {
    /// Takes over what is committed.
    pub(crate) fn of(recovered: Recovered, bit: MarkBit, own: &[IpAddr]) -> Self {
        let Recovered { state, served } = recovered;
        Self {
            renderer: Renderer {
                bit,
                own: own.to_vec(),
            },
            standing: Standing::of(state),
            marks: Marks::of(served, bit),
        }
    }

    pub(crate) fn state(&self) -> &NodeState {
        self.standing.state()
    }

    /// A change of one frontend. `None` if no mark is left for it.
    pub(crate) fn change(
        &mut self,
        key: FrontendKey,
        frontend: Option<&Arc<Frontend>>,
    ) -> Option<MarkedChange> {
        let mark = match self.marks.at(key) {
            None if frontend.is_some_and(|f| is_served(f)) => Some(self.marks.take(key)?),
            held => held,
        };
        Some(MarkedChange {
            key,
            frontend: frontend.cloned(),
            mark,
        })
    }

    /// A change that came to nothing: its mark is free again unless the frontend had it before.
    pub(crate) fn give_back(&mut self, change: &MarkedChange) {
        if let Some(mark) = change.mark {
            self.marks.give_back(change.key, mark);
        }
    }

    /// Every element that should be there, in order.
    pub(crate) fn entries(&self) -> Vec<Entry> {
        let own = self
            .state()
            .iter()
            .flat_map(|(key, f)| self.render(*key, f));
        let marks = self.marks.served().iter();
        let served = marks.map(|(key, mark)| served(*key, *mark));
        let mut entries: Vec<_> = own.chain(self.standing.shared()).chain(served).collect();
        entries.sort_unstable();
        entries
    }

    /// What leads to the changes.
    pub(crate) fn difference(&self, changes: &[MarkedChange]) -> Difference {
        self.standing.difference(changes.iter().map(|change| {
            let (key, frontend) = (change.key, change.frontend.as_ref());
            let (mut old, mut new) = (Vec::new(), Vec::new());
            if let Some(frontend) = self.state().get(&key) {
                old = self.render(key, frontend);
            }
            if let Some(frontend) = frontend {
                new = self.renderer.render(key, frontend, change.mark);
            }
            old.extend(self.marks.at(key).map(|mark| served(key, mark)));
            new.extend(self.mark_after(change).map(|mark| served(key, mark)));
            old.sort_unstable();
            new.sort_unstable();
            Turn {
                key,
                frontend,
                own: compare(old, new),
            }
        }))
    }

    /// The mark in `served` after a change: it stays until its virtual servers are gone, see [`Self::unserve`].
    fn mark_after(&self, change: &MarkedChange) -> Option<u32> {
        let serves = change.frontend.as_ref().is_some_and(|f| is_served(f));
        let stays = serves || self.marks.at(change.key).is_some();
        change.mark.filter(|_| stays)
    }

    /// Takes over changes that are committed.
    pub(crate) fn absorb(&mut self, changes: Vec<MarkedChange>) {
        for change in &changes {
            if let Some(mark) = self.mark_after(change) {
                self.marks.keep(change.key, mark);
            }
        }
        let changes = changes.into_iter().map(|change| FrontendChange {
            key: change.key,
            frontend: change.frontend,
        });
        self.standing.absorb(changes);
    }

    /// The elements of frontends whose virtual servers are gone.
    pub(crate) fn unserved(&self, keys: &[FrontendKey]) -> Difference {
        let held = keys.iter();
        let held = held.filter_map(|key| Some(served(*key, self.marks.at(*key)?)));
        let mut delete: Vec<_> = held.collect();
        delete.sort_unstable();
        delete.dedup();
        Difference {
            delete,
            ..Difference::default()
        }
    }

    /// Takes over that [`Self::unserved`] is committed.
    pub(crate) fn unserve(&mut self, keys: &[FrontendKey]) {
        self.marks.free(keys);
    }

    fn render(&self, key: FrontendKey, frontend: &Frontend) -> Vec<Entry> {
        self.renderer.render(key, frontend, self.marks.at(key))
    }

    /// The node has other addresses now: what that changes.
    pub(crate) fn follow(&mut self, own: &[IpAddr]) -> Difference {
        if self.renderer.own == own {
            return Difference::default();
        }
        let before = self.guarded();
        self.renderer.own = own.to_vec();
        compare(before, self.guarded())
    }

    fn guarded(&self) -> Vec<Entry> {
        let frontends = self.state().iter();
        let guarded = frontends.filter(|(_, frontend)| !frontend.source_ranges.is_empty());
        let mut entries: Vec<_> = guarded.flat_map(|(key, f)| self.render(*key, f)).collect();
        entries.sort_unstable();
        entries
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
