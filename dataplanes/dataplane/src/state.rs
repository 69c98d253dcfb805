//! What a node carries: frontends with their backends.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use portolan_model::view::{Reach, WhenEmpty};
use portolan_model::{Name, Protocol, Uid};

/// Everything a node should carry (desired), or does (observed). A frontend is in several of them and in plans at once, so
/// they share it.
pub type NodeState = BTreeMap<FrontendKey, Arc<Frontend>>;

/// What a dataplane matches.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FrontendKey {
    /// Virtual address, or one of the node's own for a node port.
    pub address: IpAddr,
    /// The port.
    pub port: u16,
    /// Transport.
    pub protocol: Protocol,
}

impl FrontendKey {
    /// None comes before it.
    pub(crate) const LEAST: Self = Self {
        address: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        port: 0,
        protocol: Protocol::Tcp,
    };

    /// Address and port.
    pub fn socket_addr(&self) -> SocketAddr {
        SocketAddr::new(self.address, self.port)
    }
}

impl fmt::Display for FrontendKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.socket_addr(), self.protocol)
    }
}

/// Where traffic for a Service arrives on this node, and where it goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frontend {
    /// The Service that it belongs to.
    pub service: ServiceRef,
    /// Whom the policy concerns.
    pub reach: Reach,
    /// For sources that the policy concerns.
    pub pool: Pool,
    /// For sources inside (the node itself, workload ranges), where they use another list: exactly for external reach
    /// with a Local policy.
    pub inside: Option<Box<Pool>>,
    /// Idle seconds for which a client keeps its backend; 0: none.
    pub affinity_seconds: u32,
    /// Clients that may use it; empty: all.
    pub source_ranges: Vec<ipnet::IpNet>,
}

impl Frontend {
    /// Every list that it has.
    pub fn pools(&self) -> impl Iterator<Item = &Pool> {
        [&self.pool].into_iter().chain(self.inside.as_deref())
    }

    /// Every list that it has, to be changed.
    pub fn pools_mut(&mut self) -> impl Iterator<Item = &mut Pool> {
        [&mut self.pool]
            .into_iter()
            .chain(self.inside.as_deref_mut())
    }
}

/// Backends to choose from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pool {
    /// In order of their uid, so that equal pools compare equal.
    pub backends: Vec<Backend>,
    /// What happens while there is none.
    pub when_empty: WhenEmpty,
}

/// An endpoint chosen for a frontend on this node.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Backend {
    /// The endpoint's identity: stays the same while it becomes ready, unready or changes its port.
    pub endpoint: Uid,
    /// Its machine.
    pub address: IpAddr,
    /// Where it listens there. Beside the address: a node has its cluster's backends in memory, and `SocketAddr` makes room
    /// for flow labels and scopes.
    pub port: u16,
    /// Share of new connections beside its equals; at least 1.
    pub weight: u32,
}

impl Backend {
    /// An endpoint, where it listens, and its weight.
    pub fn new(endpoint: Uid, at: SocketAddr, weight: u32) -> Self {
        Self {
            endpoint,
            address: at.ip(),
            port: at.port(),
            weight,
        }
    }

    /// Address and port.
    pub fn socket_addr(&self) -> SocketAddr {
        SocketAddr::new(self.address, self.port)
    }
}

/// The Service and the port that a frontend belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceRef {
    /// Its identity.
    pub uid: Uid,
    /// Its namespace.
    pub namespace: Name,
    /// Its name.
    pub name: Name,
    /// Name of the port; may be empty.
    pub port: String,
}

/// Services whose Local policy leaves this node silent: it has no usable endpoint, others do. By whom the policy concerns.
pub fn without_local(state: &NodeState, reach: Reach) -> usize {
    let silent = state.values().filter(|frontend| {
        let pool = &frontend.pool;
        frontend.reach == reach && pool.backends.is_empty() && pool.when_empty == WhenEmpty::Drop
    });
    let services: BTreeSet<_> = silent.map(|frontend| frontend.service.uid).collect();
    services.len()
}

impl fmt::Display for ServiceRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)?;
        if self.port.is_empty() {
            Ok(())
        } else {
            write!(f, ":{}", self.port)
        }
    }
}
