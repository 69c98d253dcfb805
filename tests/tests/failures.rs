//! What goes on while a part of the system is gone, and how it comes back.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use portolan_proto::v1;
use portolan_proto::v1::endpoint_api_client::EndpointApiClient;
use portolan_store_postgres::testing::{TestServer, fresh_database};
use portolan_tests::api::{NAMESPACE, Services, block_on, channel, service, virtual_ip};
use portolan_tests::{
    Fleet, Load, Node, Server, Store, Tally, Writer, eventually, get, holds, workload,
};
use tonic::Code;

const CLIENTS: usize = 4;
/// A commit whose answer was lost is looked for this long, and the next attempt takes a few steps more.
const REFUSED_WITHIN: Duration = Duration::from_secs(15);

/// What a busy machine may add to a write.
const DELAY: Duration = Duration::from_millis(100);

fn requests(tally: &Tally) -> usize {
    tally.answers.values().map(|(times, _)| times).sum()
}

#[expect(clippy::float_cmp, reason = "counters are whole numbers")]
fn survive_a_killed_server(row: &str, store: &Store) {
    const ROUNDS: u8 = 3;
    let mut fleet = Fleet::start(store, 2);
    fleet.in_step();
    let snapshots = fleet.plugin_metric("snapshots_total");
    let load = Load::start(fleet.frontend, CLIENTS);
    let writer = Writer::start(&fleet.server, "w");
    for round in 1..=ROUNDS {
        writer.go_on(20);
        fleet.server.process.kill();
        fleet.server.start_again();
        writer.go_on(20);
        fleet.in_step_again(round);
        assert_eq!(fleet.server_metric("resumes_total"), 1.0, "{row}");
        assert_eq!(fleet.server_metric("snapshots_total"), 0.0, "{row}");
    }
    let written = writer.stop();
    let tally = load.stop();
    println!(
        "{row}: {ROUNDS} kills, {} requests, {} writes acknowledged, {} refused",
        requests(&tally),
        written.acknowledged.len(),
        written.refused.len()
    );
    assert!(tally.failures.is_empty(), "{row}: {:?}", tally.failures);
    assert!(requests(&tally) > 100, "{row}: {tally:?}");
    assert_eq!(fleet.plugin_metric("snapshots_total"), snapshots, "{row}");
    written.assert_kept(&fleet.server);
}

#[test]
fn a_killed_server_stops_no_traffic_and_loses_no_write_in_sqlite() {
    survive_a_killed_server("SQLite", &Store::Sqlite);
}

#[test]
fn a_killed_server_stops_no_traffic_and_loses_no_write_in_postgres() {
    let url = block_on(fresh_database()).expect("a database");
    survive_a_killed_server("Postgres", &Store::Postgres(url));
}

#[test]
#[expect(clippy::float_cmp, reason = "counters are whole numbers")]
fn a_killed_plugin_serves_again_before_it_reaches_a_server() {
    let mut fleet = Fleet::start(&Store::Sqlite, 2);
    fleet.in_step();
    fleet.server.process.kill();
    fleet.plugin.process.kill();
    get(fleet.frontend, "/").expect_err("nobody carries the Service");

    let began = Instant::now();
    fleet.plugin.start_again();
    eventually("the node serves again", || get(fleet.frontend, "/"));
    let took = began.elapsed();
    fleet.answered_by(&fleet.names()).expect("by every backend");
    assert_eq!(fleet.plugin_metric("connected"), 0.0);

    let load = Load::start(fleet.frontend, CLIENTS);
    fleet.server.start_again();
    fleet.in_step();
    assert_eq!(fleet.server_metric("resumes_total"), 1.0);
    assert_eq!(fleet.server_metric("snapshots_total"), 0.0);
    assert_eq!(fleet.plugin_metric("snapshots_total"), 0.0);
    let before = requests(&load.tally());
    eventually("traffic goes on", || {
        let now = requests(&load.tally());
        holds(now > before + 100, now)
    });
    let tally = load.stop();
    println!(
        "served again after {took:?}; {} requests since",
        requests(&tally)
    );
    assert!(tally.failures.is_empty(), "{:?}", tally.failures);
}

#[test]
#[expect(clippy::float_cmp, reason = "counters are whole numbers")]
fn while_postgres_is_away_reads_and_traffic_go_on_and_writes_are_refused() {
    let mut postgres = TestServer::start().expect("Postgres");
    let url = block_on(postgres.create_database("portolan")).expect("a database");
    let fleet = Fleet::start(&Store::Postgres(url), 2);
    fleet.in_step();
    let snapshots = fleet.plugin_metric("snapshots_total");
    let load = Load::start(fleet.frontend, CLIENTS);
    let writer = Writer::start(&fleet.server, "w");
    writer.go_on(20);

    postgres.stop();
    eventually("writes are refused", || {
        let refused = writer.written().refused.len();
        holds(refused >= 5, refused)
    });
    let mut services = Services::at(&fleet.server.url());
    let began = Instant::now();
    let web = block_on(services.get("web")).expect("reads go on");
    let read = began.elapsed();
    assert_eq!(virtual_ip(&web), fleet.frontend.ip());
    eventually("load balancers are told", || {
        get(fleet.server.http(), "/readyz")
            .err()
            .ok_or("it is ready")
    });
    get(fleet.server.http(), "/livez").expect("it lives");
    block_on(services.get("web")).expect("reads go on, however long");
    assert_eq!(fleet.plugin_metric("connected"), 1.0, "streams stay");

    postgres.start_again().expect("Postgres");
    let back = Instant::now();
    writer.go_on(20);
    let healed = back.elapsed();
    eventually("the server is ready", || {
        get(fleet.server.http(), "/readyz")
    });
    let (written, tally) = (writer.stop(), load.stop());
    fleet.in_step();
    assert_eq!(fleet.plugin_metric("reconnects_total"), 0.0);
    assert_eq!(fleet.plugin_metric("snapshots_total"), snapshots);
    let longest = written.refused.iter().map(|(_, took)| *took).max();
    println!(
        "read in {read:?}; {} writes refused, the slowest after {longest:?}; twenty writes {healed:?} after the return; {} requests",
        written.refused.len(),
        requests(&tally)
    );
    for (code, took) in &written.refused {
        assert_eq!(*code, Code::Unavailable);
        assert!(*took < REFUSED_WITHIN, "{took:?}");
    }
    assert!(tally.failures.is_empty(), "{:?}", tally.failures);
    written.assert_kept(&fleet.server);
}

#[test]
fn a_deleted_service_answers_no_more() {
    let fleet = Fleet::start(&Store::Sqlite, 1);
    fleet.server.succeed(&["delete", "service", "web"], "");
    eventually("its port is closed", || match get(fleet.frontend, "/") {
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => Ok(()),
        other => Err(format!("{other:?}")),
    });
}

#[test]
fn a_draining_workload_keeps_its_connections_and_gets_no_new_ones() {
    let fleet = Fleet::start(&Store::Sqlite, 2);
    let mut kept = eventually("a connection to web-1", || {
        let mut connection = Connection::open(fleet.frontend);
        let answer = connection.ask();
        let first = answer.starts_with("web-1 ");
        first.then_some(connection).ok_or(answer)
    });
    let first = fleet.backends[0].address.ip();
    let drain = |draining| {
        let manifest = workload("web-1", first, draining);
        fleet.server.succeed(&["apply", "-f", "-"], &manifest);
    };
    drain(true);
    let others = &fleet.names()[1..];
    eventually("only web-2 is chosen", || fleet.answered_by(others));
    for _ in 0..20 {
        fleet.answered_by(others).expect("still only web-2");
        let answer = kept.ask();
        assert!(answer.starts_with("web-1 "), "{answer}");
    }
    drain(false);
    eventually("both are chosen again", || {
        fleet.answered_by(&fleet.names())
    });
    let answer = kept.ask();
    assert!(answer.starts_with("web-1 "), "{answer}");
}

/// A connection that lives on between requests.
struct Connection {
    stream: BufReader<TcpStream>,
}

impl Connection {
    fn open(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).expect("the Service is carried");
        Self {
            stream: BufReader::new(stream),
        }
    }

    /// The answer to one more request.
    fn ask(&mut self) -> String {
        let request = b"GET / HTTP/1.1\r\nHost: test\r\n\r\n";
        let sent = self.stream.get_mut().write_all(request);
        sent.expect("the connection lives");
        let mut length = 0;
        loop {
            let mut line = String::new();
            self.stream.read_line(&mut line).expect("an answer");
            let line = line.trim_end().to_ascii_lowercase();
            if let Some(value) = line.strip_prefix("content-length: ") {
                length = value.parse().expect("a number");
            }
            if line.is_empty() {
                break;
            }
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).expect("a body");
        String::from_utf8(body).expect("text")
    }
}

/// Writes hand-made endpoints of a Service, many at once: a frame that fills windows quickly.
async fn replace_endpoints(url: &str, round: u16) -> u64 {
    let endpoint = |i: u16| v1::Endpoint {
        spec: Some(v1::EndpointSpec {
            address: format!("192.0.{}.{}", i / 200, 1 + i % 200),
            ports: vec![v1::EndpointPort {
                port: i32::from(1000 + round),
                ..v1::EndpointPort::default()
            }],
            ..v1::EndpointSpec::default()
        }),
        ..v1::Endpoint::default()
    };
    let request = v1::ReplaceEndpointsRequest {
        service: format!("{NAMESPACE}/services/many"),
        source: "test".to_owned(),
        endpoints: (0..400).map(endpoint).collect(),
        ..v1::ReplaceEndpointsRequest::default()
    };
    let mut client = EndpointApiClient::new(channel(url));
    let replaced = client.replace_endpoints(request).await;
    replaced.expect("the write is right").into_inner().revision
}

/// How long each of some writes takes until a node holds it.
async fn latencies(url: &str, node: &mut Node, rounds: std::ops::Range<u16>) -> Vec<Duration> {
    let mut all = Vec::new();
    for round in rounds {
        let began = Instant::now();
        let revision = replace_endpoints(url, round).await;
        node.reach(revision).await.expect("the stream goes on");
        all.push(began.elapsed());
    }
    all.sort();
    all
}

#[test]
fn nodes_that_do_not_read_delay_no_other_node() {
    const STALLED: usize = 20;
    const ROUNDS: u16 = 40;
    let server = Server::start(None, &Store::Sqlite, &[]);
    let url = server.url();
    block_on(async {
        let mut services = Services::at(&url);
        let created = services.create("many", service(80)).await;
        created.expect("it is created");
        let mut reader = Node::connect(&url, "reader").await.expect("a stream");
        let alone = latencies(&url, &mut reader, 0..ROUNDS).await;

        let mut stalled = Vec::new();
        for i in 0..STALLED {
            let node = Node::connect(&url, &format!("stalled-{i}")).await;
            stalled.push(node.expect("a stream"));
        }
        let beside = latencies(&url, &mut reader, ROUNDS..2 * ROUNDS).await;
        let show = |all: &[Duration]| (all[all.len() / 2], all[all.len() - 1]);
        let ((before, worst_before), (with, worst)) = (show(&alone), show(&beside));
        println!(
            "write to node: median {before:?}, longest {worst_before:?} alone; {with:?}, {worst:?} beside {STALLED}"
        );
        assert!(with < 3 * before + DELAY, "{with:?} instead of {before:?}");
        assert!(worst < Duration::from_secs(2), "{worst:?}");

        let sent = || {
            server
                .metric("portolan_distributor_bytes_total")
                .expect("a counter")
        };
        let held_back = sent();
        // None of them was given up or has missed anything.
        for node in &mut stalled {
            let caught_up = node.reach(reader.revision).await;
            caught_up.expect("its stream goes on where it stopped");
        }
        println!(
            "{held_back} bytes sent until then, {} when all had read",
            sent()
        );
        assert!(
            sent() > 2.0 * held_back,
            "they were held back by themselves"
        );
    });
}
