//! Random histories through two committers on one real store: the tables, a replay of the log and what each replica
//! holds in memory are the same at every revision that is looked at (I4, I5), and claims fit the Services.

use std::sync::Arc;

use portolan_allocator::{Allocator, Committer, EventRecorder, Metrics, SubmitError};
use portolan_model::{Name, State};
use portolan_store::{Cache, Store};
use portolan_store_postgres::PgStore;
use portolan_store_postgres::testing::fresh_database;
use portolan_store_sqlite::SqliteStore;
use rand::rngs::StdRng;
use rand::{Rng, RngExt, SeedableRng};
use tokio::task::JoinSet;

use super::claims;
use super::draw::{Draw, STEP};
use super::operations::operation;

/// Histories a store; `PROPTEST_CASES` asks for a hundredth of its number.
const HISTORIES: u64 = 6;
const GROUPS: usize = 25;
/// Operations that are on their way at once.
const AT_ONCE: usize = 8;
/// Changes that are read at once.
const PAGE: usize = 500;
/// More than any replica can have missed.
const MISSED: usize = 1_000_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tables_log_and_caches_agree_in_sqlite() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("portolan.db");
    let open = async || SqliteStore::open(&file).await.expect("a file");
    play([open().await, open().await]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tables_log_and_caches_agree_in_postgres() {
    let url = fresh_database().await.expect("a database");
    let open = async || PgStore::connect(&url).await.expect("a server");
    play([open().await, open().await]).await;
}

fn histories() -> u64 {
    let cases = std::env::var("PROPTEST_CASES").ok();
    let cases = cases.and_then(|text| text.parse::<u64>().ok());
    cases.map_or(HISTORIES, |cases| (cases / 100).max(1))
}

async fn play<S: Store>(stores: [S; 2]) {
    let mut revisions = 0;
    for i in 0..histories() {
        let seed: u64 = rand::random();
        println!("history {i}: seed {seed:#x}");
        let cluster = Name::label(&format!("history-{i}")).expect("a name");
        revisions += history(&stores, &cluster, seed).await;
    }
    println!("{} histories, {revisions} revisions", histories());
    assert!(revisions > histories(), "hardly anything was committed");
}

async fn history<S: Store>(stores: &[S; 2], cluster: &Name, seed: u64) -> u64 {
    let mut random = StdRng::seed_from_u64(seed);
    let mut replicas = Vec::new();
    for store in stores {
        replicas.push(start(store.clone(), cluster).await);
    }
    for _ in 0..GROUPS {
        let mut answers = JoinSet::new();
        for _ in 0..random.random_range(1..=AT_ONCE) {
            let mut step = [0; STEP];
            random.fill_bytes(&mut step);
            let replica = replicas[random.random_range(0..2)].clone();
            let operation = operation(&mut Draw::new(&step), &replica.cache().state());
            answers.spawn(async move { replica.submit(operation).await });
        }
        for answer in answers.join_all().await {
            assert!(
                matches!(answer, Ok(_) | Err(SubmitError::Refused(_))),
                "seed {seed:#x}: {answer:?}"
            );
        }
        let log = replay(&stores[0], cluster).await;
        for (store, replica) in stores.iter().zip(&replicas) {
            assert_same(store, replica.cache(), &log, seed).await;
        }
        claims::check(&log);
    }
    replicas[0].cache().position().revision.0
}

async fn start<S: Store>(store: S, cluster: &Name) -> Allocator {
    let loaded = store.load(cluster, 1000).await.expect("load");
    let cache = Cache::new(cluster.clone(), store.store_id(), loaded);
    let (events, recorder) = EventRecorder::new(store.clone(), cluster.clone());
    let (allocator, committer) = Committer::new(store, cache, events, Metrics::default());
    tokio::spawn(committer.run());
    tokio::spawn(recorder.run());
    allocator
}

/// The whole log, from nothing; every commit has the digest of what it leads to.
async fn replay<S: Store>(store: &S, cluster: &Name) -> State {
    let mut state = State::default();
    loop {
        let after = state.revision();
        let commits = store.read_after(cluster, after, PAGE).await.expect("a log");
        if commits.is_empty() {
            return state;
        }
        for commit in commits {
            assert_eq!(commit.revision, state.revision().next(), "dense");
            state.apply_all(commit.revision, &commit.changes);
            assert_eq!(state.digest(), commit.digest, "at {}", commit.revision);
        }
    }
}

async fn assert_same<S: Store>(store: &S, cache: &Arc<Cache>, log: &State, seed: u64) {
    let tables = store.load(cache.cluster(), 1).await.expect("load");
    let tables = State::from_objects(tables.revision, tables.objects);
    let after = cache.position().revision;
    let missed = store.read_after(cache.cluster(), after, MISSED);
    assert!(
        cache.publish(missed.await.expect("a log")),
        "seed {seed:#x}"
    );
    let what = |state: &State| (state.revision(), state.digest());
    assert_eq!(what(&tables), what(log), "seed {seed:#x}");
    assert_eq!(what(&cache.state()), what(log), "seed {seed:#x}");
    // Nobody had to start anew: that would hide a disagreement.
    assert_eq!(cache.position().epoch, 0, "seed {seed:#x}");
}
