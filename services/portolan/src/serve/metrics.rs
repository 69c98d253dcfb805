//! What all clusters of a process count together.

use prometheus_client::registry::Registry;

/// Counters of every part. Cheap to clone.
#[derive(Clone, Default)]
pub(super) struct Metrics {
    pub(super) allocator: portolan_allocator::Metrics,
    pub(super) distributor: portolan_distributor::Metrics,
}

impl Metrics {
    /// A registry that shows them.
    pub(super) fn registry(&self) -> Registry {
        let mut registry = Registry::with_prefix("portolan");
        self.allocator.register(&mut registry);
        self.distributor.register(&mut registry);
        registry
    }
}
