//! Transactions: all or nothing, one at a time.

use std::time::{Duration, Instant};

use portolan_model::{Change, Revision};

use super::fixtures::{address, cluster, ip_claim, port_claim, service};
use super::log::replay;
use super::writer::draft;
use super::{Harness, Refused, Writer};
use crate::{CommitError, Locked, PAUSE, Store, StoreError, Transaction};

/// Longer than any turn lasts.
const DEADLINE: Duration = Duration::from_secs(20);

async fn assert_unwritten<S: Store>(store: &S, expected: Revision) {
    let loaded = store.load(&cluster(), 10).await.expect("load");
    assert_eq!(loaded.revision, expected);
    assert_eq!(replay(store).await.len() as u64, expected.0);
    assert_eq!(
        loaded.objects.len() as u64,
        expected.0,
        "one object a commit"
    );
}

/// I3: an aborted transaction consumes no revision.
pub async fn rolling_back_leaves_nothing_and_consumes_no_revision<H: Harness>(harness: H) {
    let mut writer = Writer::new(harness.open().await, &cluster());
    writer.put(vec![Change::create(service("a", 1))]).await;
    writer
        .lock()
        .await
        .expect("lock")
        .transaction
        .rollback()
        .await;
    assert_unwritten(writer.store(), Revision(1)).await;
    assert_eq!(
        writer
            .put(vec![Change::create(service("b", 1))])
            .await
            .revision,
        Revision(2)
    );
}

/// Another handle gets its turn at once.
pub async fn dropping_a_transaction_rolls_back_and_frees_the_lock<H: Harness>(harness: H) {
    let mut first = Writer::new(harness.open().await, &cluster());
    let mut second = Writer::new(harness.open().await, &cluster());
    for n in 1..=3 {
        drop(first.lock().await.expect("lock"));
        let began = Instant::now();
        let commit = second
            .put(vec![Change::create(service(&format!("s{n}"), 1))])
            .await;
        assert_eq!(commit.revision, Revision(n));
        assert!(began.elapsed() < PAUSE, "the lock was free");
    }
    assert_unwritten(first.store(), Revision(3)).await;
}

fn assert_conflict(result: &Result<(), CommitError>) {
    assert!(
        matches!(
            result,
            Err(CommitError::NotCommitted(StoreError::Conflict { .. }))
        ),
        "{result:?}"
    );
}

/// A stale writer can't write over what it has not seen.
pub async fn a_commit_at_a_taken_revision_fails<H: Harness>(harness: H) {
    let mut writer = Writer::new(harness.open().await, &cluster());
    let Locked {
        transaction, now, ..
    } = writer.lock().await.expect("lock");
    let (stale, _) = draft(
        writer.state(),
        now,
        vec![Change::create(service("stale", 1))],
    );
    transaction.rollback().await;
    writer.put(vec![Change::create(service("a", 1))]).await;
    let locked = writer.lock().await.expect("lock");
    assert_conflict(&locked.transaction.commit(&stale).await);
    assert_unwritten(writer.store(), Revision(1)).await;
}

/// As after the loss of the newest commits: the cache is ahead of the store.
pub async fn a_commit_that_leaves_a_gap_fails<H: Harness>(harness: H) {
    let store = harness.open().await;
    let locked = store
        .lock_and_read_after(&cluster(), Revision(5))
        .await
        .expect("lock");
    assert!(locked.commits.is_empty());
    let mut ahead = portolan_model::State::default();
    ahead.set_revision(Revision(5));
    let (write, _) = draft(&ahead, locked.now, vec![Change::create(service("a", 1))]);
    assert_conflict(&locked.transaction.commit(&write).await);
    assert_unwritten(&store, Revision::ZERO).await;
}

/// A second owner of an address or port is refused, and everything that came with it.
pub async fn a_claim_has_one_owner<H: Harness>(harness: H) {
    let mut writer = Writer::new(harness.open().await, &cluster());
    writer
        .put(vec![
            Change::create(ip_claim(address(1), "first")),
            Change::create(port_claim(30_001, "first")),
        ])
        .await;
    for claim in [
        Change::create(ip_claim(address(1), "second")),
        Change::create(port_claim(30_001, "second")),
    ] {
        let foreign = vec![Change::create(service("second", 1)), claim];
        let refused = writer
            .write(|_, _| foreign)
            .await
            .expect_err("the claim is taken");
        let Refused::Commit(refused) = refused else {
            panic!("{refused}")
        };
        assert_conflict(&Err(refused));
        let loaded = writer.store().load(&cluster(), 10).await.expect("load");
        assert_eq!(
            (loaded.revision, loaded.objects.len()),
            (Revision(1), 2),
            "nothing was written"
        );
    }
    writer.put(vec![Change::create(service("third", 1))]).await;
}

/// I9: a paused holder neither stops the others for long nor commits afterwards.
pub async fn a_writer_that_pauses_loses_its_turn<H: Harness>(harness: H) {
    let (store, other) = (harness.open().await, harness.open().await);
    for store in [store.clone(), other] {
        let mut paused = Writer::new(harness.open().await, &cluster());
        let held = paused.lock().await.expect("lock");
        let (late, _) = draft(
            paused.state(),
            held.now,
            vec![Change::create(service("late", 1))],
        );
        let began = Instant::now();
        let mut next = Writer::new(store, &cluster());
        let commit = loop {
            let name = format!("s{}", next.state().revision());
            match next
                .write(|state, _| {
                    vec![Change::create(service(
                        &format!("{name}-{}", state.revision()),
                        1,
                    ))]
                })
                .await
            {
                Ok(commit) => break commit,
                Err(refused) => assert!(began.elapsed() < DEADLINE, "{refused:?}"),
            }
        };
        let result = held.transaction.commit(&late).await;
        assert!(result.is_err(), "{result:?}");
        assert_unwritten(next.store(), commit.revision).await;
    }
}
