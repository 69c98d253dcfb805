//! What all clusters of a process count together.

use portolan_api::Clusters;
use prometheus_client::registry::Registry;

use crate::connections::ConnectionMetrics;
use crate::grpc::DESCRIPTORS;
use crate::usage::Usage;

/// Counters of every part. Cheap to clone.
#[derive(Clone)]
pub(super) struct Metrics {
    pub(super) requests: portolan_api::Metrics,
    pub(super) connections: ConnectionMetrics,
    pub(super) allocator: portolan_allocator::Metrics,
    pub(super) distributor: portolan_distributor::Metrics,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            requests: portolan_api::Metrics::new(&DESCRIPTORS),
            connections: ConnectionMetrics::default(),
            allocator: portolan_allocator::Metrics::default(),
            distributor: portolan_distributor::Metrics::default(),
        }
    }
}

impl Metrics {
    /// A registry that shows them, and how full the ranges of these clusters are.
    pub(super) fn registry(&self, clusters: Clusters) -> Registry {
        let mut registry = portolan_process::metrics::registry();
        // These have names of their own all over the world.
        self.requests.register(&mut registry);
        let ours = registry.sub_registry_with_prefix("portolan");
        self.connections.register(ours);
        self.allocator.register(ours);
        ours.sub_registry_with_prefix("allocator")
            .register_collector(Box::new(Usage(clusters)));
        self.distributor.register(ours);
        registry
    }
}
