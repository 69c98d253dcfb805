//! What a Service chooses from.

use serde::{Deserialize, Serialize};

/// How a Service is reached.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum ServiceType {
    /// A virtual address inside the cluster.
    #[default]
    ClusterIP,
    /// A virtual address, and a port on every node.
    NodePort,
    /// Both, and an address for traffic from outside.
    LoadBalancer,
    /// An alias in DNS.
    ExternalName,
}

impl ServiceType {
    /// The word users know.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ClusterIP => "ClusterIP",
            Self::NodePort => "NodePort",
            Self::LoadBalancer => "LoadBalancer",
            Self::ExternalName => "ExternalName",
        }
    }
}

/// Which endpoints traffic may go to.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum TrafficPolicy {
    /// All of them.
    #[default]
    Cluster,
    /// Those on the node that received the traffic.
    Local,
}

/// Whether a Service has addresses of one family or of two.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FamilyPolicy {
    /// One family.
    SingleStack,
    /// Two where the cluster has two.
    PreferDualStack,
    /// Two, or refuse.
    RequireDualStack,
}

/// Whether a client keeps its backend.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum SessionAffinity {
    /// Every connection is balanced anew.
    #[default]
    None,
    /// Connections of one client address go to one backend.
    ClientIP,
}

impl SessionAffinity {
    /// Whether there is none.
    pub fn is_none(&self) -> bool {
        *self == Self::None
    }
}

/// A wish for near endpoints (KEP-3015). A hint, not a guarantee.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TrafficDistribution {
    /// Endpoints in the client's zone.
    PreferSameZone,
    /// Endpoints on the client's node, else in its zone.
    PreferSameNode,
}
