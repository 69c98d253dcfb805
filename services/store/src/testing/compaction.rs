//! Forgetting old commits.

use portolan_model::{Change, Revision, Timestamp};

use super::fixtures::{cluster, service};
use super::writer::draft;
use super::{Harness, Writer};
use crate::{Store, StoreError, Transaction};

async fn write_commits<H: Harness>(harness: &H, count: u64, size: u64) -> Writer<H::Store> {
    let mut writer = Writer::new(harness.open().await, &cluster());
    for n in 0..count {
        writer
            .put(
                (0..size)
                    .map(|m| Change::create(service(&format!("s{n}-{m}"), 1)))
                    .collect(),
            )
            .await;
    }
    writer
}

async fn compact_all<S: Store>(store: &S, upto: u64) {
    while store
        .compact(&cluster(), Revision(upto), 100)
        .await
        .expect("compact")
        > 0
    {}
}

/// Whoever is behind is told, and from where on it can go on; the newest commit is never forgotten.
pub async fn compaction_is_told_and_keeps_the_newest_commit<H: Harness>(harness: H) {
    let mut writer = write_commits(&harness, 6, 2).await;
    let store = writer.store().clone();
    for (upto, oldest) in [(0, 0), (2, 2), (1, 2), (100, 5)] {
        compact_all(&store, upto).await;
        for after in 0..=6 {
            let read = store.read_after(&cluster(), Revision(after), 100).await;
            if after < oldest {
                let told = matches!(&read, Err(StoreError::Compacted { oldest: told }) if *told == Revision(oldest));
                assert!(told, "after {after} of {oldest}: {read:?}");
                let locked = store
                    .lock_and_read_after(&cluster(), Revision(after))
                    .await
                    .err();
                assert!(
                    matches!(locked, Some(StoreError::Compacted { .. })),
                    "{locked:?}"
                );
            } else {
                assert_eq!(read.expect("read").len() as u64, 6 - after);
            }
        }
    }
    let loaded = store.load(&cluster(), 100).await.expect("load");
    assert_eq!(
        (loaded.revision, loaded.objects.len(), loaded.tail.len()),
        (Revision(6), 12, 1)
    );
    assert_eq!(
        writer
            .put(vec![Change::create(service("next", 1))])
            .await
            .revision,
        Revision(7)
    );
}

/// A step deletes about as much as it was allowed to, and the last one says so.
pub async fn compaction_is_bounded_and_ends<H: Harness>(harness: H) {
    let writer = write_commits(&harness, 11, 3).await;
    let mut steps = Vec::new();
    while let gone @ 1.. = writer
        .store()
        .compact(&cluster(), Revision(10), 7)
        .await
        .expect("compact")
    {
        steps.push(gone);
        let read = writer
            .store()
            .read_after(&cluster(), Revision(10), 100)
            .await
            .expect("read");
        assert_eq!(read.len(), 1);
    }
    assert_eq!(steps.iter().sum::<u64>(), 30, "{steps:?}");
    assert!(steps.iter().all(|gone| *gone < 7 + 3), "{steps:?}");
}

/// The newest revision before a time, as compaction by age needs it.
pub async fn a_time_is_found_in_the_log<H: Harness>(harness: H) {
    let mut writer = Writer::new(harness.open().await, &cluster());
    let store = writer.store().clone();
    assert_eq!(
        store
            .revision_at(&cluster(), Timestamp(i64::MAX / 2))
            .await
            .expect("empty"),
        Revision::ZERO
    );
    let start = writer.lock().await.expect("lock").now.0 + 1_000_000_000;
    for n in 1..=20 {
        let locked = writer.lock().await.expect("lock");
        let at = Timestamp(start + n * 10);
        let (write, _) = draft(
            writer.state(),
            at,
            vec![Change::create(service(&format!("s{n}"), 1))],
        );
        locked.transaction.commit(&write).await.expect("commit");
    }
    for (at, expected) in [
        (0, 0),
        (10, 0),
        (11, 1),
        (20, 1),
        (21, 2),
        (105, 10),
        (200, 19),
        (201, 20),
        (999, 20),
    ] {
        let found = store
            .revision_at(&cluster(), Timestamp(start + at))
            .await
            .expect("revision_at");
        assert_eq!(found, Revision(expected), "at {at}");
    }
    compact_all(&store, 8).await;
    for (at, expected) in [(85, 0), (91, 9), (105, 10), (999, 20)] {
        let found = store
            .revision_at(&cluster(), Timestamp(start + at))
            .await
            .expect("revision_at");
        assert_eq!(found, Revision(expected), "at {at} after compaction");
    }
}
