//! Watches that are cut at any event, and resumed by the rule of the API, lose nothing and keep nothing that is gone:
//! of Services, endpoints and workloads, over memory, SQLite and Postgres; and the operator's command resumes by that rule.
//! (Watches of clusters and of events have no revision to resume from: they begin with what is there.)
//!
//! 600 cuts of each noun and store in every run; `tests/run --long` makes it 10,000 (`PORTOLAN_CUTS`).

mod nouns;
mod reader;
mod writers;

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use portolan_proto::v1;
use portolan_store_postgres::testing::fresh_database;
use portolan_tests::api::{Services, block_on, channel, service};
use portolan_tests::{Process, Server, Store, binary, eventually};
use rand::RngExt;
use tokio::task::JoinHandle;
use tonic::transport::Channel;

use nouns::Watched;
use reader::Reader;

/// Of each noun.
const READERS: u64 = 4;
const WRITERS: u64 = 8;
/// What is created when everything else is done.
const END: &str = "end";

fn number(variable: &str, otherwise: u64) -> u64 {
    let text = std::env::var(variable).ok();
    text.map_or(otherwise, |text| text.parse().expect("a number"))
}

/// Starts readers of one noun.
fn readers<N: Watched>(url: &str, seed: u64, cuts: u64) -> Vec<JoinHandle<Reader<N>>> {
    let start = |n| {
        let mut reader = Reader::new(channel(url), seed ^ n);
        tokio::spawn(async move {
            reader.cut(cuts).await;
            reader
        })
    };
    (0..READERS).map(start).collect()
}

/// What readers come to, once they are cut no more.
async fn finish<N: Watched>(server: &Channel, readers: Vec<Reader<N>>) {
    let want = N::list(server.clone()).await;
    for mut reader in readers {
        reader.finish(END).await;
        assert_eq!(reader.held, want, "what is held, and what is listed");
    }
}

async fn all<T>(tasks: Vec<JoinHandle<T>>) -> Vec<T> {
    let mut done = Vec::new();
    for task in tasks {
        done.push(task.await.expect("it does not panic"));
    }
    done
}

fn survive(store: &Store) {
    let server = Server::start(None, store, &[]);
    let url = server.url();
    let seed = number("PORTOLAN_CUTS_SEED", rand::rng().random());
    println!("PORTOLAN_CUTS_SEED={seed}");
    let cuts = number("PORTOLAN_CUTS", 600) / READERS;
    block_on(async {
        let stop = Arc::new(AtomicBool::new(false));
        let writers = (0..WRITERS)
            .map(|n| {
                tokio::spawn(writers::write(
                    channel(&url),
                    seed ^ (100 + n),
                    stop.clone(),
                ))
            })
            .collect();
        let services = readers::<v1::Service>(&url, seed, cuts);
        let endpoints = readers::<v1::Endpoint>(&url, seed.wrapping_add(10), cuts);
        let workloads = readers::<v1::Workload>(&url, seed.wrapping_add(20), cuts);
        let services = all(services).await;
        let (endpoints, workloads) = (all(endpoints).await, all(workloads).await);
        stop.store(true, Ordering::Relaxed);
        all(writers).await;
        let to = channel(&url);
        writers::end(&to, END).await;
        for reader in &services {
            let within = reader.within;
            assert!(within * 20 > cuts, "{within} of {cuts} within a revision");
        }
        finish(&to, services).await;
        finish(&to, endpoints).await;
        finish(&to, workloads).await;
    });
}

#[test]
fn no_event_is_lost_or_doubled_over_memory() {
    survive(&Store::Memory);
}

#[test]
fn no_event_is_lost_or_doubled_over_sqlite() {
    survive(&Store::Sqlite);
}

#[test]
fn no_event_is_lost_or_doubled_over_postgres() {
    let url = block_on(fresh_database()).expect("Postgres");
    survive(&Store::Postgres(url));
}

#[test]
fn the_command_goes_on_where_a_killed_server_left_it() {
    const KILLS: u8 = 4;
    let mut server = Server::start(None, &Store::Sqlite, &[]);
    let url = server.url();
    let mut command = Command::new(binary("portolan"));
    command.args(["get", "services", "--watch", "--output", "name"]);
    command.env("PORTOLAN_SERVER", &url);
    let mut watching = Process::start("portolan get", command);
    let created_and_told = |name: String| {
        block_on(async {
            let mut services = Services::at(&url);
            services
                .create(&name, service(80))
                .await
                .expect("a Service");
        });
        let line = format!("service/{name}");
        eventually(&line, || {
            let said = watching.said();
            let is_told = said.lines().any(|told| told == line);
            is_told.then_some(()).ok_or(said)
        });
    };
    for round in 0..KILLS {
        created_and_told(format!("before{round}"));
        server.process.kill();
        server.start_again();
        created_and_told(format!("after{round}"));
    }
    assert!(watching.ended().is_none(), "{}", watching.said());
    let said = watching.said();
    assert_eq!(
        said.lines().count(),
        2 * usize::from(KILLS),
        "each once: {said}"
    );
}
