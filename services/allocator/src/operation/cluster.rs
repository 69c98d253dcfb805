//! What can be asked of a cluster.

use ipnet::IpNet;
use portolan_model::{ClusterSpec, Name};

use super::{Preconditions, Update};

/// What is asked of a cluster.
#[derive(Clone, Debug)]
pub enum ClusterAction {
    /// First start: create it, unless it is there.
    Bootstrap(NewCluster),
    /// Create another one, in a log that has none.
    Create(NewCluster),
    /// Change its settings.
    Update(Update<ClusterSpec>),
    /// Delete it, and with it every object that is left.
    Delete {
        /// With the Services, workloads and nodes in it.
        force: bool,
        /// Conditions.
        preconditions: Preconditions,
    },
}

/// A cluster that begins with a range and the namespace `default`.
#[derive(Clone, Debug)]
pub struct NewCluster {
    /// Its name.
    pub name: Name,
    /// Its settings.
    pub spec: ClusterSpec,
    /// Ranges for virtual addresses.
    pub cidrs: Vec<IpNet>,
}
