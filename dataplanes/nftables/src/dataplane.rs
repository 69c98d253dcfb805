//! The mechanism as the agent sees it.

use std::io;

use portolan_dataplane::{
    Applied, Capabilities, Dataplane, DataplaneError, Environment, Health, NodeState, Plan,
    remove_all,
};
use portolan_netlink::NetlinkError;
use portolan_nft::{FAMILIES, Found, compare, forget, ranges};
use tracing::info;

use crate::commit::Committed;
use crate::counters::Counters;
use crate::entry::Ranges;
use crate::kernel::Kernel;
use crate::mirror::Mirror;
use crate::pace::Pace;
use crate::program::SetName;
use crate::recover::recover;
use crate::render::check;

/// What an operator may choose.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Workloads' addresses are replaced towards a `ClusterIP`, too: for networks in which answers do not come back by
    /// themselves.
    pub masquerade_all: bool,
}

/// Programs the kernel's nftables in one network namespace. Used within a tokio runtime.
pub struct NftablesDataplane {
    pub(crate) kernel: Kernel,
    options: Options,
    pub(crate) environment: Environment,
    pub(crate) mirror: Mirror,
    /// The ranges as the kernel has them.
    pub(crate) ranges: Ranges,
    /// What stands there; `None`: not looked at yet.
    pub(crate) found: Option<Found>,
    /// Everything desired was programmed once, so what is left of the virtual ranges belongs to nobody.
    pub(crate) guarded: bool,
    /// A step went wrong in the middle: the next look compares everything.
    pub(crate) suspect: bool,
    pub(crate) counters: Counters,
    pub(crate) pace: Pace,
    /// What the agent remembers, until it was looked whether that is what stands.
    remembered: NodeState,
}

impl NftablesDataplane {
    /// In the network namespace of this thread. Changes nothing yet.
    pub fn new(options: Options) -> Result<Self, DataplaneError> {
        let kernel = Kernel::open().map_err(|error| {
            failed(
                "can't open a netlink socket (it needs CAP_NET_ADMIN)",
                error,
            )
        })?;
        Ok(Self {
            kernel,
            options,
            environment: Environment::default(),
            mirror: Mirror::default(),
            ranges: Ranges::new(),
            found: None,
            guarded: false,
            suspect: false,
            counters: Counters::default(),
            pace: Pace::default(),
            remembered: NodeState::new(),
        })
    }

    /// Takes over what a former process left, without writing anything if that is whole.
    pub(crate) async fn adopt(&mut self) -> Result<Found, NetlinkError> {
        if let Some(found) = self.found {
            return Ok(found);
        }
        let found = self.kernel.tables.look().await?;
        let remembered = std::mem::take(&mut self.remembered);
        if found == Found::Ours {
            let mirror = match self.proven(remembered).await? {
                Some(mirror) => mirror,
                None => self.read_back().await?,
            };
            self.ranges = self.kernel.tables.ranges().await?;
            self.guarded = FAMILIES
                .iter()
                .any(|f| !self.ranges[&(*f, SetName::ServiceCidrs)].is_empty());
            info!(
                frontends = mirror.state().len(),
                "adopted what was programmed"
            );
            self.mirror = mirror;
        }
        self.found = Some(found);
        Ok(found)
    }

    /// What is remembered, if the seal proves that exactly this stands.
    async fn proven(&mut self, remembered: NodeState) -> Result<Option<Mirror>, NetlinkError> {
        let Some(digest) = self.kernel.unbroken().await? else {
            return Ok(None);
        };
        let mut remembered = remembered;
        remembered.retain(|key, frontend| check(*key, frontend).is_ok());
        let mirror = Mirror::of(remembered);
        if mirror.digest(&self.environment.own) != digest {
            return Ok(None);
        }
        self.kernel.stands(digest);
        Ok(Some(mirror))
    }

    /// Lists everything, and puts right what is not whole.
    async fn read_back(&mut self) -> Result<Mirror, NetlinkError> {
        self.counters.read_backs += 1;
        let entries = self.kernel.of_services().await?;
        let mirror = Mirror::of(recover(&entries));
        let repair = compare(entries, mirror.entries(&self.environment.own));
        self.counters.repaired(&repair);
        self.kernel.carry(&repair).await?;
        Ok(mirror)
    }

    pub(crate) fn wanted_ranges(&self) -> Ranges {
        ranges(&self.environment, self.options.masquerade_all, self.guarded)
    }

    /// Has the program in the kernel, with the ranges of this node.
    pub(crate) async fn ensure_program(&mut self) -> Result<(), NetlinkError> {
        let wanted = self.wanted_ranges();
        if self.adopt().await? != Found::Ours {
            // Whatever stands there instead is replaced by all that we know of in one transaction.
            let entries = self.mirror.entries(&self.environment.own);
            self.kernel.replace(&wanted, &entries).await?;
            self.found = Some(Found::Ours);
        } else if self.ranges != wanted {
            let changed = self.kernel.change_ranges(&self.ranges, &wanted).await;
            // A change of Services does not look at ranges, so the next audit has to.
            self.suspect |= changed.is_err();
            changed?;
        }
        self.ranges = wanted;
        Ok(())
    }

    /// Has the kernel know where this node is now.
    async fn follow(&mut self, before: &Environment) -> Result<(), NetlinkError> {
        let known = self.found;
        let found = self.adopt().await?;
        if known == Some(Found::Ours) {
            self.follow_own_addresses(&before.own).await?;
        }
        // What stands there instead of the program forwards until it is replaced together with its data.
        if found == Found::Other {
            return Ok(());
        }
        self.ensure_program().await
    }
}

impl Dataplane for NftablesDataplane {
    fn capabilities(&self) -> Capabilities {
        Capabilities::everything("nftables")
    }

    fn recall(&mut self, remembered: NodeState) {
        self.remembered = remembered;
    }

    async fn configure(&mut self, environment: &Environment) -> Result<(), DataplaneError> {
        let before = std::mem::replace(&mut self.environment, environment.clone());
        let told = self.follow(&before).await;
        if told.is_err() {
            self.environment = before;
        }
        told.map_err(|error| refused("can't tell the kernel where this node is", error))
    }

    async fn observe(&mut self) -> Result<NodeState, DataplaneError> {
        let context = "can't read what is programmed";
        self.adopt()
            .await
            .map_err(|error| refused(context, error))?;
        self.audit_at_pace()
            .await
            .map_err(|error| refused(context, error))?;
        Ok(self.mirror.state().clone())
    }

    async fn apply(&mut self, plan: &Plan) -> Applied {
        let Committed { rejected, stale } = self.carry_out(plan).await;
        if rejected.is_empty() {
            self.guard().await;
        }
        self.counters.stale += forget(self.kernel.socket(), &stale).await;
        Applied { rejected }
    }

    async fn probe(&mut self) -> Health {
        // Where there are no Services, no plan ever says that everything is programmed.
        if self.found.is_some() {
            self.guard().await;
        }
        match self.kernel.tables.transactions.is_disturbed().await {
            Ok(_) => Health::Serving,
            Err(error) => Health::Down(format!("nftables does not answer: {error}")),
        }
    }

    /// The tables stay, empty: without them the kernel would translate established connections no longer.
    async fn drain(&mut self) -> Result<(), DataplaneError> {
        let unguarded = Environment {
            service_cidrs: Vec::new(),
            ..self.environment.clone()
        };
        self.configure(&unguarded).await?;
        remove_all(self).await
    }

    async fn cleanup(&mut self) -> Result<(), DataplaneError> {
        let removed = self.kernel.remove().await;
        removed.map_err(|error| refused("can't remove our tables", error))?;
        self.mirror = Mirror::default();
        self.found = Some(Found::Nothing);
        self.guarded = false;
        Ok(())
    }

    fn counters(&self) -> Vec<(&'static str, u64)> {
        self.counters.read(self.mirror.state().len())
    }
}

fn failed(context: &str, source: io::Error) -> DataplaneError {
    DataplaneError {
        context: context.to_owned(),
        source: Some(source),
    }
}

fn refused(context: &str, error: NetlinkError) -> DataplaneError {
    failed(context, io::Error::other(error))
}
