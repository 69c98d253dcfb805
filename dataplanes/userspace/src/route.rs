//! What the data path reads: where a frontend's traffic goes.

use std::collections::BTreeSet;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use arc_swap::{ArcSwap, ArcSwapOption};
use ipnet::IpNet;
use portolan_dataplane::{Environment, Frontend, FrontendKey};
use tokio::sync::{AcquireError, Notify, Semaphore};

use crate::affinity::{Affinities, Affinity};
use crate::counters::Counters;
use crate::descriptors::{most_connections, most_pipes, most_sessions};
use crate::pool::{Candidate, Pools};
use crate::proxy_protocol::ProxyProtocol;
use crate::shares::{Room, Shares};
use crate::tcp::Pipes;
use crate::tproxy::Routes;
use crate::workers::Workers;

/// What all frontends share.
pub(crate) struct Shared {
    pub(crate) environment: ArcSwap<Environment>,
    /// Made local by us beside the ranges of virtual addresses.
    pub(crate) addresses: ArcSwap<BTreeSet<IpAddr>>,
    pub(crate) counters: Counters,
    pub(crate) pipes: Arc<Pipes>,
    /// UDP sessions of all frontends together.
    pub(crate) most_sessions: usize,
    pub(crate) workers: Workers,
    /// Services whose backends are told of their clients.
    proxy_protocol: Vec<ProxyProtocol>,
    /// Frontends without a listener of their own, if there is one for all.
    tproxy: Option<Arc<Routes>>,
    affinities: Affinities,
    /// Room for relayed connections.
    pub(crate) shares: Shares,
    started: Instant,
}

impl Shared {
    pub(crate) fn new(
        workers: Workers,
        proxy_protocol: Vec<ProxyProtocol>,
        tproxy: Option<Arc<Routes>>,
    ) -> Self {
        Self::with_room(most_connections(), workers, proxy_protocol, tproxy)
    }

    /// With this many connections at once.
    pub(crate) fn with_room(
        connections: usize,
        workers: Workers,
        proxy_protocol: Vec<ProxyProtocol>,
        tproxy: Option<Arc<Routes>>,
    ) -> Self {
        Self {
            environment: ArcSwap::default(),
            addresses: ArcSwap::default(),
            counters: Counters::default(),
            pipes: Arc::new(Pipes::new(most_pipes())),
            most_sessions: most_sessions(),
            workers,
            proxy_protocol,
            tproxy,
            affinities: Affinities::default(),
            shares: Shares::new(connections),
            started: Instant::now(),
        }
    }

    /// Whether an address is local by a route of ours, on no device.
    pub(crate) fn is_virtual(&self, address: IpAddr) -> bool {
        let environment = self.environment.load();
        let mut ranges = environment.service_cidrs.iter();
        ranges.any(|range| range.contains(&address)) || self.addresses.load().contains(&address)
    }

    /// Where a frontend belongs that needs no listener of its own.
    pub(crate) fn common(&self, key: FrontendKey) -> Option<&Arc<Routes>> {
        let routes = self.tproxy.as_ref()?;
        (routes.can_have(key) && self.is_virtual(key.address)).then_some(routes)
    }

    /// Whether a source is inside. Without an address of the node that is there, Linux gives a packet to a local address that
    /// very address as its source, so one of ours is the node itself.
    pub(crate) fn is_inside(&self, source: IpAddr) -> bool {
        let source = source.to_canonical();
        self.environment.load().is_inside(source) || self.addresses.load().contains(&source)
    }

    /// What has to be local.
    pub(crate) fn local_ranges(&self) -> Vec<IpNet> {
        let mut ranges = self.environment.load().service_cidrs.clone();
        ranges.extend(self.addresses.load().iter().copied().map(IpNet::from));
        ranges
    }

    /// Milliseconds since the start: fits an atomic.
    pub(crate) fn now(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

/// Where the traffic of one frontend goes.
pub(crate) struct Route {
    pub(crate) key: FrontendKey,
    pub(crate) shared: Arc<Shared>,
    pools: ArcSwap<Pools>,
    affinity: ArcSwapOption<Affinity>,
    tells_clients: AtomicBool,
    /// Of its Service.
    share: ArcSwapOption<Semaphore>,
    /// Told after each change of the pools.
    pub(crate) changed: Notify,
}

impl Route {
    pub(crate) fn new(key: FrontendKey, shared: Arc<Shared>) -> Self {
        Self {
            key,
            shared,
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
        let mut named = self.shared.proxy_protocol.iter();
        let tells_clients = named.any(|named| named.names(&frontend.service));
        self.tells_clients.store(tells_clients, Ordering::Relaxed);
        let share = self.shared.shares.of(frontend.service.uid);
        self.share.store(Some(share));
        self.affinity.store(self.shared.affinities.of(frontend));
        self.pools.store(Arc::new(pools));
        self.changed.notify_one();
    }

    /// Room for one more connection. Waits until there is some.
    pub(crate) async fn room(&self) -> Result<Room, AcquireError> {
        let share = self.share.load_full();
        let shares = &self.shared.shares;
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
        let is_inside = || self.shared.is_inside(source);
        let choices = pools.for_source(is_inside);
        let now = self.shared.now();
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
        if candidate.failed(self.shared.now()) {
            let (frontend, backend) = (self.key, candidate.address());
            tracing::warn!(%frontend, %backend, %error, "a backend fails and is passed over");
        }
    }

    /// Whether a source may stay on a backend.
    pub(crate) fn offers(&self, source: IpAddr, candidate: &Candidate) -> bool {
        let pools = self.pools.load();
        let is_inside = || self.shared.is_inside(source);
        pools.for_source(is_inside).offers(candidate)
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use portolan_dataplane::testing::{backend, frontend, pool};
    use portolan_model::Protocol;

    use super::*;

    #[test]
    fn sources_inside_have_a_list_of_their_own() {
        let here: SocketAddr = ([10, 0, 0, 1], 80).into();
        let elsewhere: SocketAddr = ([10, 0, 0, 2], 80).into();
        let mut frontend = frontend(1, &[backend(1, here)]);
        frontend.inside = Some(Box::new(pool(&[backend(2, elsewhere)])));
        let shared = Arc::new(Shared::new(Workers::start().1, Vec::new(), None));
        shared.environment.store(Arc::new(Environment {
            own: vec![[192, 0, 2, 1].into()],
            workload_ranges: vec!["10.0.0.0/8".parse().unwrap()],
            service_cidrs: vec!["198.51.100.0/24".parse().unwrap()],
        }));
        let key = FrontendKey {
            address: [192, 0, 2, 1].into(),
            port: 30_080,
            protocol: Protocol::Tcp,
        };
        let route = Route::new(key, shared);
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
