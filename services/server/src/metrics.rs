//! What all clusters of a process count together.

use portolan_api::Clusters;
use prometheus_client::registry::Registry;

use crate::usage::Usage;

/// Counters of every part. Cheap to clone.
#[derive(Clone, Default)]
pub(super) struct Metrics {
    pub(super) allocator: portolan_allocator::Metrics,
    pub(super) distributor: portolan_distributor::Metrics,
}

impl Metrics {
    /// A registry that shows them, and how full the ranges of these clusters are.
    pub(super) fn registry(&self, clusters: Clusters) -> Registry {
        let mut registry = Registry::with_prefix("portolan");
        self.allocator.register(&mut registry);
        registry
            .sub_registry_with_prefix("allocator")
            .register_collector(Box::new(Usage(clusters)));
        self.distributor.register(&mut registry);
        registry
    }
}
