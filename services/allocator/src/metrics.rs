//! What the allocator counts.

mod allocations;

use portolan_model::Name;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

use crate::{Discrepancy, DiscrepancyReason};
use allocations::Allocations;

/// Counters and histograms over all committers of a process. Cheap to clone.
#[derive(Clone)]
pub struct Metrics {
    /// Operations that changed something.
    pub committed: Counter,
    /// Operations that were refused.
    pub refused: Counter,
    /// Unique constraints that stopped what was decided to be right: should stay 0.
    pub conflicts: Counter,
    /// Times the state was loaded anew because it did not fit the log.
    pub reloads: Counter,
    /// Operations per transaction.
    pub batch: Histogram,
    /// Seconds from asking for the lock to the end of the commit.
    pub transaction: Histogram,
    /// Claims and Services that disagree, by cluster and reason: should stay 0.
    pub discrepancies: Family<Vec<(&'static str, String)>, Gauge>,
    pub(crate) allocations: Allocations,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            committed: Counter::default(),
            refused: Counter::default(),
            conflicts: Counter::default(),
            reloads: Counter::default(),
            batch: Histogram::new(exponential_buckets(1.0, 2.0, 7)),
            transaction: Histogram::new(exponential_buckets(0.000_25, 2.0, 14)),
            discrepancies: Family::default(),
            allocations: Allocations::default(),
        }
    }
}

impl Metrics {
    /// Makes them visible.
    pub fn register(&self, registry: &mut Registry) {
        let registry = registry.sub_registry_with_prefix("allocator");
        registry.register(
            "operations_committed",
            "Operations that changed something",
            self.committed.clone(),
        );
        registry.register(
            "operations_refused",
            "Operations that were refused",
            self.refused.clone(),
        );
        registry.register(
            "constraint_conflicts",
            "Writes stopped by a unique constraint",
            self.conflicts.clone(),
        );
        registry.register("reloads", "Reloads of the state", self.reloads.clone());
        registry.register(
            "batch_operations",
            "Operations per transaction",
            self.batch.clone(),
        );
        registry.register(
            "transaction_seconds",
            "From asking for the lock to the commit",
            self.transaction.clone(),
        );
        registry.register(
            "audit_findings",
            "Addresses and ports whose claims do not fit the Services",
            self.discrepancies.clone(),
        );
        registry.register_collector(Box::new(self.allocations.clone()));
    }

    /// Takes note of an audit.
    pub(crate) fn found(&self, cluster: &Name, discrepancies: &[Discrepancy]) {
        for reason in DiscrepancyReason::ALL {
            let count = discrepancies.iter().filter(|d| d.reason == reason).count();
            let count = i64::try_from(count).unwrap_or(i64::MAX);
            self.discrepancies
                .get_or_create_owned(&labels(cluster, reason))
                .set(count);
        }
    }

    /// Forgets what was counted of a cluster.
    pub fn forget(&self, cluster: &Name) {
        self.allocations.forget(cluster);
        for reason in DiscrepancyReason::ALL {
            self.discrepancies.remove(&labels(cluster, reason));
        }
    }
}

fn labels(cluster: &Name, reason: DiscrepancyReason) -> Vec<(&'static str, String)> {
    vec![
        ("cluster", cluster.to_string()),
        ("reason", reason.as_str().to_owned()),
    ]
}
