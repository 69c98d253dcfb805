//! The frontends that have no listener of their own.

use std::collections::{BTreeSet, HashMap};
use std::mem::take;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use portolan_dataplane::FrontendKey;
use portolan_model::Protocol;
use portolan_netlink::nftables::Family;

use crate::route::Route;

/// Where the connections of each go, and which ones the kernel has to be told of.
pub(crate) struct Routes {
    v4: Option<u16>,
    v6: Option<u16>,
    by_key: RwLock<HashMap<FrontendKey, Arc<Route>>>,
    changed: Mutex<BTreeSet<FrontendKey>>,
}

/// A frontend among them, until it is dropped.
pub(crate) struct Registered {
    key: FrontendKey,
    routes: Arc<Routes>,
}

impl Drop for Registered {
    fn drop(&mut self) {
        let routes = self.routes.by_key.write();
        routes
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&self.key);
        self.routes.change(BTreeSet::from([self.key]));
    }
}

impl Routes {
    /// Begins without frontends, for listeners at these ports.
    pub(super) fn new(v4: Option<u16>, v6: Option<u16>) -> Self {
        Self {
            v4,
            v6,
            by_key: RwLock::default(),
            changed: Mutex::default(),
        }
    }

    /// The port of a family's listener.
    pub(super) fn port(&self, family: Family) -> Option<u16> {
        match family {
            Family::V4 => self.v4,
            Family::V6 => self.v6,
        }
    }

    /// Whether a frontend at a virtual address can be among them.
    pub(crate) fn can_have(&self, key: FrontendKey) -> bool {
        key.protocol == Protocol::Tcp && self.port(Family::from(key.address)).is_some()
    }

    /// From now on this one is among them.
    pub(crate) fn register(self: &Arc<Self>, route: &Arc<Route>) -> Registered {
        let key = route.key;
        let routes = self.by_key.write();
        routes
            .unwrap_or_else(PoisonError::into_inner)
            .insert(key, Arc::clone(route));
        self.change(BTreeSet::from([key]));
        Registered {
            key,
            routes: Arc::clone(self),
        }
    }

    pub(crate) fn at(&self, key: &FrontendKey) -> Option<Arc<Route>> {
        let routes = self.by_key.read();
        let routes = routes.unwrap_or_else(PoisonError::into_inner);
        routes.get(key).cloned()
    }

    /// Those that the kernel was not told of yet; it is the caller's business now.
    pub(super) fn changed(&self) -> BTreeSet<FrontendKey> {
        take(&mut *self.changed.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The kernel has to be told of these.
    pub(super) fn change(&self, keys: BTreeSet<FrontendKey>) {
        let changed = self.changed.lock();
        changed.unwrap_or_else(PoisonError::into_inner).extend(keys);
    }

    /// What is here and not among these, or the other way round.
    pub(super) fn unlike(&self, standing: &BTreeSet<FrontendKey>) -> BTreeSet<FrontendKey> {
        let routes = self.by_key.read();
        let routes = routes.unwrap_or_else(PoisonError::into_inner);
        let here: BTreeSet<_> = routes.keys().copied().collect();
        here.symmetric_difference(standing).copied().collect()
    }
}
