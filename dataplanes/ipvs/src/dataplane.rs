//! The mechanism as the agent sees it.

use std::io;
use std::time::Duration;

use portolan_dataplane::{
    Applied, Capabilities, Dataplane, DataplaneError, Environment, Health, NodeState, Plan,
    remove_all,
};
use portolan_netlink::NetlinkError;
use portolan_nft::{Found, Tables, change_of_ranges, ranges};
use tracing::warn;

use crate::counters::Counters;
use crate::entry::Ranges;
use crate::host::{HostError, check_kernel, ensure_way, remove_way, set_sysctls};
use crate::mirror::Mirror;
use crate::options::Options;
use crate::program::{SetName, program};
use crate::recover::Recovered;
use crate::servers::Servers;

/// Why something could not be done at all.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error(
        "this kernel has no IPVS: load its module (modprobe ip_vs), or run the nftables dataplane here"
    )]
    NoIpvs,
    #[error(transparent)]
    Host(#[from] HostError),
    #[error(transparent)]
    Kernel(#[from] NetlinkError),
}

/// Programs the kernel's IPVS and nftables in one network namespace. Used within a tokio runtime whose threads are all in
/// that namespace: sysctls and routes are those of the thread that runs it.
pub struct IpvsDataplane {
    pub(crate) options: Options,
    pub(crate) tables: Tables<SetName>,
    pub(crate) servers: Servers,
    pub(crate) environment: Environment,
    pub(crate) mirror: Mirror,
    /// The ranges as the kernel has them.
    pub(crate) ranges: Ranges,
    /// What stands there; `None`: not looked at yet.
    pub(crate) found: Option<Found>,
    /// Sysctls, timeouts and routes are as they have to be.
    pub(crate) prepared: bool,
    /// Everything desired was programmed once, so what is left of the virtual ranges belongs to nobody.
    pub(crate) guarded: bool,
    /// A step went wrong in the middle: the next look compares everything.
    pub(crate) suspect: bool,
    pub(crate) counters: Counters,
}

impl IpvsDataplane {
    /// In the network namespace of this thread. Changes nothing yet.
    pub fn new(options: Options) -> Result<Self, DataplaneError> {
        let mark = options.mark_bit;
        let open = || {
            let tables = Tables::open(move |family| program(family, mark))?;
            Ok((tables, Servers::open(options.drain_limit)?))
        };
        let (tables, servers) = open().map_err(|error| DataplaneError {
            context: "can't open a netlink socket (it needs CAP_NET_ADMIN)".to_owned(),
            source: Some(error),
        })?;
        Ok(Self {
            tables,
            servers,
            environment: Environment::default(),
            mirror: Mirror::of(Recovered::default(), mark, &[]),
            options,
            ranges: Ranges::new(),
            found: None,
            prepared: false,
            guarded: false,
            suspect: false,
            counters: Counters::default(),
        })
    }

    /// Whether there is what it needs; loads the kernel's module if it can.
    pub(crate) async fn check(&mut self) -> Result<(), Error> {
        check_kernel()?;
        match self.servers.probe().await {
            // ENOENT
            Err(error) if error.errno() == Some(2) => Err(Error::NoIpvs),
            probed => Ok(probed?),
        }
    }

    /// Has the kernel know where this node is now.
    async fn follow(&mut self) -> Result<(), Error> {
        let found = self.adopt().await?;
        let difference = self.mirror.follow(&self.environment.own);
        // What stands there instead of the program forwards until it is replaced together with its data.
        if found == Found::Other {
            return Ok(());
        }
        if found == Found::Ours {
            self.tables.carry(&difference).await?;
        }
        self.ensure_program().await
    }

    /// Ranges as it should have them.
    pub(crate) fn wanted_ranges(&self) -> Ranges {
        ranges(&self.environment, self.options.masquerade_all, self.guarded)
    }

    /// Has the node prepared and the program in the kernel, with the ranges of this node: all that decides who reaches a
    /// virtual server, before there is one.
    pub(crate) async fn ensure_program(&mut self) -> Result<(), Error> {
        let found = self.adopt().await?;
        let wanted = self.wanted_ranges();
        if !self.prepared {
            set_sysctls()?;
            self.servers.set_timeouts().await?;
            ensure_way(self.options.mark_bit).await?;
            self.prepared = true;
        }
        if found != Found::Ours {
            // Whatever stands there instead is replaced by all that we know of in one transaction.
            let entries = self.mirror.entries();
            let batch = self.tables.replacement(&wanted, &entries).await?;
            self.tables.transactions.commit(batch).await?;
            self.found = Some(Found::Ours);
        } else if self.ranges != wanted {
            let batch = change_of_ranges(&self.ranges, &wanted);
            let changed = self.tables.transactions.commit(batch).await;
            // A change of Services does not look at ranges, so the next audit has to.
            self.suspect |= changed.is_err();
            changed?;
        }
        self.ranges = wanted;
        Ok(())
    }

    /// From now on what is left of the virtual ranges is dropped.
    async fn guard(&mut self) {
        if self.guarded {
            return;
        }
        self.guarded = true;
        if let Err(error) = self.ensure_program().await {
            self.guarded = false;
            warn!(%error, "addresses of nobody are not dropped yet");
        }
    }
}

impl Dataplane for IpvsDataplane {
    fn capabilities(&self) -> Capabilities {
        Capabilities::everything("ipvs")
    }

    async fn configure(&mut self, environment: &Environment) -> Result<(), DataplaneError> {
        let before = std::mem::replace(&mut self.environment, environment.clone());
        let told = self.follow().await;
        if told.is_err() {
            self.environment = before;
            self.mirror.follow(&self.environment.own);
            self.suspect = true;
        }
        told.map_err(|error| failed("can't tell the kernel where this node is", error))
    }

    async fn observe(&mut self) -> Result<NodeState, DataplaneError> {
        let context = "can't read what is programmed";
        self.adopt().await.map_err(|error| failed(context, error))?;
        self.audit().await.map_err(|error| failed(context, error))?;
        Ok(self.mirror.state().clone())
    }

    async fn apply(&mut self, plan: &Plan) -> Applied {
        let rejected = self.carry_out(plan).await;
        if rejected.is_empty() {
            self.guard().await;
        }
        if let Err(error) = self.look_after_drains().await {
            warn!(%error, "connections to backends that left could not be counted");
        }
        Applied { rejected }
    }

    async fn probe(&mut self) -> Health {
        // Where there are no Services, no plan ever says that everything is programmed.
        if self.found.is_some() {
            self.guard().await;
        }
        match self.check().await {
            Ok(()) => Health::Serving,
            Err(error) => Health::Down(error.to_string()),
        }
    }

    /// The tables stay, so that established connections are sent to IPVS as before.
    async fn drain(&mut self) -> Result<(), DataplaneError> {
        let unguarded = Environment {
            service_cidrs: Vec::new(),
            ..self.environment.clone()
        };
        self.configure(&unguarded).await?;
        remove_all(self).await
    }

    async fn cleanup(&mut self) -> Result<(), DataplaneError> {
        let context = "can't remove what is ours";
        let removed = async {
            // Where there is no IPVS, there is nothing of it to remove.
            match self.check().await {
                Ok(()) => self.servers.remove_all().await?,
                Err(Error::NoIpvs) => {}
                Err(error) => return Err(error),
            }
            let batch = self.tables.removal().await?;
            self.tables.transactions.commit(batch).await?;
            remove_way().await?;
            Ok(())
        };
        let removed: Result<(), Error> = removed.await;
        removed.map_err(|error| failed(context, error))?;
        self.mirror = self.mirror_of(Recovered::default());
        self.found = Some(Found::Nothing);
        self.prepared = false;
        self.guarded = false;
        Ok(())
    }

    /// IPVS keeps a TCP connection that has ended for two minutes, and looks every minute whether it still knows of one.
    fn affinity_slack(&self) -> Duration {
        Duration::from_mins(3)
    }

    fn counters(&self) -> Vec<(&'static str, u64)> {
        let frontends = self.mirror.state().len();
        let draining = self.servers.draining();
        let listings = self.tables.transactions.listings() + self.servers.listings();
        self.counters
            .read(&self.servers.counters, listings, frontends, draining)
    }
}

fn failed(context: &str, error: Error) -> DataplaneError {
    DataplaneError {
        context: context.to_owned(),
        source: Some(io::Error::other(error)),
    }
}
