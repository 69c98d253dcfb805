//! Which virtual addresses are the node's own meanwhile, so that sockets hear what is sent to them.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::{Arc, Weak};

use portolan_dataplane::{DataplaneError, FrontendKey, Plan};
use portolan_model::Protocol;

use crate::{UserspaceDataplane, local_ranges};

impl UserspaceDataplane {
    /// Makes addresses local that are not within the ranges of virtual ones, such as load balancers', for as long as a
    /// frontend is there.
    pub(crate) async fn take_over(&self, plan: &Plan) {
        let mut addresses = (**self.engine.addresses.load()).clone();
        let wanted: BTreeSet<_> = plan.put.iter().map(|(key, _)| key.address).collect();
        let foreign = wanted.into_iter().filter(|address| {
            !self.engine.is_virtual(*address) && !local_ranges::is_local(*address)
        });
        addresses.extend(foreign);
        self.keep_local(addresses).await;
    }

    /// Gives back addresses that nothing leads to any more, neither a frontend nor a connection that runs on.
    pub(crate) async fn give_back(&mut self) {
        self.draining.retain(|route| route.strong_count() > 0);
        let draining = self.draining.iter().filter_map(Weak::upgrade);
        let draining: BTreeSet<_> = draining.map(|route| route.key.address).collect();
        let mut addresses = (**self.engine.addresses.load()).clone();
        addresses.retain(|address| self.is_carried(*address) || draining.contains(address));
        self.keep_local(addresses).await;
    }

    fn is_carried(&self, address: IpAddr) -> bool {
        let lowest = FrontendKey {
            address,
            port: 0,
            protocol: Protocol::Tcp,
        };
        let mut from = self.carried.range(lowest..);
        from.next().is_some_and(|(key, _)| key.address == address)
    }

    /// Has the kernel take what has to be local for such, whatever somebody else did.
    pub(crate) async fn ensure_local(&self) -> Result<(), DataplaneError> {
        let environment = self.engine.environment.load_full();
        local_ranges::ensure(&self.engine.local_ranges(), &environment.own).await
    }

    /// A failure shows where it matters: in frontends that can't be bound.
    async fn keep_local(&self, addresses: BTreeSet<IpAddr>) {
        if !self.root || **self.engine.addresses.load() == addresses {
            return;
        }
        self.engine.addresses.store(Arc::new(addresses));
        if let Err(error) = self.ensure_local().await {
            tracing::warn!(%error, cause = ?error.source, "can't make load balancers' addresses local");
        }
    }
}
