//! Watches that are cut at any event, and resumed by the rule of the API, lose nothing and keep nothing that is gone:
//! over memory, SQLite and Postgres; and the operator's command resumes by that rule.
//!
//! 600 cuts of each store in every run; `tests/run --long` makes it 10,000 (`PORTOLAN_CUTS`).

use std::collections::BTreeMap;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use portolan_proto::v1;
use portolan_proto::v1::WatchEventType;
use portolan_store_postgres::testing::fresh_database;
use portolan_tests::api::{NAMESPACE, Services, block_on, service};
use portolan_tests::{Process, Server, Store, binary, eventually};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tonic::Code;

const READERS: u64 = 4;
const WRITERS: u64 = 6;
/// So few names that they are deleted and created again within one revision.
const NAMES: u32 = 12;
/// How long a reader waits for an event before it is cut without one.
const SILENCE: Duration = Duration::from_millis(20);
/// The Service that is created when everything else is done.
const END: &str = "end";

fn number(variable: &str, otherwise: u64) -> u64 {
    let text = std::env::var(variable).ok();
    text.map_or(otherwise, |text| text.parse().expect("a number"))
}

/// What a client that was cut again and again believes in.
struct Reader {
    services: Services,
    random: StdRng,
    /// Name and generation by uid.
    held: BTreeMap<String, (String, i64)>,
    revision: u64,
    store_id: String,
    /// Cuts after an event that was not the last one of its revision.
    within: u64,
}

impl Reader {
    fn new(url: &str, seed: u64) -> Self {
        Self {
            services: Services::at(url),
            random: StdRng::seed_from_u64(seed),
            held: BTreeMap::new(),
            revision: 0,
            store_id: String::new(),
            within: 0,
        }
    }

    /// Watches from where it was, for so many events.
    async fn watch(&mut self, events: u32, silence: Duration) {
        if self.revision == 0 {
            self.held.clear();
        }
        let request = v1::WatchServicesRequest {
            parent: NAMESPACE.to_owned(),
            from_revision: self.revision,
            store_id: self.store_id.clone(),
            ..v1::WatchServicesRequest::default()
        };
        let opened = self.services.client.watch_services(request).await;
        let mut stream = opened.expect("a watch").into_inner();
        let mut is_within = false;
        for _ in 0..events {
            let Ok(event) = tokio::time::timeout(silence, stream.message()).await else {
                break;
            };
            let event = event.expect("an event").expect("the watch goes on");
            is_within = event.revision == 0 && event.r#type() != WatchEventType::Status;
            self.take(event);
        }
        self.within += u64::from(is_within);
    }

    fn take(&mut self, event: v1::WatchServicesResponse) {
        let kind = event.r#type();
        if let Some(service) = event.service {
            let held = (service.name, service.generation);
            match kind {
                WatchEventType::Added | WatchEventType::Modified => {
                    self.held.insert(service.uid, held);
                }
                WatchEventType::Deleted => drop(self.held.remove(&service.uid)),
                _ => {}
            }
        }
        if event.revision > 0 {
            self.revision = event.revision;
            self.store_id = event.store_id;
        }
    }

    /// So many cuts, most of them after a few events.
    async fn cut(&mut self, cuts: u64) {
        for _ in 0..cuts {
            let most = if self.random.random_bool(0.1) { 60 } else { 6 };
            let events = self.random.random_range(0..=most);
            self.watch(events, SILENCE).await;
        }
    }

    /// Goes on until it has seen the end.
    async fn finish(&mut self) {
        let ended = |held: &(String, i64)| held.0.ends_with("/end");
        while self.revision == 0 || !self.held.values().any(ended) {
            self.watch(100, Duration::from_millis(500)).await;
        }
    }
}

/// Creates, changes and deletes a few Services again and again, three at a time where that is possible.
async fn write(mut services: Services, seed: u64, stop: Arc<AtomicBool>) {
    let mut random = StdRng::seed_from_u64(seed);
    while !stop.load(Ordering::Relaxed) {
        let n = random.random_range(0..NAMES);
        let done = match random.random_range(0..3) {
            0 => create_three(&mut services, n).await,
            1 => services
                .create(&format!("s{n}"), service(80))
                .await
                .map(drop),
            _ => services.delete(&format!("s{n}")).await.map(drop),
        };
        if let Err(status) = done {
            let expected = [Code::NotFound, Code::AlreadyExists];
            assert!(expected.contains(&status.code()), "{status:?}");
        }
    }
}

async fn create_three(services: &mut Services, n: u32) -> Result<(), tonic::Status> {
    let one = |n: u32| v1::CreateServiceRequest {
        parent: NAMESPACE.to_owned(),
        service_id: format!("s{}", n % NAMES),
        service: Some(v1::Service {
            spec: Some(service(80)),
            ..v1::Service::default()
        }),
        ..v1::CreateServiceRequest::default()
    };
    let request = v1::BatchCreateServicesRequest {
        parent: NAMESPACE.to_owned(),
        requests: (n..n + 3).map(one).collect(),
        ..v1::BatchCreateServicesRequest::default()
    };
    services
        .client
        .batch_create_services(request)
        .await
        .map(drop)
}

fn survive(store: &Store) {
    let server = Server::start(None, store, &[]);
    let url = server.url();
    let seed = number("PORTOLAN_CUTS_SEED", rand::rng().random());
    println!("PORTOLAN_CUTS_SEED={seed}");
    let cuts = number("PORTOLAN_CUTS", 600) / READERS;
    block_on(async {
        let stop = Arc::new(AtomicBool::new(false));
        let writers: Vec<_> = (0..WRITERS)
            .map(|n| tokio::spawn(write(Services::at(&url), seed ^ (100 + n), stop.clone())))
            .collect();
        let readers: Vec<_> = (0..READERS)
            .map(|n| {
                let mut reader = Reader::new(&url, seed ^ n);
                tokio::spawn(async move {
                    reader.cut(cuts).await;
                    reader
                })
            })
            .collect();
        let mut done = Vec::new();
        for reader in readers {
            done.push(reader.await.expect("a reader"));
        }
        stop.store(true, Ordering::Relaxed);
        for writer in writers {
            writer.await.expect("a writer");
        }
        let mut services = Services::at(&url);
        services.create(END, service(80)).await.expect("the end");
        let listed = services.list().await.expect("a list");
        let want: BTreeMap<_, _> = listed
            .into_iter()
            .map(|service| (service.uid, (service.name, service.generation)))
            .collect();
        for mut reader in done {
            reader.finish().await;
            assert_eq!(reader.held, want, "what is held, and what is listed");
            assert!(
                reader.within * 20 > cuts,
                "{} of {cuts} within a revision",
                reader.within
            );
        }
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
