//! What all stores agree on about what nodes reported.

use std::collections::BTreeMap;

use portolan_model::{Name, NodeReport};

/// Whether `newer` may take the place of `known`: it speaks for another machine of that name, or for no older session.
pub fn supersedes(newer: &NodeReport, known: &NodeReport) -> bool {
    newer.uid != known.uid || newer.session >= known.session
}

/// Every node once, in the order of their names.
pub fn merge_node_reports(reports: &[NodeReport]) -> Vec<&NodeReport> {
    let mut merged: BTreeMap<&Name, &NodeReport> = BTreeMap::new();
    for report in reports {
        merged
            .entry(&report.node)
            .and_modify(|known| {
                if supersedes(report, known) {
                    *known = report;
                }
            })
            .or_insert(report);
    }
    merged.into_values().collect()
}
