//! S3: what a create costs in a range that is nearly full.
//!
//! ```text
//! ours    4 clients --create, delete, create …--> portolan serve; a /16 that is 50, 90, 99 and 99.99 % full
//! peer    the same where nothing is taken yet: flat means a ratio of 1
//! floor   one small row a transaction, one after the other
//! ```
//! At 99.99 % seven addresses are free, and the clients hold four of them. With no node registered a released address
//! is free at once, so the very same few come and go.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow, ensure};
use portolan_proto::v1::service_api_client::ServiceApiClient;
use portolan_proto::v1::{CreateServiceRequest, DeleteServiceRequest, ListServicesRequest};
use portolan_store_postgres::testing::TestServer;
use sqlx::{Connection, Executor, PgConnection};
use tokio::task::JoinSet;
use tonic::transport::Channel;

use crate::import::{NAMESPACE, import, service};
use crate::machine::Facts;
use crate::report::{Cell, Target};
use crate::round::{Round, Rounds};
use crate::s1::Workload;
use crate::s1::postgres::Postgres;
use crate::serve::{ControlPlane, Store};
use crate::stats::percentile;

/// The range, and what is usable in it.
const RANGE: &str = "10.0.0.0/16";
const CAPACITY: usize = 65_534;
/// Per ten thousand: how much of it is taken.
const FILLS: [usize; 4] = [5_000, 9_000, 9_900, 9_999];
const CLIENTS: usize = 4;
/// Milliseconds that 99 of 100 creates may take.
const P99_MS: f64 = 5.0;
/// How far the 99th percentile may be from that of an empty range.
const FLAT: f64 = 1.5;

/// What is done.
pub(crate) struct Plan {
    pub(crate) rounds: usize,
    /// Per cell.
    pub(crate) length: Duration,
}

/// One row of the table in the making.
#[derive(Default)]
struct Series {
    rounds: Rounds,
    creates: Vec<f64>,
}

/// Measures every cell.
pub(crate) async fn run(plan: &Plan, facts: &mut Facts) -> anyhow::Result<Vec<Cell>> {
    let server = TestServer::start_durable().map_err(|error| anyhow!(error))?;
    let postgres = Postgres::new(server, Workload::ClusterIp)?;
    postgres.describe(facts).await?;
    facts.insert("range".to_owned(), RANGE.to_owned());
    facts.insert("clients".to_owned(), CLIENTS.to_string());
    let mut table = FILLS.map(|_| Series::default());
    let mut empty = Vec::new();
    for round in 0..plan.rounds {
        let floor = single_rows(&postgres.fresh_database().await?, plan.length).await?;
        let store = Store::Postgres(postgres.fresh_database().await?);
        let server = ControlPlane::start_with(&store, RANGE).await?;
        let unhindered = churn(&server, plan.length).await?;
        let mut taken = 0;
        for (fill, series) in FILLS.iter().zip(&mut table) {
            let wanted = CAPACITY * fill / 10_000;
            import(&server, taken..wanted).await?;
            taken = wanted;
            let creates = churn(&server, plan.length).await?;
            let measured = Round {
                ours: percentile(&creates, 50),
                floor,
                peer: Some(percentile(&unhindered, 50)),
            };
            eprintln!("round {round}, {}: {measured:.2?}", name(*fill));
            series.rounds.0.push(measured);
            series.creates.extend(creates);
        }
        check(&server, taken).await?;
        empty.extend(unhindered);
    }
    let cells = FILLS.iter().zip(table);
    Ok(cells
        .map(|(fill, series)| series.cell(*fill, &empty))
        .collect())
}

fn name(fill: usize) -> String {
    format!("{}.{:02} % full", fill / 100, fill % 100)
}

impl Series {
    fn cell(self, fill: usize, empty: &[f64]) -> Cell {
        let (p99, p99_empty) = (percentile(&self.creates, 99), percentile(empty, 99));
        let details = [
            ("p99", p99),
            ("max", percentile(&self.creates, 100)),
            ("p99 of an empty range", p99_empty),
        ];
        Cell {
            name: name(fill),
            unit: "ms, p50 of a create",
            verdict: self.rounds.verdict(),
            details: details.map(|(name, value)| (name.to_owned(), value)).into(),
            targets: vec![
                Target {
                    text: format!("p99 ≤ {P99_MS:.0} ms"),
                    reached: p99 <= P99_MS,
                },
                Target {
                    text: format!("flat: p99 ≤ {FLAT}× that of an empty range"),
                    reached: p99 <= FLAT * p99_empty,
                },
            ],
        }
    }
}

/// Creates and deletes in turns, for so long; gives how long each create took, in milliseconds.
async fn churn(server: &ControlPlane, length: Duration) -> anyhow::Result<Vec<f64>> {
    let mut tasks = JoinSet::new();
    for number in 0..CLIENTS {
        let api = ServiceApiClient::new(server.connect().await?);
        tasks.spawn(come_and_go(api, format!("passing-{number}"), length));
    }
    let mut creates = Vec::new();
    while let Some(done) = tasks.join_next().await {
        creates.extend(done??);
    }
    Ok(creates)
}

async fn come_and_go(
    mut api: ServiceApiClient<Channel>,
    id: String,
    length: Duration,
) -> anyhow::Result<Vec<f64>> {
    let create = CreateServiceRequest {
        parent: NAMESPACE.to_owned(),
        service: Some(service(&id)),
        service_id: id.clone(),
        ..CreateServiceRequest::default()
    };
    let delete = DeleteServiceRequest {
        name: format!("{NAMESPACE}/services/{id}"),
        ..DeleteServiceRequest::default()
    };
    let (began, mut creates) = (Instant::now(), Vec::new());
    // The first use of a connection is no part of what is measured.
    for is_first in std::iter::once(true).chain(std::iter::repeat(false)) {
        let sent = Instant::now();
        let done = api.create_service(create.clone()).await;
        done.context("creating a Service")?;
        if !is_first {
            creates.push(sent.elapsed().as_secs_f64() * 1e3);
        }
        let done = api.delete_service(delete.clone()).await;
        done.context("deleting a Service")?;
        if began.elapsed() >= length {
            break;
        }
    }
    Ok(creates)
}

/// Every Service that was imported is there, each with an address of its own.
async fn check(server: &ControlPlane, expected: usize) -> anyhow::Result<()> {
    let mut api = ServiceApiClient::new(server.connect().await?);
    let (mut addresses, mut page_token) = (HashSet::new(), String::new());
    loop {
        let request = ListServicesRequest {
            parent: NAMESPACE.to_owned(),
            page_size: 1_000,
            page_token,
            ..ListServicesRequest::default()
        };
        let page = api.list_services(request).await?.into_inner();
        let specs = page.services.into_iter().filter_map(|it| it.spec);
        for address in specs.flat_map(|spec| spec.cluster_ips) {
            ensure!(
                addresses.insert(address.clone()),
                "{address} was given twice"
            );
        }
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    ensure!(
        addresses.len() == expected,
        "{} addresses for {expected} Services",
        addresses.len()
    );
    Ok(())
}

/// Milliseconds of a transaction of one row.
async fn single_rows(url: &str, length: Duration) -> anyhow::Result<f64> {
    let mut connection = PgConnection::connect(url).await?;
    connection
        .execute("CREATE TABLE floor (number bigint PRIMARY KEY, name text NOT NULL)")
        .await?;
    let (began, mut done) = (Instant::now(), 0_u32);
    while began.elapsed() < length {
        let insert = sqlx::query("INSERT INTO floor (number, name) VALUES ($1, 'service')");
        insert
            .bind(i64::from(done))
            .execute(&mut connection)
            .await?;
        done += 1;
    }
    Ok(began.elapsed().as_secs_f64() * 1e3 / f64::from(done))
}
