//! Looking for disagreement between claims and Services, again and again, and finding what may be given up.

use std::collections::BTreeSet;
use std::time::Duration;

use portolan_model::{Claimed, Timestamp, Uid};
use portolan_store::Cache;

use crate::decide::{Discrepancy, Remedy, audit};
use crate::{Allocator, Metrics};

/// Pause between two looks.
const PAUSE: Duration = Duration::from_mins(1);
/// Claims that are younger may be somebody's work in progress, as far as one can know who wrote them.
const YOUNG: Duration = Duration::from_mins(1);

/// Counts what does not fit, for ever. It repairs nothing.
pub async fn audit_regularly(allocator: Allocator, metrics: Metrics) {
    loop {
        let state = allocator.cache().state();
        let looked = tokio::task::spawn_blocking(move || audit(&state)).await;
        let discrepancies = looked.expect("auditing does not panic and is never aborted");
        for discrepancy in discrepancies.iter().take(10) {
            tracing::warn!(
                reason = discrepancy.reason.as_str(),
                "{}; see AuditAllocations",
                discrepancy.message
            );
        }
        metrics.found(allocator.cache().cluster(), &discrepancies);
        tokio::time::sleep(PAUSE).await;
    }
}

/// Claims among these that no Service has, and that were not written lately. Should the log in memory not tell how
/// old they are, none.
pub fn settled_orphans(
    cache: &Cache,
    discrepancies: &[Discrepancy],
    now: Timestamp,
) -> BTreeSet<(Claimed, Uid)> {
    let young = i64::try_from(YOUNG.as_micros()).expect("a minute has few microseconds");
    let Some(commits) = cache.commits_since(Timestamp(now.0.saturating_sub(young))) else {
        return BTreeSet::new();
    };
    let changes = commits.iter().flat_map(|commit| &commit.changes);
    let young: BTreeSet<_> = changes
        .filter_map(|change| Some(change.after.as_ref()?.claim()?.claimed))
        .collect();
    let orphan = |discrepancy: &Discrepancy| match discrepancy.remedy {
        Remedy::Release(owner) => Some((discrepancy.claimed, owner)),
        Remedy::People | Remedy::Claim(_) => None,
    };
    discrepancies
        .iter()
        .filter_map(orphan)
        .filter(|(claimed, _)| !young.contains(claimed))
        .collect()
}
