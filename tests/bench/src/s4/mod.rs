//! S4: reading among 100,000 Services, and what they weigh.
//!
//! ```text
//! ours    4 clients --GetService--> portolan serve;  2 clients --ListServices, pages of 1,000--> it
//! floor   as many clients --a length--> a process that does nothing else --so many bytes--> them
//! ```
//! All reads come from memory. Each round has a server of its own, into which all Services are imported first.

mod floor;

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use portolan_proto::v1::service_api_client::ServiceApiClient;
use portolan_proto::v1::{GetServiceRequest, ListServicesRequest, Service};
use prost::Message;
use tokio::task::JoinSet;
use tonic::transport::Channel;

use crate::import::{NAMESPACE, id, import};
use crate::machine::{Facts, resident_kib};
use crate::report::{Cell, Target};
use crate::round::{Party, Round, Rounds, turns};
use crate::serve::{ControlPlane, Store};
use crate::stats::{median, percentile};
use floor::Floor;
pub(crate) use floor::{COMMAND as FLOOR_COMMAND, serve as serve_floor};

const GETTERS: usize = 4;
const LISTERS: usize = 2;
const PAGE: i32 = 1_000;
/// Milliseconds that 99 of 100 gets may take.
const GET_P99_MS: f64 = 1.0;
/// Services to list in a second.
const LIST_RATE: f64 = 100_000.0;
/// Bytes of memory that a Service may take beside its own.
const BESIDE: f64 = 2048.0;
/// Of a server that has nothing to do, before its memory is looked at.
const REST: Duration = Duration::from_secs(2);

/// What is done.
pub(crate) struct Plan {
    pub(crate) rounds: usize,
    pub(crate) services: usize,
    /// Per cell.
    pub(crate) length: Duration,
}

/// What all rounds saw.
#[derive(Default)]
struct Seen {
    gets: Rounds,
    latencies: Vec<f64>,
    get_rates: Vec<f64>,
    lists: Rounds,
    weights: Rounds,
    resident_mib: Vec<f64>,
}

/// Measures every cell.
pub(crate) async fn run(plan: &Plan, facts: &mut Facts) -> anyhow::Result<Vec<Cell>> {
    facts.insert("services".to_owned(), plan.services.to_string());
    let mut seen = Seen::default();
    for round in 0..plan.rounds {
        let measured = measure(round, plan, &mut seen).await;
        measured.with_context(|| format!("round {round}"))?;
        let last = [&seen.gets, &seen.lists, &seen.weights].map(|rounds| rounds.0.last().copied());
        eprintln!("round {round}: {last:.2?}");
    }
    Ok(seen.cells())
}

async fn measure(round: usize, plan: &Plan, seen: &mut Seen) -> anyhow::Result<()> {
    let server = ControlPlane::start(&Store::Sqlite).await?;
    let resident = || resident_kib(server.pid()).context("the server's memory");
    tokio::time::sleep(REST).await;
    let before = resident()?;
    import(&server, 0..plan.services).await?;
    tokio::time::sleep(REST).await;
    let grown = ratio((resident()? - before) * 1024, plan.services);
    seen.resident_mib.push(ratio(resident()?, 1024));
    let (listed, bytes) = list_once(&server).await?;
    ensure!(
        listed == plan.services,
        "{listed} Services, not {}",
        plan.services
    );
    seen.weights.0.push(Round {
        ours: grown,
        floor: ratio(bytes, listed),
        peer: None,
    });
    let one = get(&mut api(&server).await?, 0).await?.encoded_len();
    let page = usize::try_from(bytes)? / listed * usize::try_from(PAGE)?;
    let floor = Floor::start().await?;
    let (mut gets, mut lists) = (Round::default(), Round::default());
    for party in turns(round) {
        match party {
            Party::Ours => {
                let (latencies, took) = all_get(&server, plan).await?;
                gets.ours = percentile(&latencies, 50);
                seen.get_rates.push(rate(latencies.len(), took));
                seen.latencies.extend(latencies);
                lists.ours = all_list(&server, plan.length).await?;
            }
            Party::Floor => {
                let latencies = floor.pull(GETTERS, one, plan.length).await?;
                gets.floor = percentile(&latencies, 50);
                let pages = floor.pull(LISTERS, page, plan.length).await?;
                lists.floor = rate(pages.len() * usize::try_from(PAGE)?, plan.length);
            }
            Party::Peer => {}
        }
    }
    seen.gets.0.push(gets);
    seen.lists.0.push(lists);
    Ok(())
}

async fn api(server: &ControlPlane) -> anyhow::Result<ServiceApiClient<Channel>> {
    let api = ServiceApiClient::new(server.connect().await?);
    Ok(api.max_decoding_message_size(64 << 20))
}

async fn get(api: &mut ServiceApiClient<Channel>, number: usize) -> anyhow::Result<Service> {
    let request = GetServiceRequest {
        name: format!("{NAMESPACE}/services/{}", id(number)),
        ..GetServiceRequest::default()
    };
    Ok(api.get_service(request).await?.into_inner())
}

/// Gets one Service after the other, each client in another order; gives how long each took, in milliseconds.
async fn all_get(server: &ControlPlane, plan: &Plan) -> anyhow::Result<(Vec<f64>, Duration)> {
    let (length, services) = (plan.length, plan.services);
    let mut tasks = JoinSet::new();
    let began = Instant::now();
    for client in 0..GETTERS {
        let mut api = api(server).await?;
        tasks.spawn(async move {
            let mut latencies = Vec::new();
            let mut number = client;
            // The first use of a connection is no part of what is measured.
            get(&mut api, number).await?;
            while began.elapsed() < length {
                // Coprime to any number of Services that ends in zeros: all are met, neighbours seldom.
                number = (number + 7_919) % services;
                let sent = Instant::now();
                get(&mut api, number).await?;
                latencies.push(sent.elapsed().as_secs_f64() * 1e3);
            }
            Ok::<_, anyhow::Error>(latencies)
        });
    }
    let mut latencies = Vec::new();
    while let Some(done) = tasks.join_next().await {
        latencies.extend(done??);
    }
    Ok((latencies, began.elapsed()))
}

/// Services and bytes of the whole list.
async fn list_once(server: &ControlPlane) -> anyhow::Result<(usize, u64)> {
    let (mut api, mut token) = (api(server).await?, String::new());
    let (mut services, mut bytes) = (0, 0);
    loop {
        let page = next_page(&mut api, &mut token).await?;
        services += page.len();
        bytes += page
            .iter()
            .map(|service| service.encoded_len() as u64)
            .sum::<u64>();
        if token.is_empty() {
            return Ok((services, bytes));
        }
    }
}

/// Lists everything over and over; Services per second.
async fn all_list(server: &ControlPlane, length: Duration) -> anyhow::Result<f64> {
    let mut tasks = JoinSet::new();
    let began = Instant::now();
    for _ in 0..LISTERS {
        let mut api = api(server).await?;
        tasks.spawn(async move {
            let (mut listed, mut token) = (0, String::new());
            while began.elapsed() < length {
                listed += next_page(&mut api, &mut token).await?.len();
            }
            Ok::<_, anyhow::Error>(listed)
        });
    }
    let mut listed = 0;
    while let Some(done) = tasks.join_next().await {
        listed += done??;
    }
    Ok(rate(listed, began.elapsed()))
}

async fn next_page(
    api: &mut ServiceApiClient<Channel>,
    token: &mut String,
) -> anyhow::Result<Vec<Service>> {
    let request = ListServicesRequest {
        parent: NAMESPACE.to_owned(),
        page_size: PAGE,
        page_token: std::mem::take(token),
        ..ListServicesRequest::default()
    };
    let page = api.list_services(request).await?.into_inner();
    *token = page.next_page_token;
    Ok(page.services)
}

impl Seen {
    fn cells(self) -> Vec<Cell> {
        let p99 = percentile(&self.latencies, 99);
        let gets = Cell {
            name: format!("get, {GETTERS} clients"),
            unit: "ms, p50",
            verdict: self.gets.verdict(),
            details: vec![
                ("p99".to_owned(), p99),
                ("max".to_owned(), percentile(&self.latencies, 100)),
                ("gets/s".to_owned(), median(&self.get_rates)),
            ],
            targets: vec![Target {
                text: format!("p99 ≤ {GET_P99_MS:.0} ms"),
                reached: p99 <= GET_P99_MS,
            }],
        };
        let verdict = self.lists.verdict();
        let lists = Cell {
            name: format!("list, {LISTERS} clients, pages of {PAGE}"),
            unit: "Services/s",
            targets: vec![Target {
                text: format!("≥ {LIST_RATE:.0}/s"),
                reached: verdict.ours.median >= LIST_RATE,
            }],
            verdict,
            details: Vec::new(),
        };
        let verdict = self.weights.verdict();
        let beside = verdict.ours.median - verdict.floor.median;
        let weights = Cell {
            name: "memory a Service; floor: its bytes on the wire".to_owned(),
            unit: "bytes",
            verdict,
            details: vec![
                ("beside its bytes".to_owned(), beside),
                ("MiB in all".to_owned(), median(&self.resident_mib)),
            ],
            targets: vec![Target {
                text: format!("≤ {BESIDE:.0} bytes beside its own"),
                reached: beside <= BESIDE,
            }],
        };
        vec![gets, lists, weights]
    }
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
fn rate(count: usize, took: Duration) -> f64 {
    count as f64 / took.as_secs_f64()
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
fn ratio(sum: u64, count: usize) -> f64 {
    sum as f64 / count as f64
}
