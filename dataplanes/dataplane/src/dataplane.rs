//! The mechanism.

use std::future::Future;
use std::net::IpAddr;
use std::time::Duration;

use ipnet::IpNet;

use crate::{Capabilities, FrontendKey, NodeState, Plan};

/// Programs one node. The agent calls one method at a time.
pub trait Dataplane: Send + 'static {
    /// What it can do; stays the same.
    fn capabilities(&self) -> Capabilities;

    /// What the agent remembers to be programmed, from before it was restarted; before everything else. It may be wrong or
    /// never come, so a dataplane takes it for nothing but a guess: where it can prove that exactly this is programmed, it
    /// need not read everything back.
    fn recall(&mut self, remembered: NodeState) {
        drop(remembered);
    }

    /// Tells it where it runs: before the first [`Self::apply`], and whenever that changes. Doing it twice changes
    /// nothing. An error leaves it usable: what can't work without is rejected by `apply`; the agent tries again, and
    /// until then reports every Service as rejected.
    fn configure(
        &mut self,
        environment: &Environment,
    ) -> impl Future<Output = Result<(), DataplaneError>> + Send;

    /// What is programmed and ours, in the shape of what is desired. After a restart this is what was adopted.
    fn observe(&mut self) -> impl Future<Output = Result<NodeState, DataplaneError>> + Send;

    /// Carries out a plan: everything in `put` first, then `remove`. Doing it twice changes nothing, removing what is
    /// not there is fine. The first plan may be empty: then everything is programmed already. One frontend that fails neither stops the others nor loses its last good version.
    /// Established connections to a backend that left a pool live on until they end.
    fn apply(&mut self, plan: &Plan) -> impl Future<Output = Applied> + Send;

    /// Whether the mechanism works.
    fn probe(&mut self) -> impl Future<Output = Health> + Send;

    /// Lets go of new connections, for another dataplane that carries them already: removes every frontend and what guards
    /// virtual addresses, while established connections live on. [`Self::cleanup`] follows when they had their time.
    fn drain(&mut self) -> impl Future<Output = Result<(), DataplaneError>> + Send {
        remove_all(self)
    }

    /// Removes all that is ours, and nothing else.
    fn cleanup(&mut self) -> impl Future<Output = Result<(), DataplaneError>> + Send;

    /// For how long, at most, a client is still known beyond the timeout of its affinity: not every mechanism forgets a
    /// connection that has ended at once, and the timeout begins when it does.
    fn affinity_slack(&self) -> Duration {
        Duration::ZERO
    }

    /// Figures of the mechanism for the agent's metrics. Names are snake case; those that end in `_total` only grow
    /// while the process lives, the others go up and down.
    fn counters(&self) -> Vec<(&'static str, u64)> {
        Vec::new()
    }
}

/// Removes every frontend that a dataplane has; one that stays is an error.
pub async fn remove_all<D: Dataplane + ?Sized>(dataplane: &mut D) -> Result<(), DataplaneError> {
    let remove = dataplane.observe().await?.into_keys().collect();
    let remove = Plan {
        remove,
        ..Plan::default()
    };
    match dataplane.apply(&remove).await.rejected.into_iter().next() {
        None => Ok(()),
        Some(rejected) => Err(DataplaneError {
            context: rejected.message,
            source: None,
        }),
    }
}

/// Where a dataplane runs: what it needs to know about node and cluster beside frontends.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Environment {
    /// The node's own addresses; traffic from them is inside.
    pub own: Vec<IpAddr>,
    /// Ranges whose traffic is inside.
    pub workload_ranges: Vec<IpNet>,
    /// Ranges of virtual addresses.
    pub service_cidrs: Vec<IpNet>,
}

impl Environment {
    /// Whether a source is inside: the node itself or a workload. A virtual address as source is the node itself, too:
    /// Linux gives a packet to a local address that very address as its source, unless the route prefers another.
    pub fn is_inside(&self, source: IpAddr) -> bool {
        let source = source.to_canonical();
        let mut ranges = self.workload_ranges.iter().chain(&self.service_cidrs);
        source.is_loopback()
            || self.own.contains(&source)
            || ranges.any(|range| range.contains(&source))
    }
}

/// Outcome of [`Dataplane::apply`]: everything was done but this.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Applied {
    /// What could not be done.
    pub rejected: Vec<Rejected>,
}

/// A frontend that could not be programmed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejected {
    /// The frontend.
    pub key: FrontendKey,
    /// A stable word.
    pub code: RejectionCode,
    /// Why, and how to put it right.
    pub message: String,
}

/// Why a frontend could not be programmed.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum RejectionCode {
    /// The dataplane can't do this at all.
    UnsupportedFeature,
    /// The object makes no sense to the dataplane.
    InvalidObject,
    /// A limit of the node is reached.
    LimitExceeded,
    /// Another program listens there.
    PortInUse,
    /// The plugin lacks a privilege, for example for a port below 1024.
    PermissionDenied,
    /// The node has no such address family or address.
    FamilyUnavailable,
    /// Anything else.
    Internal,
}

impl RejectionCode {
    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::UnsupportedFeature => "UNSUPPORTED_FEATURE",
            Self::InvalidObject => "INVALID_OBJECT",
            Self::LimitExceeded => "LIMIT_EXCEEDED",
            Self::PortInUse => "PORT_IN_USE",
            Self::PermissionDenied => "PERMISSION_DENIED",
            Self::FamilyUnavailable => "FAMILY_UNAVAILABLE",
            Self::Internal => "INTERNAL",
        }
    }
}

/// Health of a mechanism as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Health {
    /// It works.
    Serving,
    /// It works in part; why.
    Degraded(String),
    /// It does not; why.
    Down(String),
}

/// The mechanism itself failed; trying again later may help.
#[derive(Debug, thiserror::Error)]
#[error("{context}")]
pub struct DataplaneError {
    /// What was attempted.
    pub context: String,
    /// The system's error.
    #[source]
    pub source: Option<std::io::Error>,
}
