//! Two servers on one Postgres are one control plane.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use portolan_proto::v1;
use portolan_proto::v1::node_api_client::NodeApiClient;
use portolan_proto::v1::service_cidr_api_client::ServiceCidrApiClient;
use portolan_store_postgres::testing::fresh_database;
use portolan_tests::api::{NAMESPACE, Services, block_on, channel, service, virtual_ip};
use portolan_tests::{Node, Plugin, Server, Store, Writer, eventually, holds};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tonic::{Code, Status, Streaming};

const WRITES: usize = 50;
/// Nine out of ten writes are seen elsewhere within this.
const SEEN_WITHIN: Duration = Duration::from_millis(100);
/// All of them are, on a machine that stalls.
const STALL: Duration = Duration::from_secs(1);

/// Time in which servers look several times whether an address may be freed.
const SWEEPS: Duration = Duration::from_secs(1);

/// Postgres ends the transaction of a paused server after two seconds, and the next writer goes on.
const HELD_UP: Duration = Duration::from_secs(6);

/// Two servers, one database.
struct Pair {
    a: Server<'static>,
    b: Server<'static>,
}

impl Pair {
    fn start(flags: &[&str]) -> Self {
        let url = block_on(fresh_database()).expect("a database");
        let server = || Server::start(None, &Store::Postgres(url.clone()), flags);
        Self {
            a: server(),
            b: server(),
        }
    }

    fn urls(&self) -> [String; 2] {
        [self.a.url(), self.b.url()]
    }
}

/// Median, nine of ten, and the longest.
fn figures(mut all: Vec<Duration>) -> [Duration; 3] {
    all.sort();
    [
        all[all.len() / 2],
        all[all.len() * 9 / 10],
        all[all.len() - 1],
    ]
}

fn assert_quick(what: &str, all: Vec<Duration>) {
    let [median, most, longest] = figures(all);
    println!("{what}: median {median:?}, 90 % {most:?}, longest {longest:?}");
    assert!(most <= SEEN_WITHIN, "{what}: 90 % {most:?}");
    assert!(longest <= STALL, "{what}: longest {longest:?}");
}

async fn watch(url: &str) -> Streaming<v1::WatchServicesResponse> {
    let request = v1::WatchServicesRequest {
        parent: NAMESPACE.to_owned(),
        ..v1::WatchServicesRequest::default()
    };
    let mut services = Services::at(url);
    let watch = services.client.watch_services(request).await;
    let mut watch = watch.expect("a watch").into_inner();
    loop {
        let event = watch.message().await.expect("the watch goes on");
        if event.expect("an event").r#type() == v1::WatchEventType::Synced {
            return watch;
        }
    }
}

#[test]
fn a_write_is_seen_by_watchers_and_nodes_of_the_other_server() {
    let pair = Pair::start(&[]);
    let [a, b] = pair.urls();
    block_on(async {
        let mut watch = watch(&b).await;
        let (names, mut seen) = mpsc::channel(WRITES);
        tokio::spawn(async move {
            while let Ok(Some(event)) = watch.message().await {
                let at = Instant::now();
                if let Some(service) = event.service {
                    names.send((service.name, at)).await.expect("it is awaited");
                }
            }
        });
        let mut node = Node::connect(&b, "n1").await.expect("a stream");
        let mut services = Services::at(&a);
        let (mut writes, mut watched, mut sent) = (Vec::new(), Vec::new(), Vec::new());
        for i in 0..WRITES {
            let began = Instant::now();
            let created = services.create(&format!("s-{i}"), service(80)).await;
            let created = created.expect("it is created");
            let done = Instant::now();
            writes.push(done - began);
            node.reach(created.revision).await.expect("a stream");
            sent.push(done.elapsed());
            let at = loop {
                let (name, at) = seen.recv().await.expect("the watch goes on");
                if name == created.name {
                    break at;
                }
            };
            watched.push(at.saturating_duration_since(done));
        }
        let [median, most, longest] = figures(writes);
        println!("write at A: median {median:?}, 90 % {most:?}, longest {longest:?}");
        assert_quick("from the answer of A to a watcher of B", watched);
        assert_quick("from the answer of A to a node of B", sent);
    });
}

/// Runs writers through both servers at once; gives what each write came to.
fn race(
    pair: &Pair,
    writers: usize,
    each: usize,
    spec: &v1::ServiceSpec,
) -> Vec<Result<v1::Service, Status>> {
    let urls = pair.urls();
    block_on(async {
        let mut tasks = JoinSet::new();
        for writer in 0..writers {
            let mut services = Services::at(&urls[writer % 2]);
            let spec = spec.clone();
            tasks.spawn(async move {
                let mut results = Vec::new();
                for i in 0..each {
                    let name = format!("s-{writer}-{i}");
                    results.push(services.create(&name, spec.clone()).await);
                }
                results
            });
        }
        tasks.join_all().await.into_iter().flatten().collect()
    })
}

fn node_port(service: &v1::Service) -> i32 {
    service.spec.as_ref().expect("a specification").ports[0].node_port
}

#[test]
fn twenty_writers_through_both_never_share_an_address_or_a_port() {
    const WRITERS: usize = 20;
    const EACH: usize = 12;
    let pair = Pair::start(&[]);
    let mut spec = service(80);
    spec.set_type(v1::ServiceType::NodePort);
    let began = Instant::now();
    let results = race(&pair, WRITERS, EACH, &spec);
    let took = began.elapsed();
    let created: Result<Vec<_>, _> = results.into_iter().collect();
    let created = created.expect("every Service is created");
    let addresses: BTreeSet<_> = created.iter().map(virtual_ip).collect();
    let ports: BTreeSet<_> = created.iter().map(node_port).collect();
    println!("{} Services in {took:?}", created.len());
    assert_eq!(created.len(), WRITERS * EACH);
    assert_eq!(addresses.len(), created.len(), "distinct addresses");
    assert_eq!(ports.len(), created.len(), "distinct node ports");

    let revision = created.iter().map(|s| s.revision).max().unwrap_or_default();
    for url in pair.urls() {
        let request = v1::ListServicesRequest {
            parent: NAMESPACE.to_owned(),
            page_size: 1000,
            min_revision: revision,
            ..v1::ListServicesRequest::default()
        };
        let list = block_on(Services::at(&url).client.list_services(request));
        let list = list.expect("a list").into_inner().services;
        let held: BTreeMap<_, _> = list.iter().map(|s| (&s.name, virtual_ip(s))).collect();
        let made: BTreeMap<_, _> = created.iter().map(|s| (&s.name, virtual_ip(s))).collect();
        assert_eq!(held, made, "{url}");
    }
    for server in [&pair.a, &pair.b] {
        let conflicts = server.metric("portolan_allocator_constraint_conflicts_total");
        assert_eq!(conflicts, Some(0.0), "no constraint had to step in");
    }
}

#[test]
fn sixteen_writers_share_fourteen_addresses_exactly() {
    let pair = Pair::start(&["--service-cidr", "10.97.0.0/28"]);
    let results = race(&pair, 16, 1, &service(80));
    let (created, refused): (Vec<_>, Vec<_>) = results.into_iter().partition(Result::is_ok);
    let addresses: BTreeSet<IpAddr> = created.iter().flatten().map(virtual_ip).collect();
    assert_eq!((created.len(), addresses.len()), (14, 14), "{addresses:?}");
    for status in refused.into_iter().filter_map(Result::err) {
        assert_eq!(status.code(), Code::ResourceExhausted, "{status:?}");
    }
}

#[test]
fn a_request_that_reaches_both_servers_has_one_effect() {
    let pair = Pair::start(&[]);
    let [mut a, mut b] = pair.urls().map(|url| Services::at(&url));
    block_on(async {
        for i in 0..WRITES {
            let (name, id) = (format!("s-{i}"), format!("00000000-0000-4000-8000-{i:012}"));
            let (one, other) = tokio::join!(
                a.create_once(&name, service(80), &id),
                b.create_once(&name, service(80), &id),
            );
            let (one, other) = (one.expect("an answer"), other.expect("the same answer"));
            let identity = |s: &v1::Service| (s.uid.clone(), s.revision, virtual_ip(s));
            assert_eq!(identity(&one), identity(&other), "{name}");
        }
    });
    let committed = |server: &Server<'_>| {
        let committed = server.metric("portolan_allocator_operations_committed_total");
        committed.expect("a counter")
    };
    println!(
        "{WRITES} requests at both: {} committed at A, {} at B",
        committed(&pair.a),
        committed(&pair.b)
    );
    let all = block_on(a.list()).expect("a list");
    assert_eq!(all.len(), WRITES);
}

/// The node as a server shows it.
fn shown(url: &str, name: &str) -> Result<v1::NodeStatus, String> {
    let request = v1::GetNodeRequest {
        name: format!("clusters/default/nodes/{name}"),
        ..v1::GetNodeRequest::default()
    };
    let node = block_on(NodeApiClient::new(channel(url)).get_node(request));
    let node = node.map_err(|status| status.to_string())?.into_inner();
    node.status.ok_or_else(|| "no status".to_owned())
}

#[test]
fn a_paused_server_holds_the_other_up_for_seconds_at_most() {
    const PAUSES: usize = 5;
    let pair = Pair::start(&[]);
    // Enough of them that it is nearly always paused within a transaction.
    let at_a: Vec<_> = (0..4)
        .map(|i| Writer::start(&pair.a, &format!("a{i}")))
        .collect();
    let at_b = Writer::start(&pair.b, "b");
    for _ in 0..PAUSES {
        at_a[0].go_on(10);
        pair.a.process.signal(Signal::SIGSTOP);
        at_b.go_on(20);
        pair.a.process.signal(Signal::SIGCONT);
    }
    at_a[0].go_on(10);
    let by_b = at_b.stop();
    let mut all: Vec<_> = at_a.into_iter().map(Writer::stop).collect();
    let longest = by_b.acknowledged.iter().map(|(.., took)| *took).max();
    println!(
        "{} writes at A, {} refused; {} at B, the longest {longest:?}",
        all.iter().map(|w| w.acknowledged.len()).sum::<usize>(),
        all.iter().map(|w| w.refused.len()).sum::<usize>(),
        by_b.acknowledged.len(),
    );
    assert!(longest < Some(HELD_UP), "{longest:?}");
    assert!(by_b.refused.is_empty(), "{:?}", by_b.refused);
    all.push(by_b);
    let mut addresses = BTreeSet::new();
    for written in &all {
        // Each server has seen its own writes; the other one's follow.
        eventually("both have seen everything", || {
            let newest = written.acknowledged.iter().map(|(s, ..)| s.revision).max();
            let seen = [&pair.a, &pair.b].map(|server| {
                let list = block_on(Services::at(&server.url()).list());
                list.ok()?.iter().map(|s| s.revision).max()
            });
            let done = seen.iter().all(|seen| *seen >= newest);
            holds(done, format!("{seen:?} of {newest:?}"))
        });
        written.assert_kept(&pair.a);
        written.assert_kept(&pair.b);
        for (service, ..) in &written.acknowledged {
            assert!(addresses.insert(virtual_ip(service)), "{}", service.name);
        }
    }
}

/// Addresses that are released, but not free yet.
fn quarantined(url: &str) -> u64 {
    let request = v1::ListServiceCidrsRequest {
        parent: "clusters/default".to_owned(),
        ..v1::ListServiceCidrsRequest::default()
    };
    let list = block_on(ServiceCidrApiClient::new(channel(url)).list_service_cidrs(request));
    let ranges = list.expect("a list").into_inner().service_cidrs;
    let usage = ranges.iter().filter_map(|r| r.status.as_ref());
    usage.flat_map(|s| &s.usage).map(|u| u.quarantined).sum()
}

#[test]
fn a_node_of_one_server_is_known_to_the_other_and_frees_addresses_for_both() {
    let range = "127.120.0.0/29";
    let pair = Pair::start(&["--service-cidr", range]);
    let [a, b] = pair.urls();
    let began = Instant::now();
    let mut plugin = Plugin::start(None, &a, "n1", "127.0.99.1");
    for url in [&a, &b] {
        eventually("the node is shown as connected", || {
            let status = shown(url, "n1")?;
            holds(status.connected, format!("{status:?}"))
        });
        println!("connected to A, shown by {url} after {:?}", began.elapsed());
    }

    for (row, url) in [("through A", &a), ("through B", &b)] {
        let services = Services::at(url);
        let create = |name: &str| block_on(services.clone().create(name, service(80)));
        let delete = |name: &str| block_on(services.clone().delete(name));
        let all: Vec<_> = (0..6).map(|i| create(&format!("s-{i}"))).collect();
        let all: Result<Vec<_>, _> = all.into_iter().collect();
        let all = all.expect("six addresses are free");

        plugin.process.signal(Signal::SIGSTOP);
        delete("s-0").expect("it is deleted");
        let deleted = Instant::now();
        while deleted.elapsed() < SWEEPS {
            let status = create("s-0").expect_err("the node may still forward for it");
            assert_eq!(status.code(), Code::ResourceExhausted, "{row}: {status:?}");
        }
        assert_eq!(quarantined(url), 1, "{row}");

        plugin.process.signal(Signal::SIGCONT);
        let woken = Instant::now();
        let again = eventually("the address is free again", || create("s-0"));
        println!("{row}: free {:?} after the node went on", woken.elapsed());
        assert_eq!(virtual_ip(&again), virtual_ip(&all[0]), "{row}");
        for i in 0..6 {
            delete(&format!("s-{i}")).expect("it is deleted");
        }
        for url in [&a, &b] {
            eventually("nothing is quarantined", || match quarantined(url) {
                0 => Ok(()),
                some => Err(some),
            });
        }
    }
    plugin.process.terminate();
    for url in [&a, &b] {
        eventually("the node is shown as gone", || {
            let status = shown(url, "n1")?;
            holds(!status.connected, format!("{status:?}"))
        });
    }
}
