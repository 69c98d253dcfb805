//! IPVS's side: virtual servers and their real ones, as they are programmed, and what leads to others.
//!
//! The kernel can't do several changes at once, so each step leaves something that works: real servers come before others go,
//! and those that go get no new connections first.

mod audit;
mod drains;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use portolan_netlink::NetlinkError;
use portolan_netlink::ipvs::{Ipvs, RealServer, ServerId, Timeouts};
use tokio::time::Instant;

use crate::counters::ServerCounters;
use crate::render::{Group, OURS};
pub(crate) use drains::Leave;

/// `ENOENT`, `ESRCH`, `EEXIST`.
const NO_REAL: i32 = 2;
const NO_VIRTUAL: i32 = 3;
const EXISTS: i32 = 17;

/// Established TCP connections may be idle for a day, as kube-proxy has it for conntrack: IPVS's own 15 minutes end
/// connections that neither end has given up.
const IDLE_TCP: u32 = 86_400;

/// A listing may pass over virtual servers while those of other network namespaces come and go; several hardly do.
const LISTINGS: usize = 3;

/// What became of a change.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ServerError {
    /// There is a virtual server of somebody else's.
    #[error(
        "another program has a virtual server for {0}; remove it (ipvsadm -Ln shows it, ipvsadm -D deletes it)"
    )]
    Taken(ServerId),
    /// The module of the scheduler is missing.
    #[error(
        "this kernel has no scheduler {0}: load its module (modprobe ip_vs_{0}), or choose another one with --scheduler"
    )]
    Scheduler(String),
    /// Anything else.
    #[error(transparent)]
    Kernel(#[from] NetlinkError),
}

/// The virtual servers of ours in one network namespace.
pub(crate) struct Servers {
    ipvs: Ipvs,
    programmed: BTreeMap<ServerId, Group>,
    /// Real servers of weight 0, and since when.
    draining: BTreeMap<(ServerId, SocketAddr), Instant>,
    looked: Option<Instant>,
    limit: Duration,
    /// Where the next audit goes on.
    audited: Option<ServerId>,
    pub(crate) counters: ServerCounters,
}

impl Servers {
    pub(crate) fn open(limit: Duration) -> std::io::Result<Self> {
        Ok(Self {
            ipvs: Ipvs::open()?,
            programmed: BTreeMap::new(),
            draining: BTreeMap::new(),
            looked: None,
            limit,
            audited: None,
            counters: ServerCounters::default(),
        })
    }

    /// Has the kernel load IPVS: `ENOENT` if it has none.
    pub(crate) async fn probe(&mut self) -> Result<(), NetlinkError> {
        self.ipvs.version().await.map(drop)
    }

    /// Sets the timeouts, unless they are.
    pub(crate) async fn set_timeouts(&mut self) -> Result<(), NetlinkError> {
        let now = self.ipvs.timeouts().await?;
        let wanted = Timeouts {
            tcp: IDLE_TCP,
            ..now
        };
        if now != wanted {
            self.ipvs.set_timeouts(wanted).await?;
        }
        Ok(())
    }

    pub(crate) fn is_programmed(&self, id: ServerId) -> bool {
        self.programmed.contains_key(&id)
    }

    /// How often the kernel was asked for virtual or real servers.
    pub(crate) fn listings(&self) -> u64 {
        self.ipvs.listings()
    }

    /// Has exactly this group balance; what it had before and has not now leaves.
    pub(crate) async fn put(&mut self, wanted: &Group, leave: Leave) -> Result<(), ServerError> {
        match self.try_put(wanted, leave).await {
            // Somebody deleted what was programmed: all of it is written again.
            Err(ServerError::Kernel(error)) if error.errno() == Some(NO_VIRTUAL) => {
                self.forget(wanted.server.id);
                self.try_put(wanted, leave).await
            }
            done => done,
        }
    }

    async fn try_put(&mut self, wanted: &Group, leave: Leave) -> Result<(), ServerError> {
        let id = wanted.server.id;
        self.put_virtual(wanted).await?;
        let Some(held) = self.programmed.get(&id) else {
            return Ok(());
        };
        let gone = held
            .reals
            .keys()
            .filter(|at| !wanted.reals.contains_key(at));
        let gone: Vec<_> = gone.copied().collect();
        for (address, weight) in &wanted.reals {
            self.put_real(id, *address, *weight).await?;
        }
        for address in gone {
            self.leave(id, address, leave).await?;
        }
        Ok(())
    }

    async fn put_virtual(&mut self, wanted: &Group) -> Result<(), ServerError> {
        let server = &wanted.server;
        let held = self.programmed.get(&server.id);
        if held.is_some_and(|held| held.server == *server) {
            return Ok(());
        }
        let known = held.is_some();
        self.counters.writes += 1;
        let written = if known {
            self.ipvs.set(server).await
        } else {
            self.ipvs.add(server).await
        };
        match written {
            Ok(()) => {}
            Err(error) if error.errno() == Some(NO_REAL) => {
                return Err(ServerError::Scheduler(server.scheduler.clone()));
            }
            Err(error) if error.errno() == Some(EXISTS) => {
                return Box::pin(self.take_over(wanted)).await;
            }
            Err(error) => return Err(error.into()),
        }
        let group = self.programmed.entry(server.id).or_insert_with(|| Group {
            server: server.clone(),
            reals: BTreeMap::new(),
        });
        group.server = server.clone();
        Ok(())
    }

    /// There is one that we did not know of: ours if it says so.
    async fn take_over(&mut self, wanted: &Group) -> Result<(), ServerError> {
        let id = wanted.server.id;
        let mut ours = None;
        for _ in 0..LISTINGS {
            let mut servers = self.ipvs.servers().await?.into_iter();
            ours = ours.or_else(|| servers.find(|found| found.id == id && found.flags & OURS != 0));
        }
        let Some(server) = ours else {
            return Err(ServerError::Taken(id));
        };
        let reals = self.listed(id).await?;
        self.programmed.insert(id, Group { server, reals });
        self.put_virtual(wanted).await
    }

    async fn put_real(
        &mut self,
        id: ServerId,
        address: SocketAddr,
        weight: u32,
    ) -> Result<(), NetlinkError> {
        let held = self.held(id, address);
        if held == Some(weight) {
            return Ok(());
        }
        let real = RealServer { address, weight };
        self.counters.writes += 1;
        let written = match held {
            Some(_) => self.ipvs.set_real(id, real).await,
            None => self.ipvs.add_real(id, real).await,
        };
        match written.as_ref().map_err(NetlinkError::errno) {
            // Somebody else deleted or added it.
            Err(Some(NO_REAL)) => self.ipvs.add_real(id, real).await?,
            Err(Some(EXISTS)) => self.ipvs.set_real(id, real).await?,
            _ => written?,
        }
        self.draining.remove(&(id, address));
        if let Some(group) = self.programmed.get_mut(&id) {
            group.reals.insert(address, weight);
        }
        Ok(())
    }

    fn held(&self, id: ServerId, address: SocketAddr) -> Option<u32> {
        self.programmed.get(&id)?.reals.get(&address).copied()
    }

    async fn delete_real(&mut self, id: ServerId, address: SocketAddr) -> Result<(), NetlinkError> {
        self.counters.writes += 1;
        match self.ipvs.delete_real(id, address).await {
            Err(error) if [Some(NO_REAL), Some(NO_VIRTUAL)].contains(&error.errno()) => {}
            deleted => deleted?,
        }
        self.draining.remove(&(id, address));
        if let Some(group) = self.programmed.get_mut(&id) {
            group.reals.remove(&address);
        }
        Ok(())
    }

    async fn delete(&mut self, id: ServerId) -> Result<(), NetlinkError> {
        self.counters.writes += 1;
        match self.ipvs.delete(id).await {
            Err(error) if error.errno() == Some(NO_VIRTUAL) => {}
            deleted => deleted?,
        }
        self.forget(id);
        Ok(())
    }

    fn forget(&mut self, id: ServerId) {
        self.programmed.remove(&id);
        self.draining.retain(|(of, _), _| *of != id);
    }

    /// Deletes every virtual server of ours.
    pub(crate) async fn remove_all(&mut self) -> Result<(), NetlinkError> {
        for _ in 0..LISTINGS {
            for server in self.ipvs.servers().await? {
                if server.flags & OURS != 0 {
                    self.delete(server.id).await?;
                }
            }
        }
        self.programmed.clear();
        self.draining.clear();
        Ok(())
    }

    async fn listed(&mut self, id: ServerId) -> Result<BTreeMap<SocketAddr, u32>, NetlinkError> {
        let listed = self.ipvs.real_servers(id).await?;
        let reals = listed.into_iter().map(|real| real.server);
        Ok(reals.map(|real| (real.address, real.weight)).collect())
    }
}
