//! What an operator may choose, when nothing else is told.

use std::time::Duration;

use crate::mark::MarkBit;
use crate::scheduler::Schedulers;

/// What an operator may choose.
#[derive(Clone, Debug)]
pub struct Options {
    /// Who gets the next connection.
    pub schedulers: Schedulers,
    /// Workloads' addresses are replaced towards a `ClusterIP`, too: for networks in which answers do not come back by
    /// themselves.
    pub masquerade_all: bool,
    /// The bit of packets' marks that is ours.
    pub mark_bit: MarkBit,
    /// For how long connections to a backend that left may go on.
    pub drain_limit: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            schedulers: Schedulers::default(),
            masquerade_all: false,
            mark_bit: MarkBit::default(),
            drain_limit: Duration::from_hours(4),
        }
    }
}
