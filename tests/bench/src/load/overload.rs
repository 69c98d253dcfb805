//! O1: lists of all that is large, and watches that choose among many, and what somebody else notices of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use portolan_proto::v1::service_api_client::ServiceApiClient;
use portolan_proto::v1::{
    CreateServiceRequest, ListServicesRequest, WatchEventType, WatchServicesRequest,
};
use tokio::task::JoinSet;
use tonic::transport::Channel;

use super::somebody::{Somebody, large, large_id};
use super::{Overloading, at_most, mib, most};
use crate::import::{NAMESPACE, import};
use crate::machine::{Facts, resident_kib};
use crate::report::Cell;
use crate::round::{Round, Rounds};
use crate::serve::{ControlPlane, Store};
use crate::stats::{median, percentile};

const LARGE: usize = 200;
/// Small writes beside the watches.
const WRITES: usize = 10;
/// Watches of one connection.
const A_CONNECTION: usize = 200;
const REST: Duration = Duration::from_secs(2);
const LOOK: Duration = Duration::from_millis(20);
/// Until the last watch has told what there is.
const DEADLINE: Duration = Duration::from_mins(3);
/// Milliseconds of a get beside lists, and of ten small writes beside watches.
const GET: f64 = 50.0;
const TEN_WRITES: f64 = 1000.0;
/// MiB that lists may take.
const MEMORY: f64 = 300.0;

#[derive(Default)]
struct Seen {
    gets: Rounds,
    latencies: Vec<f64>,
    list_memory: Vec<f64>,
    lists_took: Vec<f64>,
    writes: Rounds,
    watch_memory: Vec<f64>,
    watches_took: Vec<f64>,
}

/// Measures it.
pub(super) async fn run(plan: &Overloading, facts: &mut Facts) -> anyhow::Result<Vec<Cell>> {
    facts.insert("large_services".to_owned(), LARGE.to_string());
    let mut seen = Seen::default();
    for round in 0..plan.rounds {
        let listed = beside_lists(plan, &mut seen).await;
        listed.with_context(|| format!("lists, round {round}"))?;
        let watched = beside_watches(plan, &mut seen).await;
        watched.with_context(|| format!("watches, round {round}"))?;
        eprintln!(
            "round {round}: gets {:.2?} ms, {:.0} MiB, {:.1} s; writes {:.2?} ms, {:.0} MiB, {:.1} s",
            seen.gets.0.last(),
            seen.list_memory.last().unwrap_or(&0.0),
            seen.lists_took.last().unwrap_or(&0.0),
            seen.writes.0.last(),
            seen.watch_memory.last().unwrap_or(&0.0),
            seen.watches_took.last().unwrap_or(&0.0),
        );
    }
    Ok(seen.cells(plan))
}

/// Resident memory of the server above what it has now, at most, in MiB: looked at until the value is dropped.
struct Memory {
    most: Arc<AtomicU64>,
    _task: JoinSet<()>,
}

impl Memory {
    fn watch(pid: u32) -> Self {
        let most = Arc::new(AtomicU64::new(0));
        let rest = resident_kib(pid).unwrap_or_default();
        let (mut task, seen) = (JoinSet::new(), most.clone());
        task.spawn(async move {
            loop {
                let now = resident_kib(pid).unwrap_or_default();
                seen.fetch_max(now.saturating_sub(rest), Relaxed);
                tokio::time::sleep(LOOK).await;
            }
        });
        Self { most, _task: task }
    }

    fn most(&self) -> f64 {
        mib(self.most.load(Relaxed))
    }
}

async fn beside_lists(plan: &Overloading, seen: &mut Seen) -> anyhow::Result<()> {
    let server = ControlPlane::start(&Store::Sqlite).await?;
    let mut api = ServiceApiClient::new(server.connect().await?);
    for number in 0..LARGE {
        let name = large_id(number);
        let request = CreateServiceRequest {
            parent: NAMESPACE.to_owned(),
            service: Some(large(&name)),
            service_id: name,
            ..CreateServiceRequest::default()
        };
        api.create_service(request).await?;
    }
    let mut somebody = Somebody::come(&server).await?;
    tokio::time::sleep(REST).await;
    let began = Instant::now();
    let alone = somebody.read(|| began.elapsed() >= REST).await?;

    let memory = Memory::watch(server.pid());
    let done = Arc::new(AtomicBool::new(false));
    let (began, mut lists) = (Instant::now(), JoinSet::new());
    for _ in 0..plan.lists {
        // As clients are by default: all on one connection, and none takes more than 4 MiB.
        lists.spawn(list(api.clone()));
    }
    let waiting = async {
        let all = lists.join_all().await;
        done.store(true, Relaxed);
        all.into_iter().collect::<anyhow::Result<Vec<_>>>()
    };
    let (beside, listed) = tokio::join!(somebody.read(|| done.load(Relaxed)), waiting);
    for count in listed? {
        ensure!(count > LARGE, "{count} Services are listed");
    }
    let beside = beside?;
    seen.lists_took.push(began.elapsed().as_secs_f64());
    seen.list_memory.push(memory.most());
    seen.gets.0.push(Round {
        ours: percentile(&beside, 99),
        floor: percentile(&alone, 99),
        peer: None,
    });
    seen.latencies.extend(beside);
    Ok(())
}

/// Lists everything; how much that is.
async fn list(mut api: ServiceApiClient<Channel>) -> anyhow::Result<usize> {
    let (mut count, mut token) = (0, String::new());
    loop {
        let request = ListServicesRequest {
            parent: NAMESPACE.to_owned(),
            page_size: 1000,
            page_token: token,
            ..ListServicesRequest::default()
        };
        let page = api.list_services(request).await?.into_inner();
        count += page.services.len();
        token = page.next_page_token;
        if token.is_empty() {
            return Ok(count);
        }
    }
}

async fn beside_watches(plan: &Overloading, seen: &mut Seen) -> anyhow::Result<()> {
    let server = ControlPlane::start(&Store::Sqlite).await?;
    import(&server, 0..plan.services).await?;
    let mut somebody = Somebody::come(&server).await?;
    tokio::time::sleep(REST).await;
    let alone = somebody.write(WRITES).await?;

    let memory = Memory::watch(server.pid());
    let told = Arc::new(AtomicUsize::new(0));
    let (began, mut watches) = (Instant::now(), JoinSet::new());
    for first in (0..plan.watches).step_by(A_CONNECTION) {
        let api = ServiceApiClient::new(server.connect().await?);
        for number in first..plan.watches.min(first + A_CONNECTION) {
            watches.spawn(watch(api.clone(), number, told.clone()));
        }
    }
    let beside = somebody.write(WRITES).await?;
    while told.load(Relaxed) < plan.watches {
        let so_far = told.load(Relaxed);
        ensure!(began.elapsed() < DEADLINE, "{so_far} watches have begun");
        tokio::time::sleep(LOOK).await;
    }
    seen.watches_took.push(began.elapsed().as_secs_f64());
    // And once more, when all of them look at each write.
    let followed = somebody.write(WRITES).await?;
    seen.watch_memory.push(memory.most());
    seen.writes.0.push(Round {
        ours: beside.max(followed),
        floor: alone,
        peer: None,
    });
    watches.abort_all();
    Ok(())
}

/// A watch that looks at every Service, and finds one.
async fn watch(
    mut api: ServiceApiClient<Channel>,
    number: usize,
    told: Arc<AtomicUsize>,
) -> anyhow::Result<()> {
    let request = WatchServicesRequest {
        parent: NAMESPACE.to_owned(),
        filter: format!("labels.app = none OR name = service-{number}"),
        ..WatchServicesRequest::default()
    };
    let mut events = api.watch_services(request).await?.into_inner();
    while let Some(event) = events.message().await? {
        if event.r#type() == WatchEventType::Synced {
            told.fetch_add(1, Relaxed);
        }
    }
    Ok(())
}

impl Seen {
    fn cells(self, plan: &Overloading) -> Vec<Cell> {
        let p99 = percentile(&self.latencies, 99);
        let longest = most(
            &self
                .writes
                .0
                .iter()
                .map(|round| round.ours)
                .collect::<Vec<_>>(),
        );
        let named = |details: [(&str, f64); 3]| {
            details.map(|(name, value)| (name.to_owned(), value)).into()
        };
        let lists = Cell {
            name: format!(
                "a get beside {} lists of {LARGE} Services of 256 KiB",
                plan.lists
            ),
            unit: "ms, p99",
            verdict: self.gets.verdict(),
            details: named([
                ("longest", most(&self.latencies)),
                ("MiB of the server above rest", most(&self.list_memory)),
                ("s until all are listed", median(&self.lists_took)),
            ]),
            targets: vec![
                at_most("p99", p99, GET, "ms"),
                at_most("above rest", most(&self.list_memory), MEMORY, "MiB"),
            ],
        };
        let watches = Cell {
            name: format!(
                "{WRITES} small writes beside {} watches that choose among {} Services",
                plan.watches, plan.services
            ),
            unit: "ms",
            verdict: self.writes.verdict(),
            details: named([
                ("longest", longest),
                ("MiB of the server above rest", median(&self.watch_memory)),
                ("s until all have begun", median(&self.watches_took)),
            ]),
            targets: vec![at_most("all", longest, TEN_WRITES, "ms")],
        };
        vec![lists, watches]
    }
}
