//! The committer over a store in memory, and over one that fails at chosen points.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use portolan_allocator::{
    Action, Allocator, ClusterAction, Committer, Context, EventRecorder, Metrics, NewCluster,
    Operation, Outcome, Params, Put, ServiceAction, SubmitError,
};
use portolan_model::{
    ClusterSpec, Event, Family, Name, NodeReport, Object, PortRange, Protocol, Refusal, Revision,
    Scoped, ServicePort, ServiceSpec, StoreId, TargetPort, Timestamp,
};
use portolan_store::{
    Cache, Commit, CommitError, Head, Loaded, Locked, MemStore, Store, StoreError, Transaction,
    Write,
};
use tokio::task::JoinSet;

fn name(text: &str) -> Name {
    Name::label(text).unwrap()
}

async fn start<S: Store>(store: S) -> Allocator {
    let cluster = name("default");
    let loaded = store.load(&cluster, 1000).await.unwrap();
    let cache = Cache::new(cluster.clone(), store.store_id(), loaded);
    let (events, recorder) = EventRecorder::new(store.clone(), cluster);
    let (allocator, committer) = Committer::new(store, cache, events, Metrics::default());
    tokio::spawn(committer.run());
    tokio::spawn(recorder.run());
    allocator
}

async fn bootstrap(allocator: &Allocator, cidr: &str) {
    let spec = ClusterSpec {
        node_ports: PortRange {
            first: 30000,
            last: 32767,
        },
        dns_domain: "cluster.local".to_owned(),
        families: vec![Family::V4],
        endpoint_ranges: Vec::new(),
        workload_ranges: Vec::new(),
    };
    let action = Action::Cluster(ClusterAction::Bootstrap(NewCluster {
        name: name("default"),
        spec,
        cidrs: vec![cidr.parse().unwrap()],
    }));
    allocator
        .submit(Operation {
            action,
            context: Context::default(),
        })
        .await
        .unwrap();
}

fn create(service: &str) -> Operation {
    let port = ServicePort {
        name: String::new(),
        port: 80,
        protocol: Protocol::Tcp,
        target: TargetPort::Number(80),
        app_protocol: None,
        node_port: None,
    };
    let spec = ServiceSpec {
        ports: vec![port],
        ..ServiceSpec::default()
    };
    let params = Params {
        spec,
        ..Params::default()
    };
    let key = Scoped::new(name("default"), name(service));
    let action = Action::Service(ServiceAction::Put {
        key,
        put: Put::Create(params),
    });
    Operation {
        action,
        context: Context::default(),
    }
}

fn address(outcome: &Outcome) -> IpAddr {
    match &outcome.objects[0] {
        Object::Service(service) => service.spec.cluster_ips.addresses()[0],
        other => panic!("{other:?}"),
    }
}

async fn create_many(allocators: &[Allocator], count: usize) -> Vec<Result<Outcome, SubmitError>> {
    let mut tasks = JoinSet::new();
    for i in 0..count {
        let allocator = allocators[i % allocators.len()].clone();
        tasks.spawn(async move { allocator.submit(create(&format!("s{i}"))).await });
    }
    tasks.join_all().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writers_on_two_replicas_never_share_an_address_and_exhaustion_is_exact() {
    let store = MemStore::new();
    let replicas = [start(store.clone()).await, start(store.clone()).await];
    bootstrap(&replicas[0], "10.0.0.0/26").await;
    let results = create_many(&replicas, 100).await;
    let addresses: Vec<_> = results.iter().flatten().map(address).collect();
    let distinct: BTreeSet<_> = addresses.iter().collect();
    assert_eq!((addresses.len(), distinct.len()), (62, 62));
    for refused in results.iter().filter_map(|result| result.as_ref().err()) {
        let SubmitError::Refused(Refusal::Exhausted { used, capacity, .. }) = refused else {
            panic!("{refused:?}")
        };
        assert_eq!((*used, *capacity), (62, 62));
    }
}

#[tokio::test]
async fn a_refusal_answers_alone_and_a_batch_is_one_revision() {
    let allocator = start(MemStore::new()).await;
    bootstrap(&allocator, "10.0.0.0/16").await;
    let before = allocator.cache().position().revision;
    let (a, b, c) = tokio::join!(
        allocator.submit(create("same")),
        allocator.submit(create("same")),
        allocator.submit(create("other")),
    );
    assert!(
        matches!(b, Err(SubmitError::Refused(Refusal::AlreadyExists { .. }))),
        "{b:?}"
    );
    let revisions = BTreeSet::from([a.unwrap().revision, c.unwrap().revision]);
    assert_eq!(revisions, BTreeSet::from([before.next()]));
}

#[tokio::test]
async fn what_was_refused_makes_no_revision() {
    let allocator = start(MemStore::new()).await;
    bootstrap(&allocator, "10.0.0.0/16").await;
    allocator.submit(create("web")).await.unwrap();
    let before = allocator.cache().position();
    assert!(allocator.submit(create("web")).await.is_err());
    assert_eq!(allocator.cache().position(), before);
}

/// Where the next commit fails.
#[derive(Copy, Clone, Debug)]
enum Fault {
    /// The store goes before it has the lock.
    Lock,
    /// A constraint speaks.
    Conflict,
    /// The answer is lost, the commit is done.
    AnswerLost,
    /// The connection is lost, nothing is done.
    CommitLost,
    /// The same, and the store stays away.
    Gone,
}

/// A store that fails once where it is told to.
#[derive(Clone)]
struct FaultyStore {
    inner: MemStore,
    next: Arc<Mutex<Option<Fault>>>,
    struck: Arc<AtomicBool>,
    away: Arc<AtomicBool>,
}

struct FaultyTransaction<T> {
    inner: T,
    fault: Option<Fault>,
}

fn unavailable() -> StoreError {
    StoreError::Unavailable {
        context: "a fault".to_owned(),
        source: None,
    }
}

impl FaultyStore {
    fn new() -> Self {
        Self {
            inner: MemStore::new(),
            next: Arc::default(),
            struck: Arc::default(),
            away: Arc::default(),
        }
    }

    fn fail(&self, fault: Fault) {
        *self.next.lock().unwrap() = Some(fault);
        self.struck.store(false, Ordering::SeqCst);
    }

    fn take(&self) -> Option<Fault> {
        let fault = self.next.lock().unwrap().take();
        self.struck.fetch_or(fault.is_some(), Ordering::SeqCst);
        fault
    }
}

impl<T: Transaction> Transaction for FaultyTransaction<T> {
    async fn commit(self, write: &Write) -> Result<(), CommitError> {
        match self.fault {
            Some(Fault::Conflict) => {
                self.inner.rollback().await;
                let constraint = "ip_claims_pkey".to_owned();
                Err(CommitError::NotCommitted(StoreError::Conflict {
                    constraint,
                    source: None,
                }))
            }
            Some(Fault::AnswerLost) => {
                self.inner.commit(write).await?;
                Err(CommitError::Unknown(unavailable()))
            }
            Some(Fault::CommitLost | Fault::Gone) => {
                self.inner.rollback().await;
                Err(CommitError::Unknown(unavailable()))
            }
            Some(Fault::Lock) | None => self.inner.commit(write).await,
        }
    }

    async fn rollback(self) {
        self.inner.rollback().await;
    }
}

impl Store for FaultyStore {
    type Transaction = FaultyTransaction<<MemStore as Store>::Transaction>;

    fn store_id(&self) -> StoreId {
        self.inner.store_id()
    }

    async fn heads(&self) -> Result<Vec<Head>, StoreError> {
        self.inner.heads().await
    }

    async fn load(&self, cluster: &Name, tail: usize) -> Result<Loaded, StoreError> {
        self.inner.load(cluster, tail).await
    }

    async fn read_after(
        &self,
        cluster: &Name,
        after: Revision,
        limit: usize,
    ) -> Result<Vec<Commit>, StoreError> {
        self.inner.read_after(cluster, after, limit).await
    }

    async fn lock_and_read_after(
        &self,
        cluster: &Name,
        after: Revision,
    ) -> Result<Locked<Self::Transaction>, StoreError> {
        let fault = self.take();
        if matches!(fault, Some(Fault::Lock)) || self.away.load(Ordering::SeqCst) {
            return Err(unavailable());
        }
        if matches!(fault, Some(Fault::Gone)) {
            self.away.store(true, Ordering::SeqCst);
        }
        let Locked {
            transaction,
            commits,
            now,
        } = self.inner.lock_and_read_after(cluster, after).await?;
        Ok(Locked {
            transaction: FaultyTransaction {
                inner: transaction,
                fault,
            },
            commits,
            now,
        })
    }

    async fn compact(
        &self,
        cluster: &Name,
        upto: Revision,
        limit: usize,
    ) -> Result<u64, StoreError> {
        self.inner.compact(cluster, upto, limit).await
    }

    async fn revision_at(&self, cluster: &Name, at: Timestamp) -> Result<Revision, StoreError> {
        self.inner.revision_at(cluster, at).await
    }

    async fn record_events(&self, cluster: &Name, events: &[Event]) -> Result<(), StoreError> {
        self.inner.record_events(cluster, events).await
    }

    async fn events(
        &self,
        cluster: &Name,
        below: &str,
        limit: usize,
    ) -> Result<Vec<Event>, StoreError> {
        self.inner.events(cluster, below, limit).await
    }

    async fn put_node_reports(
        &self,
        cluster: &Name,
        runtime: &[NodeReport],
    ) -> Result<(), StoreError> {
        self.inner.put_node_reports(cluster, runtime).await
    }

    async fn node_reports(&self, cluster: &Name) -> Result<Vec<NodeReport>, StoreError> {
        self.inner.node_reports(cluster).await
    }

    async fn forget_node_report(&self, cluster: &Name, node: &Name) -> Result<(), StoreError> {
        self.inner.forget_node_report(cluster, node).await
    }

    async fn forget_reports(&self, cluster: &Name) -> Result<(), StoreError> {
        self.inner.forget_reports(cluster).await
    }
}

#[tokio::test]
async fn a_write_has_one_effect_or_none_wherever_the_store_fails() {
    for (fault, answered) in [
        (Fault::Lock, false),
        (Fault::Conflict, true),
        (Fault::AnswerLost, true),
        (Fault::CommitLost, true),
    ] {
        let store = FaultyStore::new();
        let allocator = start(store.clone()).await;
        bootstrap(&allocator, "10.0.0.0/16").await;
        let before = allocator.cache().position().revision;
        store.fail(fault);
        let result = allocator.submit(create("web")).await;
        assert!(store.struck.load(Ordering::SeqCst), "{fault:?} struck");
        assert_eq!(result.is_ok(), answered, "{fault:?}: {result:?}");
        let stored = store.load(&name("default"), 1000).await.unwrap();
        let expected = if answered { before.next() } else { before };
        assert_eq!(stored.revision, expected, "{fault:?}");
        if let Ok(outcome) = result {
            assert_eq!(outcome.revision, expected, "{fault:?}");
            let held = allocator
                .cache()
                .state()
                .ip_claim(address(&outcome))
                .map(|claim| claim.owner.name.to_string());
            assert_eq!(held.as_deref(), Some("web"), "{fault:?}");
        } else {
            assert!(
                matches!(result, Err(SubmitError::Unavailable)),
                "{result:?}"
            );
        }
        allocator
            .submit(create("next"))
            .await
            .unwrap_or_else(|error| panic!("after {fault:?}: {error}"));
        let stored = store.load(&name("default"), 1000).await.unwrap();
        let cached = allocator.cache().state();
        let loaded = portolan_model::State::from_objects(stored.revision, stored.objects);
        assert_eq!(
            (cached.revision(), cached.digest()),
            (loaded.revision(), loaded.digest()),
            "{fault:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn who_can_not_be_told_whether_a_write_was_done_is_told_that() {
    let store = FaultyStore::new();
    let allocator = start(store.clone()).await;
    bootstrap(&allocator, "10.0.0.0/16").await;
    store.fail(Fault::Gone);
    let result = allocator.submit(create("web")).await;
    assert!(matches!(result, Err(SubmitError::Unknown)), "{result:?}");
    store.away.store(false, Ordering::SeqCst);
    let again = allocator.submit(create("web")).await;
    again.expect("the store is back, and the write was not done");
}
