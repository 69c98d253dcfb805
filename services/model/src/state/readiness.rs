//! Whether a workload serves, and who says so.

use super::State;
use crate::{Name, Workload};

/// Who finds out whether a workload serves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Prober {
    /// Nobody has to: it has no probe.
    NotNeeded,
    /// The agent of this registered node.
    Node(Name),
    /// It has a probe, but no registered node to run it.
    Missing,
}

impl State {
    /// Who finds out whether a workload serves.
    pub fn prober(&self, workload: &Workload) -> Prober {
        match (&workload.spec.probe, self.registered_node(workload)) {
            (None, _) => Prober::NotNeeded,
            (Some(_), Some(node)) => Prober::Node(node.clone()),
            (Some(_), None) => Prober::Missing,
        }
    }

    /// Whether a workload serves. Where a registered node probes it, the probe decides (before the first result: no).
    /// Anywhere else what was reported with it counts; without a report it serves unless it has a probe.
    pub fn is_serving(&self, workload: &Workload) -> bool {
        let reported = workload.spec.reported_ready;
        match self.prober(workload) {
            Prober::Node(_) => workload
                .readiness
                .as_ref()
                .is_some_and(|h| h.serving && h.probe_generation == workload.probe_generation),
            Prober::NotNeeded => reported.unwrap_or(true),
            Prober::Missing => reported.unwrap_or(false),
        }
    }

    fn registered_node<'a>(&self, workload: &'a Workload) -> Option<&'a Name> {
        workload
            .spec
            .node
            .as_ref()
            .filter(|node| self.node(node).is_some())
    }
}
