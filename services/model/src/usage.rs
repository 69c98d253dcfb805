//! How much is taken of what is limited.

/// How much a namespace holds.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Services.
    pub services: u32,
    /// Node ports, those for health checks included; released ones are nobody's.
    pub node_ports: u32,
    /// Services of type LoadBalancer.
    pub load_balancers: u32,
    /// Endpoints, hand-written or not.
    pub endpoints: u32,
}

/// How full a range of addresses or ports is.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Fill {
    /// Held by Services.
    pub used: u64,
    /// Released, but not free yet.
    pub quarantined: u64,
    /// In all.
    pub capacity: u64,
}

impl Fill {
    /// Of so many that are not free, some of which wait for it.
    pub(crate) fn new(taken: u64, quarantined: u64, capacity: u64) -> Self {
        Self {
            used: taken.saturating_sub(quarantined),
            quarantined,
            capacity,
        }
    }

    /// How many can be had now.
    pub fn free(self) -> u64 {
        self.capacity
            .saturating_sub(self.used)
            .saturating_sub(self.quarantined)
    }
}
