//! Health reports of one session: full at first, then what changed.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use portolan_model::Uid;
use portolan_proto::node::v1 as wire;

use crate::{Readiness, ReadinessTable};

/// Changes that come this close together share a report: a batch of probes has the same period.
const COALESCE: Duration = Duration::from_millis(10);
/// A report that is not committed after this long is sent again, in full.
const RESEND: Duration = Duration::from_secs(5);
/// The longest reason that the node stream allows.
const REASON_CHARACTERS: usize = 256;

/// Decides when to report what. At most one report is under way; what changes meanwhile joins the next.
#[derive(Debug, Default)]
pub(crate) struct Reporter {
    seq: u64,
    /// Probe generation and verdict as last reported.
    told: BTreeMap<Uid, (u64, bool)>,
    full: bool,
    changed: Option<Instant>,
    sent: Option<Instant>,
}

impl Reporter {
    /// A new session.
    pub(crate) fn restart() -> Self {
        Self {
            full: true,
            ..Self::default()
        }
    }

    /// The table may have changed.
    pub(crate) fn noticed(&mut self, table: &ReadinessTable, now: Instant) {
        let news = table
            .iter()
            .any(|(uid, readiness)| self.told.get(uid) != Some(&verdict(readiness)));
        self.changed = news.then(|| self.changed.unwrap_or(now));
    }

    /// When the next report is due, unless something changes.
    pub(crate) fn due(&self, now: Instant) -> Option<Instant> {
        match (self.sent, self.full, self.changed) {
            (Some(sent), _, _) => Some(sent + RESEND),
            (None, true, _) => Some(now),
            (None, false, changed) => changed.map(|at| at + COALESCE),
        }
    }

    /// The report that is due now.
    pub(crate) fn report(&mut self, table: &ReadinessTable, now: Instant) -> wire::HealthReport {
        let full = self.full || self.sent.is_some();
        let items = table
            .iter()
            .filter(|(uid, readiness)| full || self.told.get(uid) != Some(&verdict(readiness)))
            .map(|(uid, readiness)| item(*uid, readiness, now))
            .collect();
        self.told = table
            .iter()
            .map(|(uid, readiness)| (*uid, verdict(readiness)))
            .collect();
        self.seq += 1;
        self.full = false;
        self.changed = None;
        self.sent = Some(now);
        wire::HealthReport {
            seq: self.seq,
            full,
            items,
        }
    }

    /// A report was committed.
    pub(crate) fn acked(&mut self, seq: u64) {
        if seq == self.seq {
            self.sent = None;
        }
    }
}

fn verdict(readiness: &Readiness) -> (u64, bool) {
    (readiness.probe_generation, readiness.serving)
}

fn item(uid: Uid, readiness: &Readiness, now: Instant) -> wire::WorkloadHealth {
    let age = now.saturating_duration_since(readiness.since);
    wire::WorkloadHealth {
        workload_uid: uid.as_bytes().to_vec(),
        probe_generation: readiness.probe_generation,
        serving: readiness.serving,
        age_ms: u64::try_from(age.as_millis()).unwrap_or(u64::MAX),
        reason: readiness.reason.chars().take(REASON_CHARACTERS).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(rows: &[(u128, u64, bool)], now: Instant) -> ReadinessTable {
        let row = |(uid, probe_generation, serving): &(u128, u64, bool)| {
            let readiness = Readiness {
                probe_generation: *probe_generation,
                serving: *serving,
                since: now,
                reason: "ä".repeat(300),
            };
            (Uid::from_random(*uid), readiness)
        };
        rows.iter().map(row).collect()
    }

    fn shape(report: &wire::HealthReport) -> (u64, bool, usize) {
        (report.seq, report.full, report.items.len())
    }

    #[test]
    fn the_first_report_is_full_even_if_empty_and_later_ones_are_differences() {
        let now = Instant::now();
        let mut reporter = Reporter::restart();
        assert_eq!(reporter.due(now), Some(now));
        assert_eq!(
            shape(&reporter.report(&ReadinessTable::new(), now)),
            (1, true, 0)
        );
        reporter.acked(1);
        assert_eq!(reporter.due(now), None);

        let two = table(&[(1, 1, false), (2, 1, false)], now);
        reporter.noticed(&two, now);
        assert_eq!(reporter.due(now), Some(now + COALESCE));
        assert_eq!(shape(&reporter.report(&two, now)), (2, false, 2));
        reporter.acked(2);

        let flipped = table(&[(1, 1, true), (2, 1, false)], now);
        reporter.noticed(&flipped, now);
        let report = reporter.report(&flipped, now);
        assert_eq!(shape(&report), (3, false, 1));
        assert_eq!(report.items[0].reason.chars().count(), REASON_CHARACTERS);
        reporter.acked(3);

        let other_probe = table(&[(1, 2, true), (2, 1, false)], now);
        reporter.noticed(&other_probe, now);
        assert_eq!(shape(&reporter.report(&other_probe, now)), (4, false, 1));
    }

    #[test]
    fn what_changes_while_a_report_is_under_way_joins_the_next() {
        let now = Instant::now();
        let mut reporter = Reporter::restart();
        reporter.report(&table(&[(1, 1, false)], now), now);
        let flipped = table(&[(1, 1, true)], now);
        reporter.noticed(&flipped, now);
        assert_eq!(reporter.due(now), Some(now + RESEND));
        reporter.acked(1);
        assert_eq!(reporter.due(now), Some(now + COALESCE));
        assert_eq!(shape(&reporter.report(&flipped, now)), (2, false, 1));
    }

    #[test]
    fn a_report_that_is_not_committed_is_sent_again_in_full() {
        let now = Instant::now();
        let mut reporter = Reporter::restart();
        let two = table(&[(1, 1, false), (2, 1, false)], now);
        reporter.report(&two, now);
        assert_eq!(reporter.due(now), Some(now + RESEND));
        assert_eq!(shape(&reporter.report(&two, now + RESEND)), (2, true, 2));
        reporter.acked(1);
        assert!(
            reporter.due(now).is_some(),
            "an answer to the first one is too late"
        );
        reporter.acked(2);
        assert_eq!(reporter.due(now), None);
    }
}
