//! How much there is of what is limited.

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
