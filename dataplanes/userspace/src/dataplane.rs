//! The mechanism as the agent sees it.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Weak};

use portolan_dataplane::{
    Applied, Capabilities, Dataplane, DataplaneError, Environment, Frontend, FrontendKey, Health,
    NodeState, Plan, Rejected, RejectionCode,
};
use portolan_model::{Family, Protocol};
use portolan_netlink::NetlinkError;
use portolan_process::{holder, raise_limit};

use crate::bind::{is_in_use, rejected};
use crate::carried::Carried;
use crate::engine::Engine;
use crate::local_ranges;
use crate::proxy_protocol::ProxyProtocol;
use crate::route::Route;
use crate::tproxy::Tproxy;
use crate::tproxy::routes::Routes;
use crate::workers::{Threads, Workers};

/// Looking for who has a port reads much of /proc: done for so many frontends of a plan, the others stay unnamed.
const MOST_HOLDERS: usize = 16;

/// Relays TCP and UDP by sockets at the frontends' addresses. Used within a tokio runtime.
pub struct UserspaceDataplane {
    pub(crate) carried: BTreeMap<FrontendKey, Carried>,
    /// The routes of removed frontends whose connections still run.
    pub(crate) draining: Vec<Weak<Route>>,
    tproxy: Option<Tproxy>,
    pub(crate) engine: Arc<Engine>,
    _threads: Threads,
    pub(crate) root: bool,
}

/// What can be asked for.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Services whose backends are told of their clients.
    pub proxy_protocol: Vec<ProxyProtocol>,
    /// One listener for all TCP frontends at virtual addresses, as root.
    pub tproxy: bool,
}

impl Default for UserspaceDataplane {
    fn default() -> Self {
        Self::new()
    }
}

impl UserspaceDataplane {
    /// Carries nothing yet. Raises the process's limit of open files as far as it may.
    pub fn new() -> Self {
        raise_limit();
        let (threads, workers) = Workers::start();
        Self::on(threads, workers, Vec::new(), None)
    }

    /// The same with these options. Fails if the kernel refuses the common listener.
    pub fn with(options: Options) -> io::Result<Self> {
        raise_limit();
        let (threads, workers) = Workers::start();
        let tproxy = options.tproxy.then(|| Tproxy::start(&workers));
        let tproxy = tproxy.transpose()?;
        Ok(Self::on(threads, workers, options.proxy_protocol, tproxy))
    }

    fn on(
        threads: Threads,
        workers: Workers,
        proxy_protocol: Vec<ProxyProtocol>,
        tproxy: Option<Tproxy>,
    ) -> Self {
        Self {
            carried: BTreeMap::new(),
            draining: Vec::new(),
            tproxy,
            engine: Arc::new(Engine::new(workers, proxy_protocol)),
            _threads: threads,
            root: nix::unistd::geteuid().is_root(),
        }
    }

    async fn put(&mut self, key: FrontendKey, frontend: Arc<Frontend>) -> io::Result<()> {
        let common = self.common(key);
        if let Some(carried) = self.carried.get_mut(&key) {
            return carried.update(frontend, common.as_ref()).await;
        }
        let carried = Carried::new(key, frontend, &self.engine, common.as_ref())?;
        self.carried.insert(key, carried);
        Ok(())
    }

    /// Where a frontend belongs that needs no listener of its own.
    fn common(&self, key: FrontendKey) -> Option<Arc<Routes>> {
        let routes = self.tproxy.as_ref()?.routes();
        let is_common = routes.can_have(key) && self.engine.is_virtual(key.address);
        is_common.then(|| Arc::clone(routes))
    }

    /// Has the kernel hand over what is carried without a listener of its own.
    async fn hand_over(&mut self) -> Result<(), DataplaneError> {
        let Some(tproxy) = &mut self.tproxy else {
            return Ok(());
        };
        let told = tproxy.follow().await;
        told.map_err(|error| {
            refused(
                "can't have nftables hand connections to the listener of all, which takes a kernel with nft_tproxy",
                error,
            )
        })
    }

    /// Frontends of a plan that the kernel was not told of.
    fn untold(&self, plan: &Plan, error: &DataplaneError) -> Vec<Rejected> {
        let cause = error.source.as_ref();
        let cause = cause.map_or_else(String::new, |cause| format!(": {cause}"));
        let rejected = |(key, frontend): &(FrontendKey, Arc<Frontend>)| Rejected {
            key: *key,
            code: RejectionCode::Internal,
            message: format!(
                "{} at {key}: {error}{cause}; the agent tries again",
                frontend.service
            ),
        };
        let put = plan.put.iter();
        let common = put.filter(|(key, _)| self.common(*key).is_some());
        common.map(rejected).collect()
    }
}

impl Dataplane for UserspaceDataplane {
    fn capabilities(&self) -> Capabilities {
        // Only root can make IPv6 virtual addresses local; there is no counterpart to 127.0.0.0/8.
        let v6 = self.root.then_some(Family::V6);
        Capabilities {
            kind: "userspace",
            families: [Family::V4].into_iter().chain(v6).collect(),
            protocols: [Protocol::Tcp, Protocol::Udp].into(),
            affinity: true,
            source_ranges: false,
            drop: false,
            inside: true,
            preserves_source: false,
            guard: false,
            persistent: false,
        }
    }

    async fn configure(&mut self, environment: &Environment) -> Result<(), DataplaneError> {
        self.engine.environment.store(Arc::new(environment.clone()));
        if self.root {
            self.ensure_local().await?;
        }
        Ok(())
    }

    async fn observe(&mut self) -> Result<NodeState, DataplaneError> {
        self.give_back().await;
        if self.root {
            // Without its route a socket hears nothing, and does not know.
            self.ensure_local().await?;
        }
        self.hand_over().await?;
        let sound = self.carried.iter().filter(|(_, c)| c.is_sound());
        Ok(sound
            .map(|(key, c)| (*key, Arc::clone(&c.frontend)))
            .collect())
    }

    async fn apply(&mut self, plan: &Plan) -> Applied {
        let mut applied = Applied::default();
        let mut holders = 0;
        if self.root {
            self.take_over(plan).await;
        }
        for (key, frontend) in &plan.put {
            let Err(error) = self.put(*key, Arc::clone(frontend)).await else {
                continue;
            };
            let mut found = None;
            if is_in_use(&error) && holders < MOST_HOLDERS {
                holders += 1;
                let (address, protocol) = (key.socket_addr(), key.protocol);
                let looking = tokio::task::spawn_blocking(move || holder(address, protocol));
                found = looking.await.ok().flatten();
            }
            let rejection = rejected(*key, frontend, &error, found);
            applied.rejected.push(rejection);
        }
        for key in &plan.remove {
            if let Some(mut carried) = self.carried.remove(key) {
                carried.close().await;
                self.draining.push(carried.draining());
            }
        }
        if let Err(error) = self.hand_over().await {
            applied.rejected.extend(self.untold(plan, &error));
        }
        self.give_back().await;
        applied
    }

    async fn probe(&mut self) -> Health {
        if self.engine.shares.is_full() {
            return Health::Degraded(
                "as many TCP connections as the limit of open files allows are relayed; new ones wait. Raise \
                 LimitNOFILE= of the plugin"
                    .to_owned(),
            );
        }
        if self
            .tproxy
            .as_ref()
            .is_some_and(|tproxy| !tproxy.is_listening())
        {
            return Health::Down(
                "the listener of all Services has ended: restart the plugin".to_owned(),
            );
        }
        Health::Serving
    }

    async fn cleanup(&mut self) -> Result<(), DataplaneError> {
        for carried in self.carried.values_mut() {
            carried.close().await;
        }
        self.carried.clear();
        self.engine.addresses.store(Arc::default());
        if self.root {
            local_ranges::ensure(&[], &[]).await?;
        }
        if let Some(tproxy) = &mut self.tproxy {
            let removed = tproxy.remove().await;
            removed.map_err(|error| {
                refused("can't remove the tables of the listener of all", error)
            })?;
        }
        Ok(())
    }

    fn counters(&self) -> Vec<(&'static str, u64)> {
        self.engine.counters.read()
    }
}

fn refused(context: &str, error: NetlinkError) -> DataplaneError {
    DataplaneError {
        context: context.to_owned(),
        source: Some(io::Error::other(error)),
    }
}
