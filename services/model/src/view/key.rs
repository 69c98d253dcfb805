//! How views are named.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::Uid;

/// What a view is; the number is what the wire and the digest carry.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[repr(u8)]
pub enum ViewKind {
    /// [`super::ClusterView`]
    Cluster = 1,
    /// [`super::NodeView`]
    Node = 2,
    /// [`super::ServiceView`]
    Service = 3,
    /// [`super::EndpointView`]
    Endpoint = 4,
    /// [`super::WorkloadView`]
    Workload = 5,
}

impl ViewKind {
    /// The word for people and rows.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Cluster => "Cluster",
            Self::Node => "Node",
            Self::Service => "Service",
            Self::Endpoint => "Endpoint",
            Self::Workload => "Workload",
        }
    }
}

impl fmt::Display for ViewKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Names a view on the node stream.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ViewKey {
    /// What it is.
    pub kind: ViewKind,
    /// Whose.
    pub uid: Uid,
}

impl ViewKey {
    /// From its parts.
    pub fn new(kind: ViewKind, uid: Uid) -> Self {
        Self { kind, uid }
    }
}
