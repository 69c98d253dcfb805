//! What can be asked of nodes, and what they report.

use portolan_model::{Name, NodeSpec, Uid};

use super::{Delete, Put};

/// What is asked of a node, or by it.
#[derive(Clone, Debug)]
pub enum NodeAction {
    /// Create or change it.
    Put {
        /// Its name.
        name: Name,
        /// What it shall be.
        put: Put<NodeSpec>,
    },
    /// Register it by its first Hello; a known one stays as it is.
    Register {
        /// Its name.
        name: Name,
        /// How it describes itself.
        spec: NodeSpec,
    },
    /// What it found out about its workloads.
    ReportReadiness(ReadinessReport),
    /// Remove it.
    Delete {
        /// Its name.
        name: Name,
        /// Conditions.
        delete: Delete,
    },
}

/// What a node found out about its workloads.
#[derive(Clone, Debug)]
pub struct ReadinessReport {
    /// The node.
    pub node: Name,
    /// Its identity: a node that was created again is another.
    pub node_uid: Uid,
    /// The session of its stream.
    pub session: u64,
    /// The report within the session.
    pub seq: u64,
    /// The first report of a session is full.
    pub full: bool,
    /// The results.
    pub items: Vec<ReadinessItem>,
}

/// Readiness of one workload.
#[derive(Clone, Debug)]
pub struct ReadinessItem {
    /// The workload.
    pub workload: Uid,
    /// The probe that was run.
    pub probe_generation: u64,
    /// Whether it serves.
    pub serving: bool,
    /// The last error.
    pub reason: String,
}
