//! Claims: what may be asked for, what is picked, what is given up, and when that is free again.
//!
//! A [`Pool`] says where addresses or node ports come from and what refusals call them; what is done with them is the
//! same for all pools.

mod address;
mod pool;
mod port;
mod quarantine;

use std::net::IpAddr;
use std::time::Duration;

use portolan_model::{Claimed, Family, State};

pub(super) use address::AddressPool;
pub(super) use pool::{Pool, assign, claim};
pub(super) use port::PortPool;
pub use quarantine::{QUARANTINE_CAP, QUARANTINE_CAP_FULL};
pub(super) use quarantine::{free, release};

/// How long what is released may wait at most, by how full its pool is.
pub(crate) struct Caps {
    v4: Duration,
    v6: Duration,
    ports: Duration,
}

impl Caps {
    pub(crate) fn of(state: &State) -> Self {
        let addresses = |family| AddressPool::of(state, family).cap(state);
        let cluster = state.cluster();
        Self {
            v4: addresses(Family::V4),
            v6: addresses(Family::V6),
            ports: cluster.map_or(QUARANTINE_CAP, |cluster| {
                PortPool(cluster.spec.node_ports).cap(state)
            }),
        }
    }

    pub(crate) fn for_claimed(&self, claimed: Claimed) -> Duration {
        match claimed {
            Claimed::Address(IpAddr::V4(_)) => self.v4,
            Claimed::Address(IpAddr::V6(_)) => self.v6,
            Claimed::Port(_) => self.ports,
        }
    }
}
