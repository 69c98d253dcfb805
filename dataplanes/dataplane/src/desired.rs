//! What a node should carry, kept up to date at the cost of what changed.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use portolan_model::{Name, Uid};

use crate::full::{full, full_set};
use crate::{Frontend, FrontendKey, NodeState, Touched, Views};

/// The desired state of one node: at any time that of all Services, but refreshed Service by Service.
#[derive(Clone, Debug, Default)]
pub struct Desired {
    state: NodeState,
    /// The keys each Service asks for.
    keys: BTreeSet<(Uid, FrontendKey)>,
    /// What lost its key to a Service with a lower uid; empty unless the allocator is broken.
    shadowed: BTreeMap<(FrontendKey, Uid), Arc<Frontend>>,
}

impl Desired {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// All of it.
    pub fn state(&self) -> &NodeState {
        &self.state
    }

    /// Works out again what was touched and returns the keys that may have changed: the input of
    /// [`crate::plan_keys()`].
    pub fn refresh(
        &mut self,
        views: &Views,
        node: &Name,
        touched: &Touched,
    ) -> BTreeSet<FrontendKey> {
        let mut changed = BTreeSet::new();
        let is_first = self.state.is_empty();
        let mut refresh = |desired: &mut Self, uid| {
            desired.refresh_service(views, node, uid, &mut changed);
        };
        if touched.everything(node) {
            let known = self.keys.iter().map(|(uid, _)| *uid);
            let gone: BTreeSet<_> = known.filter(|uid| !views.has_service(*uid)).collect();
            for uid in gone.into_iter().chain(views.services()) {
                refresh(self, uid);
            }
        } else {
            for uid in &touched.services {
                refresh(self, *uid);
            }
        }
        if is_first {
            full(&mut self.state);
            full_set(&mut self.keys);
        }
        changed
    }

    fn refresh_service(
        &mut self,
        views: &Views,
        node: &Name,
        uid: Uid,
        changed: &mut BTreeSet<FrontendKey>,
    ) {
        let mut wanted = views.desired(node, uid);
        let asked = self.keys.range((uid, FrontendKey::LEAST)..);
        let asked: Vec<_> = asked.take_while(|(of, _)| *of == uid).copied().collect();
        for (_, key) in asked {
            changed.insert(key);
            // What it keeps stays where it is: most changes are of backends.
            if let Some(frontend) = wanted.remove(&key) {
                self.claim(key, frontend);
            } else {
                self.keys.remove(&(uid, key));
                self.withdraw(key, uid);
            }
        }
        for (key, frontend) in wanted {
            changed.insert(key);
            self.keys.insert((uid, key));
            self.claim(key, frontend);
        }
    }

    fn withdraw(&mut self, key: FrontendKey, uid: Uid) {
        if self.shadowed.remove(&(key, uid)).is_some() {
            return;
        }
        self.state.remove(&key);
        let heir = self.shadowed.range((key, uid)..).next().map(|(at, _)| *at);
        if let Some(at) = heir.filter(|(at, _)| *at == key)
            && let Some(frontend) = self.shadowed.remove(&at)
        {
            self.state.insert(key, frontend);
        }
    }

    fn claim(&mut self, key: FrontendKey, frontend: Arc<Frontend>) {
        let uid = frontend.service.uid;
        let loser = match self.state.entry(key) {
            Entry::Vacant(free) => {
                free.insert(frontend);
                None
            }
            Entry::Occupied(held) if held.get().service.uid < uid => Some(frontend),
            // Its own former version is no loser.
            Entry::Occupied(mut held) => {
                Some(held.insert(frontend)).filter(|former| former.service.uid != uid)
            }
        };
        if let Some(loser) = loser {
            self.shadowed.insert((key, loser.service.uid), loser);
        }
    }
}
