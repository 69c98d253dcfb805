//! The mechanism as the agent sees it.

use std::collections::BTreeSet;
use std::io;
use std::time::Duration;

use portolan_dataplane::{
    Applied, Capabilities, Dataplane, DataplaneError, Environment, Health, NodeState, Plan,
};
use portolan_model::{Family, Protocol};
use portolan_netlink::NetlinkError;
use tracing::{info, warn};

use crate::counters::Counters;
use crate::host::{HostError, check_kernel, ensure_way, remove_way, set_sysctls};
use crate::mark::MarkBit;
use crate::mirror::{Difference, Mirror, compare};
use crate::program::SetName;
use crate::ranges::{Ranges, ranges};
use crate::recover::{Recovered, recover};
use crate::render::ids;
use crate::scheduler::Schedulers;
use crate::servers::{Leave, Servers};
use crate::table::{FAMILIES, Found, Table};

/// What an operator may choose.
#[derive(Clone, Debug)]
pub struct Options {
    /// Who gets the next connection.
    pub schedulers: Schedulers,
    /// Workloads' addresses are replaced towards a `ClusterIP`, too: for networks in which answers do not come back by
    /// themselves.
    pub masquerade_all: bool,
    /// The bit of packets' marks that is ours.
    pub mark_bit: MarkBit,
    /// For how long connections to a backend that left may go on.
    pub drain_limit: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            schedulers: Schedulers::default(),
            masquerade_all: false,
            mark_bit: MarkBit::default(),
            drain_limit: Duration::from_hours(4),
        }
    }
}

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
    pub(crate) table: Table,
    pub(crate) servers: Servers,
    environment: Environment,
    pub(crate) mirror: Mirror,
    /// Ranges as the kernel has them, and as it should have them.
    ranges: Ranges,
    wanted: Ranges,
    /// What stands there; `None`: not looked at yet.
    found: Option<Found>,
    /// Sysctls, timeouts and routes are as they have to be.
    prepared: bool,
    /// Everything desired was programmed once, so what is left of the virtual ranges belongs to nobody.
    guarded: bool,
    /// A step went wrong in the middle: the next look compares everything.
    pub(crate) suspect: bool,
    pub(crate) counters: Counters,
}

impl IpvsDataplane {
    /// In the network namespace of this thread. Changes nothing yet.
    pub fn new(options: Options) -> Result<Self, DataplaneError> {
        let open = || {
            let table = Table::open(options.mark_bit)?;
            Ok((table, Servers::open(options.drain_limit)?))
        };
        let (table, servers) = open().map_err(|error| DataplaneError {
            context: "can't open a netlink socket (it needs CAP_NET_ADMIN)".to_owned(),
            source: Some(error),
        })?;
        let mut plane = Self {
            table,
            servers,
            environment: Environment::default(),
            mirror: Mirror::of(Recovered::default(), options.mark_bit, &[]),
            options,
            ranges: Ranges::new(),
            wanted: Ranges::new(),
            found: None,
            prepared: false,
            guarded: false,
            suspect: false,
            counters: Counters::default(),
        };
        plane.want_ranges();
        Ok(plane)
    }

    /// Whether there is what it needs; loads the kernel's module if it can.
    async fn check(&mut self) -> Result<(), Error> {
        check_kernel()?;
        match self.servers.probe().await {
            // ENOENT
            Err(error) if error.errno() == Some(2) => Err(Error::NoIpvs),
            probed => Ok(probed?),
        }
    }

    /// Takes over what a former process left, without writing anything if that is whole.
    async fn adopt(&mut self) -> Result<Found, Error> {
        if let Some(found) = self.found {
            return Ok(found);
        }
        self.check().await?;
        let found = self.table.look().await?;
        self.servers.adopt().await?;
        if found == Found::Ours {
            let entries = self.table.entries(&SetName::OF_SERVICES).await?;
            self.mirror = self.mirror_of(recover(&entries));
            let repair = compare(entries, self.mirror.entries());
            self.repaired(&repair);
            self.table.carry(&repair).await?;
            self.ranges = self.listed_ranges().await?;
            let guarded = |f| !self.ranges[&(f, SetName::ServiceCidrs)].is_empty();
            self.set_guarded(FAMILIES.into_iter().any(guarded));
        }
        self.adopt_servers().await?;
        info!(
            frontends = self.mirror.state().len(),
            "adopted what was programmed"
        );
        self.found = Some(found);
        Ok(found)
    }

    fn mirror_of(&self, recovered: Recovered) -> Mirror {
        Mirror::of(recovered, self.options.mark_bit, &self.environment.own)
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
            self.table.carry(&difference).await?;
        }
        self.ensure_program().await
    }

    /// Has IPVS as the tables say; what they don't know of drains.
    async fn adopt_servers(&mut self) -> Result<(), NetlinkError> {
        let served: Vec<_> = self.mirror.served().iter().map(|(k, m)| (*k, *m)).collect();
        let mut known = BTreeSet::new();
        for (key, mark) in served {
            known.extend(ids(key, (self.options.mark_bit, mark)));
            if let Err(error) = self.serve(key, Some(mark)).await {
                warn!(%key, %error, "what was programmed could not be completed");
            }
        }
        for id in self.servers.strays(&known) {
            self.servers.remove(id, Leave::Drain).await?;
        }
        Ok(())
    }

    fn repaired(&mut self, repair: &Difference) {
        let elements = repair.delete.len() + repair.add.len();
        self.counters.repairs += u64::try_from(elements).unwrap_or(u64::MAX);
    }

    async fn listed_ranges(&mut self) -> Result<Ranges, NetlinkError> {
        let mut listed = Ranges::new();
        for family in FAMILIES {
            for set in SetName::OF_ENVIRONMENT {
                listed.insert((family, set), Vec::new());
            }
        }
        for entry in self.table.entries(&SetName::OF_ENVIRONMENT).await? {
            let at = listed.entry((entry.family, entry.set)).or_default();
            at.push(entry.element);
        }
        Ok(listed)
    }

    /// The environment is another one, or the node is guarded now: a change of Services does not ask again.
    fn want_ranges(&mut self) {
        self.wanted = ranges(&self.environment, self.options.masquerade_all, self.guarded);
    }

    /// Has the node prepared and the program in the kernel, with the ranges of this node: all that decides who reaches a
    /// virtual server, before there is one.
    pub(crate) async fn ensure_program(&mut self) -> Result<(), Error> {
        let found = self.adopt().await?;
        if !self.prepared {
            set_sysctls()?;
            self.servers.set_timeouts().await?;
            ensure_way(self.options.mark_bit).await?;
            self.prepared = true;
        }
        if found != Found::Ours {
            // Whatever stands there instead is replaced by all that we know of in one transaction.
            let entries = self.mirror.entries();
            self.table.replace(&self.wanted, &entries).await?;
            self.found = Some(Found::Ours);
        } else if self.ranges != self.wanted {
            self.table.change_ranges(&self.ranges, &self.wanted).await?;
        } else {
            return Ok(());
        }
        self.ranges = self.wanted.clone();
        Ok(())
    }

    /// Compares the tables with what is committed, and puts them right.
    async fn audit_tables(&mut self) -> Result<(), Error> {
        self.suspect = false;
        let found = self.table.look().await?;
        let known = self.found.replace(found);
        if found != Found::Ours {
            if known == Some(Found::Ours) {
                warn!("our tables were changed or deleted by somebody else: loading them again");
                self.counters.reloads += 1;
            }
            return self.ensure_program().await;
        }
        let entries = self.table.entries(&SetName::OF_SERVICES).await?;
        let repair = compare(entries, self.mirror.entries());
        let (missing, strange) = (repair.add.len(), repair.delete.len());
        if missing + strange > 0 {
            warn!(
                missing,
                strange, "elements of our tables were changed by somebody else"
            );
        }
        self.repaired(&repair);
        self.table.carry(&repair).await?;
        self.ranges = self.listed_ranges().await?;
        if self.ranges != self.wanted {
            self.counters.repairs += 1;
        }
        self.ensure_program().await
    }

    /// Looks only if somebody committed something, whatever it was.
    pub(crate) async fn audit_if_disturbed(&mut self) -> Result<bool, Error> {
        let disturbed = self.suspect || self.table.is_disturbed().await?;
        if disturbed {
            self.audit_tables().await?;
        }
        Ok(disturbed)
    }

    /// Everything outside the tables is looked at each time: nothing numbers its changes.
    async fn audit(&mut self) -> Result<(), Error> {
        if !self.prepared {
            return Ok(());
        }
        self.counters.audits += 1;
        self.audit_if_disturbed().await?;
        set_sysctls()?;
        if ensure_way(self.options.mark_bit).await? {
            warn!("rules or routes of ours were deleted by somebody else: put back");
            self.counters.repairs += 1;
        }
        let repairs = self.servers.audit().await?;
        if repairs > 0 {
            warn!(
                repairs,
                "virtual servers were changed by somebody else: put right"
            );
        }
        self.look_after_drains().await?;
        Ok(())
    }

    fn set_guarded(&mut self, guarded: bool) {
        self.guarded = guarded;
        self.want_ranges();
    }

    /// From now on what is left of the virtual ranges is dropped.
    async fn guard(&mut self) {
        if self.guarded {
            return;
        }
        self.set_guarded(true);
        if let Err(error) = self.ensure_program().await {
            self.set_guarded(false);
            warn!(%error, "addresses of nobody are not dropped yet");
        }
    }
}

impl Dataplane for IpvsDataplane {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            kind: "ipvs",
            families: [Family::V4, Family::V6].into(),
            protocols: [Protocol::Tcp, Protocol::Udp, Protocol::Sctp].into(),
            affinity: true,
            source_ranges: true,
            drop: true,
            inside: true,
            preserves_source: true,
            guard: true,
            persistent: true,
        }
    }

    async fn configure(&mut self, environment: &Environment) -> Result<(), DataplaneError> {
        let before = std::mem::replace(&mut self.environment, environment.clone());
        self.want_ranges();
        let told = self.follow().await;
        if told.is_err() {
            self.environment = before;
            self.want_ranges();
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
        let remove = self.observe().await?.into_keys().collect();
        let remove = Plan {
            remove,
            ..Plan::default()
        };
        match self.apply(&remove).await.rejected.into_iter().next() {
            None => Ok(()),
            Some(rejected) => Err(DataplaneError {
                context: rejected.message,
                source: None,
            }),
        }
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
            self.table.remove().await?;
            remove_way().await?;
            Ok(())
        };
        let removed: Result<(), Error> = removed.await;
        removed.map_err(|error| failed(context, error))?;
        self.mirror = self.mirror_of(Recovered::default());
        self.found = Some(Found::Nothing);
        self.prepared = false;
        self.set_guarded(false);
        Ok(())
    }

    /// IPVS keeps a TCP connection that has ended for two minutes, and looks every minute whether it still knows of one.
    fn affinity_slack(&self) -> Duration {
        Duration::from_mins(3)
    }

    fn counters(&self) -> Vec<(&'static str, u64)> {
        let frontends = self.mirror.state().len();
        let draining = self.servers.draining();
        let listings = self.table.listings() + self.servers.listings();
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
