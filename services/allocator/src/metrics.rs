//! What the allocator counts.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

/// Counters and histograms of one committer.
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
    }
}
