//! Writers fill a range to its last address through three replicas, while replicas are killed and started again.
//!
//! `PORTOLAN_EXHAUSTION_PREFIX` says how long the prefix of the range is: 20 unless set, 16 in `tests/run --long`.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use portolan_proto::v1;
use portolan_proto::v1::cluster_api_client::ClusterApiClient;
use portolan_store_postgres::testing::{fresh_database, program};
use portolan_tests::api::{NAMESPACE, Services, block_on, channel, service, virtual_ip};
use portolan_tests::{Server, Store, eventually, holds, run};
use tokio::task::JoinSet;
use tonic::{Code, Status};
use tonic_types::StatusExt;

const REPLICAS: usize = 3;
const WRITERS: usize = 64;
const KILLS: usize = 10;
/// Attempts at one create; each one that fails is made at another replica.
const ATTEMPTS: usize = 400;
/// Before another attempt.
const PAUSE: Duration = Duration::from_millis(50);
/// Creates that are sent once more when all is done.
const REPEATED: usize = 500;

/// What writers were told.
#[derive(Default)]
struct Told {
    /// What was created: name, then uid and address.
    created: BTreeMap<String, (String, IpAddr)>,
    refused: Vec<Status>,
    /// Attempts without an answer, or that the server asked to make again.
    repeated: usize,
    slowest: Duration,
}

fn prefix() -> u32 {
    let text = std::env::var("PORTOLAN_EXHAUSTION_PREFIX");
    text.map_or(20, |text| text.parse().expect("a length"))
}

fn id(i: usize) -> String {
    format!("00000000-0000-4000-8000-{i:012}")
}

/// Whether the same request may be sent again. The server says so, or it is not there to say anything.
fn is_passing(status: &Status) -> bool {
    match status.get_details_error_info() {
        Some(info) => [
            "STORE_UNAVAILABLE",
            "OUTCOME_UNKNOWN",
            "SHUTTING_DOWN",
            "OVERLOADED",
        ]
        .contains(&info.reason.as_str()),
        None => matches!(
            status.code(),
            Code::Unavailable | Code::Unknown | Code::Cancelled | Code::Internal
        ),
    }
}

/// How far the writers are, and how many replicas were killed and are back.
struct Progress {
    total: usize,
    next: AtomicUsize,
    kills: AtomicUsize,
}

impl Progress {
    /// Creates after which another replica is killed.
    fn due(&self, kills: usize) -> usize {
        self.total * (kills + 1) / (KILLS + 1)
    }

    /// The next create, if there is one. Writers get half a round ahead of a replica that starts again, no further: the
    /// next one is killed while they write.
    async fn next(&self) -> Option<usize> {
        let i = self.next.fetch_add(1, Ordering::Relaxed);
        let ahead = self.due(0) / 2;
        while i > self.due(self.kills.load(Ordering::Relaxed)) + ahead {
            tokio::time::sleep(PAUSE).await;
        }
        (i < self.total).then_some(i)
    }
}

async fn write(
    mut replicas: Vec<Services>,
    mine: usize,
    progress: Arc<Progress>,
    told: Arc<Mutex<Told>>,
) {
    while let Some(i) = progress.next().await {
        let name = format!("s-{i}");
        let began = Instant::now();
        for attempt in 0.. {
            assert!(attempt < ATTEMPTS, "{name} was never answered");
            let replica = &mut replicas[(mine + attempt) % REPLICAS];
            let answer = replica.create_once(&name, service(80), &id(i)).await;
            if told.lock().expect("nobody panics").note(answer) {
                break;
            }
            tokio::time::sleep(PAUSE).await;
        }
        let mut told = told.lock().expect("nobody panics");
        told.slowest = told.slowest.max(began.elapsed());
    }
}

impl Told {
    /// Notes an answer; `false` if there was none that counts.
    fn note(&mut self, answer: Result<v1::Service, Status>) -> bool {
        match answer {
            Ok(service) => {
                let what = (service.uid.clone(), virtual_ip(&service));
                let before = self.created.insert(service.name.clone(), what);
                assert_eq!(before, None, "{} is created once", service.name);
            }
            Err(status) if is_passing(&status) => {
                self.repeated += 1;
                return false;
            }
            Err(status) => self.refused.push(status),
        }
        true
    }
}

/// Kills replicas, each when so much more is done, and starts them again.
fn kill_and_start(servers: &mut [Server<'_>], progress: &Progress) {
    for kill in 0..KILLS {
        let done = || progress.next.load(Ordering::Relaxed);
        while done() < progress.due(kill) {
            std::thread::sleep(Duration::from_millis(1));
        }
        let victim: usize = rand::random_range(0..REPLICAS);
        let at = done();
        servers[victim].process.kill();
        let began = Instant::now();
        servers[victim].start_again();
        progress.kills.fetch_add(1, Ordering::Relaxed);
        println!(
            "replica {victim} killed at {at}, back {:?} later at {}",
            began.elapsed(),
            done()
        );
    }
}

#[test]
fn replicas_fill_a_range_to_its_last_address_while_they_are_killed() {
    let total = 1 << (32 - prefix());
    let usable = total - 2;
    let url = block_on(fresh_database()).expect("a database");
    let range = format!("10.64.0.0/{}", prefix());
    let flags = ["--service-cidr", range.as_str()];
    let start = |_| Server::start(None, &Store::Postgres(url.clone()), &flags);
    let mut servers: Vec<_> = (0..REPLICAS).map(start).collect();
    let replicas: Vec<_> = servers.iter().map(|s| Services::at(&s.url())).collect();
    let told: Arc<Mutex<Told>> = Arc::default();
    let progress = Arc::new(Progress {
        total,
        next: AtomicUsize::new(0),
        kills: AtomicUsize::new(0),
    });

    let began = Instant::now();
    let writing = async {
        let mut writers = JoinSet::new();
        for mine in 0..WRITERS {
            writers.spawn(write(
                replicas.clone(),
                mine,
                progress.clone(),
                told.clone(),
            ));
        }
        writers.join_all().await;
    };
    std::thread::scope(|scope| {
        scope.spawn(|| kill_and_start(&mut servers, &progress));
        block_on(writing);
    });
    let took = began.elapsed();
    let told = Arc::into_inner(told).expect("nobody writes any more");
    let told = told.into_inner().expect("nobody panicked");
    println!(
        "{total} creates in {took:?} with {KILLS} kills: {} created, {} refused; {} attempts repeated, the slowest create {:?}",
        told.created.len(),
        told.refused.len(),
        told.repeated,
        told.slowest,
    );
    assert_refusals(&told.refused, usable);
    assert_eq!(told.created.len(), usable);
    let addresses: BTreeSet<_> = told.created.values().map(|(_, address)| *address).collect();
    assert_eq!(addresses.len(), usable, "distinct addresses");
    for server in &servers {
        assert_kept(server, &told);
    }
    assert_claims(&url, &told);
    block_on(assert_repeatable(replicas, &told, total));
}

/// Two, each with the exact counts.
fn assert_refusals(refused: &[Status], usable: usize) {
    assert_eq!(refused.len(), 2, "{refused:?}");
    for status in refused {
        assert_eq!(status.code(), Code::ResourceExhausted, "{status:?}");
        let info = status.get_details_error_info().expect("it says why");
        assert_eq!(info.reason, "CLUSTER_IP_EXHAUSTED");
        let count = |key: &str| info.metadata[key].parse::<usize>().expect("a count");
        let counts = [count("used"), count("quarantined"), count("capacity")];
        assert_eq!(counts, [usable, 0, usable]);
    }
}

/// A replica shows what was acknowledged and nothing else, finds nothing wrong, and no constraint had to step in.
fn assert_kept(server: &Server<'_>, told: &Told) {
    eventually("everything is seen", || {
        let list = block_on(Services::at(&server.url()).list()).map_err(|s| s.to_string())?;
        let what = |s: &v1::Service| (s.name.clone(), (s.uid.clone(), virtual_ip(s)));
        let kept: BTreeMap<_, _> = list.iter().map(what).collect();
        holds(kept == told.created, format!("{} are there", kept.len()))
    });
    let request = v1::AuditAllocationsRequest {
        name: "clusters/default".to_owned(),
        ..v1::AuditAllocationsRequest::default()
    };
    let audit = block_on(ClusterApiClient::new(channel(&server.url())).audit_allocations(request));
    assert_eq!(audit.expect("an audit").into_inner().total, 0);
    let conflicts = server.metric("portolan_allocator_constraint_conflicts_total");
    assert_eq!(conflicts, Some(0.0));
}

/// In SQL: one claim for each acknowledged Service, held by it, and no other.
fn assert_claims(url: &str, told: &Told) {
    let mut psql = Command::new(program("psql").expect("psql"));
    psql.args([
        url,
        "--no-psqlrc",
        "--tuples-only",
        "--no-align",
        "--command",
    ]);
    psql.arg("SELECT 'clusters/default/namespaces/' || replace(owner, '/', '/services/') || ' ' || owner_uid || ' ' || host(address) || ' ' || state FROM ip_claims");
    let said = run(psql, "");
    assert_eq!(said.code, 0, "{said:?}");
    let rows: BTreeSet<_> = said.out.lines().collect();
    let row = |(name, (uid, address)): (&String, &(String, IpAddr))| {
        format!("{name} {uid} {address} held")
    };
    let told: BTreeSet<_> = told.created.iter().map(row).collect();
    assert!(
        rows.iter().copied().eq(told.iter().map(String::as_str)),
        "{} rows",
        rows.len()
    );
}

/// A create that is sent again, through whatever replica, has its first result.
async fn assert_repeatable(mut replicas: Vec<Services>, told: &Told, total: usize) {
    for i in (0..total).step_by((total / REPEATED).max(1)) {
        let name = format!("s-{i}");
        let first = told.created.get(&format!("{NAMESPACE}/services/{name}"));
        let again = replicas[i % REPLICAS]
            .create_once(&name, service(80), &id(i))
            .await;
        match (first, again) {
            (Some((uid, address)), Ok(again)) => {
                assert_eq!((uid, *address), (&again.uid, virtual_ip(&again)), "{name}");
            }
            (None, Err(status)) => assert_eq!(status.code(), Code::ResourceExhausted, "{name}"),
            other => panic!("{name}: {other:?}"),
        }
    }
}
