//! What is to be sent on one stream, and when. At most one message of each sort waits: the latest state of things.

use std::time::{Duration, Instant};

use portolan_model::Revision;
use portolan_proto::node::v1 as wire;

use crate::reporter::Reporter;
use crate::{Mark, ReadinessTable};

/// A server that asks for more than this is not heard.
const SHORTEST_HEARTBEAT: Duration = Duration::from_millis(100);

/// Outgoing side of one welcomed stream.
#[derive(Debug)]
pub(crate) struct Outbox {
    pub(crate) reporter: Reporter,
    heartbeat: Duration,
    next_heartbeat: Instant,
    /// Number of the first update that may be acknowledged: one from before this stream's snapshot is of another state.
    ack_from: u64,
    /// What was applied before this stream's snapshot is of this server's store.
    same_store: bool,
    acked: Option<Mark>,
    /// The durable revision that the server was told last.
    told: Revision,
}

impl Outbox {
    /// For a stream that was just welcomed.
    pub(crate) fn new(welcome: &wire::Welcome, same_store: bool, now: Instant) -> Self {
        let heartbeat = Duration::from_millis(welcome.heartbeat_ms.into()).max(SHORTEST_HEARTBEAT);
        let resumed = welcome.mode() == wire::welcome::Mode::Resume;
        Self {
            reporter: Reporter::restart(),
            heartbeat,
            next_heartbeat: now + heartbeat,
            ack_from: if resumed { 1 } else { u64::MAX },
            same_store,
            acked: None,
            told: Revision::ZERO,
        }
    }

    /// The snapshot became this update.
    pub(crate) fn snapshot_taken(&mut self, number: u64) {
        self.ack_from = self.ack_from.min(number);
    }

    /// Whether an Ack should be sent, given what was applied last.
    pub(crate) fn ack_due(&self, applied: Mark, news: bool) -> bool {
        applied.number >= self.ack_from && (news || self.acked != Some(applied))
    }

    /// The revision to name: one of another store would mislead.
    pub(crate) fn attempted(&self, applied: Mark) -> Revision {
        let known = self.same_store || applied.number >= self.ack_from;
        if known {
            applied.revision
        } else {
            Revision::ZERO
        }
    }

    /// An Ack is on its way.
    pub(crate) fn acked(&mut self, applied: Mark, durable: Revision) {
        self.acked = Some(applied);
        self.told = durable;
    }

    /// Whether a heartbeat should be sent: in its turn, or since released addresses wait for what reached the disk.
    pub(crate) fn heartbeat_due(&self, durable: Revision, now: Instant) -> bool {
        self.next_heartbeat <= now || durable > self.told
    }

    /// A heartbeat is on its way.
    pub(crate) fn beat(&mut self, durable: Revision, now: Instant) {
        self.next_heartbeat = now + self.heartbeat;
        self.told = durable;
    }

    /// Whether a health report should be sent.
    pub(crate) fn report_due(&self, table: Option<&ReadinessTable>, now: Instant) -> bool {
        table.is_some() && self.reporter.due(now).is_some_and(|due| due <= now)
    }

    /// When to look again, should nothing happen.
    pub(crate) fn next_look(&self, now: Instant) -> Instant {
        let report = self.reporter.due(now).filter(|due| *due > now);
        report.map_or(self.next_heartbeat, |due| due.min(self.next_heartbeat))
    }
}
