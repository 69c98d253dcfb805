//! What the agent's metrics carry.

use crate::entry::Difference;

/// Counted since the process began.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) audits: u64,
    pub(crate) put_off: u64,
    pub(crate) read_backs: u64,
    pub(crate) repairs: u64,
    pub(crate) reloads: u64,
    pub(crate) transactions: u64,
    pub(crate) bisections: u64,
    pub(crate) stale: u64,
}

impl Counters {
    /// Elements were put right.
    pub(crate) fn repaired(&mut self, repair: &Difference) {
        self.repairs += u64::try_from(repair.len()).unwrap_or(u64::MAX);
    }

    pub(crate) fn read(&self, frontends: usize) -> Vec<(&'static str, u64)> {
        vec![
            ("frontends", u64::try_from(frontends).unwrap_or(u64::MAX)),
            ("audits_total", self.audits),
            ("audits_put_off_total", self.put_off),
            ("read_backs_total", self.read_backs),
            ("elements_repaired_total", self.repairs),
            ("program_reloads_total", self.reloads),
            ("transactions_total", self.transactions),
            ("bisections_total", self.bisections),
            ("conntrack_deletes_total", self.stale),
        ]
    }
}
