//! Clusters that come and go, at two replicas of one store.

use portolan_allocator::{
    Action, Claimed, Context, NodeParams, PutMode, ServiceField, ServiceParams, audit,
    settled_orphans,
};
use portolan_model::{
    Change, ClaimOwner, ClaimState, ClusterSpec, Event, EventType, Family, IpClaim, PortRange,
    Scoped, ServicePort, ServiceSpec, TargetPort, Timestamp, Uid,
};
use portolan_store::{Commit, MemStore, Transaction, Write};
use tokio::task::JoinHandle;

use super::*;

/// Far longer than anything takes.
const DEADLINE: Duration = Duration::from_secs(20);

struct Replica {
    directory: Directory<MemStore>,
    watch: JoinHandle<Result<(), StoreError>>,
}

impl Replica {
    async fn start(store: &MemStore) -> Self {
        let opened = Directory::open(store.clone(), Metrics::default()).await;
        let (directory, watch) = opened.unwrap();
        let watch = tokio::spawn(watch.run());
        Self { directory, watch }
    }

    fn access(&self, cluster: &str) -> Option<ClusterAccess> {
        self.directory.access().get(&name(cluster))
    }

    async fn create(&self, cluster: &str, cidr: &str) -> Result<Outcome, SubmitError> {
        let operation = create(cluster, cidr);
        self.directory.founder()(name(cluster), operation).await
    }

    /// Waits until the cluster is served here, or is not.
    async fn until_serves(&self, cluster: &str, serves: bool) {
        let what = format!("{cluster}: served should be {serves}");
        until(&what, || self.access(cluster).is_some() == serves).await;
    }
}

/// Waits for a condition.
async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let waiting = async {
        while !holds() {
            tokio::task::yield_now().await;
        }
    };
    let waited = tokio::time::timeout(DEADLINE, waiting).await;
    waited.unwrap_or_else(|_| panic!("{what}"));
}

impl Drop for Replica {
    fn drop(&mut self) {
        self.watch.abort();
    }
}

fn name(text: &str) -> Name {
    Name::label(text).unwrap()
}

fn operation(action: Action) -> Operation {
    let context = Context {
        method: "Test",
        ..Context::default()
    };
    Operation { action, context }
}

fn create(cluster: &str, cidr: &str) -> Operation {
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
    operation(Action::CreateCluster {
        name: name(cluster),
        spec,
        cidrs: vec![cidr.parse().unwrap()],
    })
}

fn service(key: &str) -> Operation {
    let port = ServicePort {
        name: String::new(),
        port: 80,
        protocol: portolan_model::Protocol::Tcp,
        target: TargetPort::Number(80),
        app_protocol: None,
        node_port: None,
    };
    let params = ServiceParams {
        spec: ServiceSpec {
            ports: vec![port],
            ..ServiceSpec::default()
        },
        fields: ServiceField::ALL.into(),
        ..ServiceParams::default()
    };
    operation(Action::PutService {
        key: Scoped::new(name("default"), name(key)),
        params,
        mode: PutMode::Create,
    })
}

fn delete() -> Operation {
    let force = true;
    let (etag, expected_uid) = (None, None);
    operation(Action::DeleteCluster {
        force,
        etag,
        expected_uid,
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_cluster_is_served_at_once_here_and_soon_elsewhere() {
    let store = MemStore::new();
    let (here, there) = (Replica::start(&store).await, Replica::start(&store).await);
    here.create("west", "10.0.0.0/24").await.unwrap();
    let west = here.access("west").expect("served with the answer");
    assert!(here.directory.nodes().get(&name("west")).is_some());
    west.allocator.submit(service("web")).await.unwrap();
    there.until_serves("west", true).await;

    let again = there.create("west", "10.0.0.0/24").await.unwrap_err();
    assert!(
        matches!(again, SubmitError::Refused(Refusal::AlreadyExists { .. })),
        "{again}"
    );
    let refused = here.create("east", "10.0.0.0/7").await.unwrap_err();
    assert!(
        matches!(refused, SubmitError::Refused(Refusal::Invalid { .. })),
        "{refused}"
    );
    assert!(
        here.access("east").is_none(),
        "nothing is left of a refusal"
    );

    let restarted = Replica::start(&store).await;
    let state = restarted.access("west").unwrap().allocator.cache().state();
    assert_eq!(state.services_after(None, None).count(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dry_run_leaves_no_cluster() {
    let store = MemStore::new();
    let here = Replica::start(&store).await;
    let mut dry_run = create("west", "10.0.0.0/24");
    dry_run.context.validate_only = true;
    here.directory.found(&name("west"), dry_run).await.unwrap();
    assert!(here.access("west").is_none());
    assert!(store.heads().await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clusters_know_nothing_of_each_other() {
    let store = MemStore::new();
    let here = Replica::start(&store).await;
    for cluster in ["west", "east"] {
        here.create(cluster, "10.0.0.0/30").await.unwrap();
    }
    for cluster in ["west", "east"] {
        let access = here.access(cluster).unwrap();
        for key in ["a", "b"] {
            access.allocator.submit(service(key)).await.unwrap();
        }
        let full = access.allocator.submit(service("c")).await.unwrap_err();
        assert!(
            matches!(full, SubmitError::Refused(Refusal::Exhausted { .. })),
            "{cluster}: {full}"
        );
    }
    here.access("west")
        .unwrap()
        .allocator
        .submit(delete())
        .await
        .unwrap();
    here.until_serves("west", false).await;
    let east = here.access("east").unwrap().allocator.cache().state();
    assert_eq!(east.services_after(None, None).count(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deleted_cluster_ends_everywhere_and_its_name_begins_anew() {
    let store = MemStore::new();
    let (here, there) = (Replica::start(&store).await, Replica::start(&store).await);
    here.create("west", "10.0.0.0/24").await.unwrap();
    there.until_serves("west", true).await;
    let old = there.access("west").unwrap();
    let register = operation(Action::PutNode {
        name: name("n1"),
        params: NodeParams::default(),
        mode: PutMode::Create,
    });
    old.allocator.submit(register).await.unwrap();
    store
        .record_events(&name("west"), &[event()])
        .await
        .unwrap();
    let before = old.allocator.cache().state().cluster().unwrap().meta.uid;
    let deleted = here
        .access("west")
        .unwrap()
        .allocator
        .submit(delete())
        .await
        .unwrap();

    for replica in [&here, &there] {
        replica.until_serves("west", false).await;
        assert!(replica.directory.nodes().get(&name("west")).is_none());
    }
    let cache = old.allocator.cache();
    // It is served no longer before all that belongs to it has ended.
    until("who watches it is told", || cache.position().epoch > 0).await;
    let late = old.allocator.submit(service("late")).await.unwrap_err();
    assert!(matches!(late, SubmitError::ShuttingDown), "{late}");
    assert!(Replica::start(&store).await.access("west").is_none());

    there.create("west", "10.1.0.0/24").await.unwrap();
    here.until_serves("west", true).await;
    let state = here.access("west").unwrap().allocator.cache().state();
    let after = &state.cluster().unwrap().meta;
    assert!(after.uid != before && after.revision > deleted.revision);
    assert_eq!(
        (state.services_after(None, None).count(), state.node_count()),
        (0, 0)
    );
    let events = store.events(&name("west"), "", 10).await.unwrap();
    assert!(events.is_empty(), "{events:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_may_be_taken_again_before_anybody_noticed() {
    let store = MemStore::new();
    let here = Replica::start(&store).await;
    here.create("west", "10.0.0.0/24").await.unwrap();
    for _ in 0..20 {
        let west = here.access("west").unwrap();
        west.allocator.submit(delete()).await.unwrap();
        here.create("west", "10.0.0.0/24").await.unwrap();
        let west = here.access("west").unwrap();
        west.allocator.submit(service("web")).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_orphans_that_nobody_wrote_lately_are_given_up() {
    let store = MemStore::new();
    let here = Replica::start(&store).await;
    here.create("west", "10.0.0.0/24").await.unwrap();
    let cache = here.access("west").unwrap().allocator.cache().clone();
    let orphan = IpClaim {
        address: "10.0.0.9".parse().unwrap(),
        owner: ClaimOwner {
            uid: Uid::from_random(7),
            namespace: name("default"),
            name: name("gone"),
        },
        state: ClaimState::Held,
    };
    let claimed = Claimed::Address(orphan.address);
    let written = write_around(&store, &cache, Change::create(orphan)).await;
    tokio::time::timeout(DEADLINE, cache.wait_for(written.revision))
        .await
        .unwrap();
    let findings = audit(&cache.state());
    for (seconds, given_up) in [(1, false), (59, false), (61, true)] {
        let now = Timestamp(written.committed_at.0 + seconds * 1_000_000);
        let orphans = settled_orphans(&cache, &findings, now);
        assert_eq!(
            orphans.contains(&(claimed, Uid::from_random(7))),
            given_up,
            "{seconds} s later"
        );
    }
}

/// Commits what no operation would.
async fn write_around(store: &MemStore, cache: &Cache, change: Change) -> Arc<Commit> {
    let after = cache.position().revision;
    let locked = store
        .lock_and_read_after(cache.cluster(), after)
        .await
        .unwrap();
    let mut state = (*cache.state()).clone();
    let records = vec![state.apply(&change)];
    let commit = Arc::new(Commit {
        revision: after.next(),
        token: Uid::from_random(1),
        committed_at: locked.now,
        traceparent: String::new(),
        digest: state.digest(),
        changes: vec![change],
    });
    let write = Write {
        commit: commit.clone(),
        records,
        audit: Vec::new(),
    };
    locked.transaction.commit(&write).await.unwrap();
    commit
}

fn event() -> Event {
    Event {
        object: "namespaces/default/services/old".to_owned(),
        object_uid: Uid::from_random(1),
        event_type: EventType::Normal,
        reason: "Test".to_owned(),
        message: "of the old cluster".to_owned(),
        component: "test".to_owned(),
        count: 1,
        first_at: Timestamp(1),
        last_at: Timestamp(1),
    }
}
