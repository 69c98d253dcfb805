//! What the agent's metrics carry.

/// Counted since the process began.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) audits: u64,
    pub(crate) repairs: u64,
    pub(crate) reloads: u64,
    pub(crate) transactions: u64,
    pub(crate) bisections: u64,
    pub(crate) stale: u64,
}

/// What was counted on the side of IPVS.
#[derive(Debug, Default)]
pub(crate) struct ServerCounters {
    pub(crate) writes: u64,
    pub(crate) repairs: u64,
    pub(crate) cut: u64,
}

impl Counters {
    pub(crate) fn read(
        &self,
        servers: &ServerCounters,
        listings: u64,
        frontends: usize,
        draining: usize,
    ) -> Vec<(&'static str, u64)> {
        let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
        vec![
            ("frontends", count(frontends)),
            ("draining_backends", count(draining)),
            ("audits_total", self.audits),
            ("listings_total", listings),
            ("elements_repaired_total", self.repairs),
            ("program_reloads_total", self.reloads),
            ("transactions_total", self.transactions),
            ("bisections_total", self.bisections),
            ("conntrack_deletes_total", self.stale),
            ("ipvs_writes_total", servers.writes),
            ("ipvs_repairs_total", servers.repairs),
            ("drains_cut_total", servers.cut),
        ]
    }
}
