//! What the data path reads: where a frontend's traffic goes.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arc_swap::{ArcSwap, ArcSwapOption};
use portolan_dataplane::{Frontend, FrontendKey};
use tokio::sync::{AcquireError, Notify, Semaphore};

use crate::affinity::Affinity;
use crate::engine::Engine;
use crate::pool::{Candidate, Pools};
use crate::shares::Room;

/// Where the traffic of one frontend goes.
pub(crate) struct Route {
    pub(crate) key: FrontendKey,
    pub(crate) engine: Arc<Engine>,
    pools: ArcSwap<Pools>,
    affinity: ArcSwapOption<Affinity>,
    tells_clients: AtomicBool,
    /// The part of the room that its Service has.
    share: ArcSwapOption<Semaphore>,
    /// It is told after each change of the pools.
    pub(crate) changed: Notify,
}

impl Route {
    pub(crate) fn new(key: FrontendKey, engine: Arc<Engine>) -> Self {
        Self {
            key,
            engine,
            pools: ArcSwap::default(),
            affinity: ArcSwapOption::empty(),
            tells_clients: AtomicBool::new(false),
            share: ArcSwapOption::empty(),
            changed: Notify::new(),
        }
    }

    pub(crate) fn pools(&self) -> Arc<Pools> {
        self.pools.load_full()
    }

    /// Traffic goes to these pools of the frontend.
    pub(crate) fn set(&self, frontend: &Frontend, pools: Pools) {
        let mut named = self.engine.proxy_protocol.iter();
        let tells_clients = named.any(|named| named.names(&frontend.service));
        self.tells_clients.store(tells_clients, Ordering::Relaxed);
        let share = self.engine.shares.of(frontend.service.uid);
        self.share.store(Some(share));
        self.affinity.store(self.engine.affinities.of(frontend));
        self.pools.store(Arc::new(pools));
        self.changed.notify_one();
    }

    /// Room for one more connection. Waits until there is some.
    pub(crate) async fn room(&self) -> Result<Room, AcquireError> {
        let share = self.share.load_full();
        let shares = &self.engine.shares;
        // Without one it has no part of the reserve; a socket is open only where a frontend was set.
        shares
            .take(share.unwrap_or_else(|| Arc::new(Semaphore::new(0))))
            .await
    }

    /// Whether connections begin with a header of the PROXY protocol.
    pub(crate) fn tells_clients(&self) -> bool {
        self.tells_clients.load(Ordering::Relaxed)
    }

    /// A backend for a source, other than `avoid`: the one it keeps, else one by chance, which it keeps then.
    pub(crate) fn pick(&self, source: IpAddr, avoid: Option<&Candidate>) -> Option<Arc<Candidate>> {
        let pools = self.pools.load();
        let is_inside = || self.engine.is_inside(source);
        let choices = pools.for_source(is_inside);
        let now = self.engine.now();
        let Some(affinity) = &*self.affinity.load() else {
            return choices.pick(now, avoid).cloned();
        };
        let kept = affinity.kept(source, choices, now);
        if let Some(kept) =
            kept.filter(|kept| avoid.is_none_or(|a| a.endpoint() != kept.endpoint()))
        {
            return Some(Arc::clone(kept));
        }
        let picked = choices.pick(now, avoid)?;
        affinity.keep(source, picked, now);
        Some(Arc::clone(picked))
    }

    /// Passes a backend over for a while, and says so once: what the prober does not see yet, or not at all.
    pub(crate) fn failed(&self, candidate: &Candidate, error: &io::Error) {
        if candidate.failed(self.engine.now()) {
            let (frontend, backend) = (self.key, candidate.address());
            tracing::warn!(%frontend, %backend, %error, "a backend fails and is passed over");
        }
    }

    /// Whether a source may stay on a backend.
    pub(crate) fn offers(&self, source: IpAddr, candidate: &Candidate) -> bool {
        let pools = self.pools.load();
        let is_inside = || self.engine.is_inside(source);
        pools.for_source(is_inside).offers(candidate)
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use portolan_dataplane::Environment;
    use portolan_dataplane::testing::{backend, frontend, pool};
    use portolan_model::Protocol;

    use super::*;
    use crate::workers::Workers;

    #[test]
    fn sources_inside_have_a_list_of_their_own() {
        let here: SocketAddr = ([10, 0, 0, 1], 80).into();
        let elsewhere: SocketAddr = ([10, 0, 0, 2], 80).into();
        let mut frontend = frontend(1, &[backend(1, here)]);
        frontend.inside = Some(Box::new(pool(&[backend(2, elsewhere)])));
        let engine = Arc::new(Engine::new(Workers::start().1, Vec::new()));
        engine.environment.store(Arc::new(Environment {
            own: vec![[192, 0, 2, 1].into()],
            workload_ranges: vec!["10.0.0.0/8".parse().unwrap()],
            service_cidrs: vec!["198.51.100.0/24".parse().unwrap()],
        }));
        let key = FrontendKey {
            address: [192, 0, 2, 1].into(),
            port: 30_080,
            protocol: Protocol::Tcp,
        };
        let route = Route::new(key, engine);
        route.set(&frontend, Pools::new(&frontend, &Pools::default()));
        for (row, source, want) in [
            ("outside", "203.0.113.9", here),
            ("loopback", "127.0.0.1", elsewhere),
            ("the node", "192.0.2.1", elsewhere),
            ("the node by IPv6 socket", "::ffff:192.0.2.1", elsewhere),
            ("a workload", "10.1.2.3", elsewhere),
            ("the node by a virtual address", "198.51.100.7", elsewhere),
        ] {
            let picked = route.pick(source.parse().unwrap(), None).unwrap();
            assert_eq!(picked.address(), want, "{row}");
        }
    }
}
