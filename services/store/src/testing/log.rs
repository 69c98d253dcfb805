//! Order: what readers and writers see of each other.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use portolan_model::{Change, Revision, State, Timestamp};

use super::fixtures::{cluster, name, service};
use super::{Harness, Writer};
use crate::{Commit, Head, Store};

/// Everything in the log.
pub(super) async fn replay<S: Store>(store: &S) -> Vec<Commit> {
    store
        .read_after(&cluster(), Revision::ZERO, usize::MAX)
        .await
        .expect("the log is read")
}

/// The first is 1, the next is one more; before them there is 0.
pub async fn revisions_are_dense_and_start_at_one<H: Harness>(harness: H) {
    let store = harness.open().await;
    assert_eq!(
        store.load(&cluster(), 10).await.expect("load").revision,
        Revision::ZERO
    );
    assert!(store.heads().await.expect("heads").is_empty());
    let mut writer = Writer::new(store, &cluster());
    for expected in 1..=5 {
        let commit = writer
            .put(vec![Change::create(service(&format!("s{expected}"), 1))])
            .await;
        assert_eq!(commit.revision, Revision(expected));
    }
    let revisions: Vec<_> = replay(writer.store())
        .await
        .iter()
        .map(|commit| commit.revision.0)
        .collect();
    assert_eq!(revisions, [1, 2, 3, 4, 5]);
}

/// I1: a poller beside two writers sees every revision, in order.
pub async fn a_reader_never_sees_a_revision_before_the_one_below_it<H: Harness>(harness: H) {
    let done = Arc::new(AtomicBool::new(false));
    let writers = [
        spawn_writer(harness.open().await, "a", 30),
        spawn_writer(harness.open().await, "b", 30),
    ];
    let (reader, ended) = (harness.open().await, done.clone());
    let poller = tokio::spawn(async move {
        let mut seen = Revision::ZERO;
        loop {
            let last_round = ended.load(Ordering::SeqCst);
            let head = reader
                .heads()
                .await
                .expect("heads")
                .first()
                .map_or(Revision::ZERO, |head| head.revision);
            for commit in reader.read_after(&cluster(), seen, 7).await.expect("read") {
                assert_eq!(commit.revision, seen.next());
                seen = commit.revision;
            }
            if last_round && seen >= head {
                return seen;
            }
        }
    });
    for writer in writers {
        writer.await.expect("the writer ends");
    }
    done.store(true, Ordering::SeqCst);
    assert_eq!(poller.await.expect("the poller ends"), Revision(60));
}

fn spawn_writer<S: Store>(
    store: S,
    prefix: &'static str,
    count: u64,
) -> tokio::task::JoinHandle<()> {
    tokio::spawn(async move {
        let mut writer = Writer::new(store, &cluster());
        for n in 0..count {
            writer
                .put(vec![Change::create(service(&format!("{prefix}{n}"), 1))])
                .await;
        }
    })
}

/// Four writers through two handles count one object up: no step is lost, none is done twice.
pub async fn concurrent_writers_neither_lose_nor_duplicate<H: Harness>(harness: H) {
    let handles = [harness.open().await, harness.open().await];
    let mut tasks = Vec::new();
    for n in 0..4 {
        let mut writer = Writer::new(handles[n % 2].clone(), &cluster());
        tasks.push(tokio::spawn(async move {
            for _ in 0..15 {
                writer
                    .write(|state, _| vec![count_up(state)])
                    .await
                    .expect("a sound write succeeds");
            }
        }));
    }
    for task in tasks {
        task.await.expect("the writer ends");
    }
    let loaded = handles[0].load(&cluster(), 1).await.expect("load");
    assert_eq!(loaded.revision, Revision(60));
    assert_eq!(loaded.objects, [service("counter", 60).into()]);
}

fn count_up(state: &State) -> Change {
    match state.services_after(None, None).next() {
        Some(counter) => Change::update(
            counter.clone(),
            service("counter", counter.meta.generation + 1),
        ),
        None => Change::create(service("counter", 1)),
    }
}

/// A limit never cuts a commit, and a commit larger than the limit comes alone.
pub async fn reading_with_a_limit_keeps_commits_whole<H: Harness>(harness: H) {
    let store = harness.open().await;
    let mut writer = Writer::new(store.clone(), &cluster());
    for (prefix, size) in [("a", 2), ("b", 3), ("c", 9), ("d", 1), ("e", 1)] {
        let changes = (0..size).map(|n| Change::create(service(&format!("{prefix}{n}"), 1)));
        writer.put(changes.collect()).await;
    }
    for (after, limit, expected) in [
        (0, 1, vec![(1, 2)]),
        (0, 4, vec![(1, 2)]),
        (0, 5, vec![(1, 2), (2, 3)]),
        (1, 11, vec![(2, 3)]),
        (2, 4, vec![(3, 9)]),
        (2, 10, vec![(3, 9), (4, 1)]),
        (3, 100, vec![(4, 1), (5, 1)]),
        (5, 100, vec![]),
        (9, 100, vec![]),
    ] {
        let commits = store
            .read_after(&cluster(), Revision(after), limit)
            .await
            .expect("read");
        let read: Vec<_> = commits
            .iter()
            .map(|commit| (commit.revision.0, commit.changes.len()))
            .collect();
        assert_eq!(read, expected, "after {after}, at most {limit}");
    }
}

/// One row a cluster, with the digest of its newest commit.
pub async fn the_heads_tell_the_end_of_every_log<H: Harness>(harness: H) {
    let store = harness.open().await;
    let mut expected = Vec::new();
    for (text, commits) in [("east", 2), ("north", 1), ("west", 3)] {
        let mut writer = Writer::new(store.clone(), &name(text));
        for n in 0..commits {
            writer
                .put(vec![Change::create(service(&format!("s{n}"), 1))])
                .await;
        }
        let state = writer.state();
        expected.push(Head {
            cluster: name(text),
            revision: state.revision(),
            digest: state.digest(),
        });
    }
    let mut heads = store.heads().await.expect("heads");
    heads.sort_by(|a, b| a.cluster.cmp(&b.cluster));
    assert_eq!(heads, expected);
}

/// The same names may exist in every cluster, each with a history of its own.
pub async fn clusters_do_not_see_each_other<H: Harness>(harness: H) {
    let store = harness.open().await;
    let (mut east, mut west) = (
        Writer::new(store.clone(), &name("east")),
        Writer::new(store.clone(), &name("west")),
    );
    west.put(vec![Change::create(service("web", 2))]).await;
    east.put(vec![Change::create(service("web", 1))]).await;
    for (text, generation) in [("east", 1), ("west", 2)] {
        let loaded = store.load(&name(text), 10).await.expect("load");
        assert_eq!(loaded.revision, Revision(1));
        assert_eq!(loaded.objects, [service("web", generation).into()]);
    }
    assert_eq!(
        store.load(&name("south"), 10).await.expect("load").revision,
        Revision::ZERO
    );
}

/// Every field of a commit comes back, through each way of reading.
pub async fn a_commit_is_read_back_exactly<H: Harness>(harness: H) {
    let store = harness.open().await;
    let mut writer = Writer::new(store.clone(), &cluster());
    let first = writer
        .put(vec![
            Change::create(service("web", 1)),
            Change::create(service("api", 1)),
        ])
        .await;
    let second = writer
        .put(vec![
            Change::update(service("web", 1), service("web", 2)),
            Change::delete(service("api", 1)),
        ])
        .await;
    let written = [first.as_ref().clone(), second.as_ref().clone()];
    assert_eq!(replay(&store).await, written);
    assert_eq!(
        store.load(&cluster(), 100).await.expect("load").tail,
        written
    );
    assert_eq!(
        Writer::new(store, &cluster())
            .lock()
            .await
            .expect("lock")
            .commits,
        written
    );
}

/// `now` is not before the last commit, even if that one was ahead of the clock.
pub async fn the_clock_never_goes_back_behind_the_last_commit<H: Harness>(harness: H) {
    let mut writer = Writer::new(harness.open().await, &cluster());
    let locked = writer.lock().await.expect("lock");
    assert!(
        locked.now > Timestamp(1_600_000_000_000_000),
        "microseconds since 1970"
    );
    let ahead = Timestamp(locked.now.0 + 3_600_000_000);
    let (write, _) = super::writer::draft(
        writer.state(),
        ahead,
        vec![Change::create(service("web", 1))],
    );
    crate::Transaction::commit(locked.transaction, &write)
        .await
        .expect("commit");
    assert_eq!(writer.lock().await.expect("lock").now, ahead);
}
