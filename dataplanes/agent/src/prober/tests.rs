use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use portolan_model::{HttpHeader, Name, Probe, ProbeAction, ProbePort};
use prometheus_client::registry::Registry;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::time::timeout;
use tokio_stream::wrappers::TcpListenerStream;
use tonic_health::ServingStatus;

use super::outcome::Outcome;
use super::*;

const LOCALHOST: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const DEADLINE: Duration = Duration::from_secs(20);

fn workload(action: ProbeAction) -> WorkloadView {
    WorkloadView {
        namespace: Name::trusted("default"),
        name: Name::trusted("web-1"),
        node: Name::trusted("node-1"),
        addresses: vec![LOCALHOST],
        probe: Probe {
            action,
            initial_delay_seconds: 0,
            period_seconds: 1,
            timeout_seconds: 1,
            success_threshold: 1,
            failure_threshold: 1,
        },
        probe_generation: 1,
    }
}

fn http(port: u16) -> ProbeAction {
    ProbeAction::HttpGet {
        port: ProbePort::Number(port),
        path: "/ready?deep=1".to_owned(),
        host: String::new(),
        headers: Vec::new(),
    }
}

fn tcp(port: u16) -> ProbeAction {
    ProbeAction::TcpConnect {
        port: ProbePort::Number(port),
    }
}

async fn listen() -> (TcpListener, u16) {
    let listener = TcpListener::bind((LOCALHOST, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}

/// A port where nothing listens.
async fn closed() -> u16 {
    listen().await.1
}

/// Answers one HTTP request with these bytes, and gives the request back.
async fn answer_once(answer: &'static str) -> (u16, tokio::task::JoinHandle<String>) {
    let (listener, port) = listen().await;
    let request = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            request.push(stream.read_u8().await.unwrap());
        }
        stream.write_all(answer.as_bytes()).await.unwrap();
        String::from_utf8(request).unwrap()
    });
    (port, request)
}

async fn attempt(action: ProbeAction) -> Outcome {
    let view = workload(action);
    let outcome = timeout(DEADLINE, action::attempt(&view)).await;
    outcome.expect("an outcome in time")
}

#[tokio::test]
async fn http_passes_with_a_status_from_200_to_399() {
    for (answer, passes) in [
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 9999999\r\n\r\nnever",
            true,
        ),
        ("HTTP/1.0 204 No Content\r\n\r\n", true),
        ("HTTP/1.1 302 Found\r\nLocation: /login\r\n\r\n", true),
        ("HTTP/1.1 399 Odd\r\n\r\n", true),
        ("HTTP/1.1 400 Bad Request\r\n\r\n", false),
        ("HTTP/1.1 503 Service Unavailable\r\n\r\n", false),
        ("SSH-2.0-OpenSSH\r\n", false),
        ("", false),
    ] {
        let (port, _request) = answer_once(answer).await;
        let outcome = attempt(http(port)).await;
        assert_eq!(outcome == Outcome::Pass, passes, "{answer:?}: {outcome:?}");
        assert!(!matches!(outcome, Outcome::Unknown(_)));
    }
}

#[tokio::test]
async fn http_sends_the_headers_of_the_probe() {
    let (port, request) = answer_once("HTTP/1.1 200 OK\r\n\r\n").await;
    assert_eq!(attempt(http(port)).await, Outcome::Pass);
    let request = request.await.unwrap().to_lowercase();
    assert!(
        request.starts_with("get /ready?deep=1 http/1.1\r\n"),
        "{request}"
    );
    assert!(request.contains(&format!("host: 127.0.0.1:{port}\r\n")));
    assert!(request.contains("connection: close\r\n"));

    let (port, request) = answer_once("HTTP/1.1 200 OK\r\n\r\n").await;
    let header = |name: &str, value: &str| HttpHeader {
        name: name.to_owned(),
        value: value.to_owned(),
    };
    let action = ProbeAction::HttpGet {
        port: ProbePort::Number(port),
        path: "/".to_owned(),
        host: "shop.example".to_owned(),
        headers: vec![
            header("X-Probe", "1"),
            header("X-Probe", "2"),
            header("User-Agent", "mine"),
        ],
    };
    assert_eq!(attempt(action).await, Outcome::Pass);
    let request = request.await.unwrap().to_lowercase();
    assert!(request.contains("host: shop.example\r\n"), "{request}");
    assert!(request.contains("x-probe: 1\r\n") && request.contains("x-probe: 2\r\n"));
    assert!(request.contains("user-agent: mine\r\n") && !request.contains("portolan-probe"));
}

#[tokio::test]
async fn tcp_passes_when_it_connects() {
    let (_listener, port) = listen().await;
    assert_eq!(attempt(tcp(port)).await, Outcome::Pass);
    let port = closed().await;
    for action in [tcp(port), http(port)] {
        let Outcome::Fail(reason) = attempt(action).await else {
            panic!("nothing listens there");
        };
        assert!(reason.contains("refused"), "{reason}");
    }
}

#[tokio::test]
async fn grpc_passes_when_the_service_is_serving() {
    let (listener, port) = listen().await;
    let (reporter, health) = tonic_health::server::health_reporter();
    reporter
        .set_service_status("", ServingStatus::Serving)
        .await;
    reporter
        .set_service_status("shop", ServingStatus::NotServing)
        .await;
    let server = tonic::transport::Server::builder().add_service(health);
    tokio::spawn(server.serve_with_incoming(TcpListenerStream::new(listener)));
    let (nothing, other) = listen().await;
    let server = tonic::transport::Server::builder().add_routes(tonic::service::Routes::default());
    tokio::spawn(server.serve_with_incoming(TcpListenerStream::new(nothing)));
    for (name, port, service, expected) in [
        ("serving", port, "", None),
        ("not serving", port, "shop", Some("NOT_SERVING")),
        ("NOT_FOUND", port, "unknown", Some("does not know")),
        ("UNIMPLEMENTED", other, "", Some("no gRPC health service")),
        ("nothing there", closed().await, "", Some("refused")),
    ] {
        let action = ProbeAction::GrpcCheck {
            port,
            service: service.to_owned(),
        };
        match (attempt(action).await, expected) {
            (Outcome::Pass, None) => {}
            (Outcome::Fail(reason), Some(text)) => {
                assert!(reason.contains(text), "{name}: {reason}");
            }
            (outcome, _) => panic!("{name}: {outcome:?}"),
        }
    }
}

/// A prober and what it reports.
struct Rig {
    prober: Prober,
    readiness: watch::Receiver<Option<ReadinessTable>>,
}

impl Rig {
    fn start() -> Self {
        let (sender, readiness) = portolan_subscriber::testing::readiness_channel();
        let status = watch::Sender::default().subscribe();
        let metrics = Metrics::register(&mut Registry::default(), status);
        Self {
            prober: Prober::start(sender, metrics),
            readiness,
        }
    }

    async fn until(&mut self, is: impl Fn(&ReadinessTable) -> bool) -> ReadinessTable {
        let found = self
            .readiness
            .wait_for(|table| table.as_ref().is_some_and(&is));
        let found = timeout(DEADLINE, found).await.expect("in time");
        found.expect("it runs").clone().expect("it is there")
    }
}

fn uid(number: u128) -> Uid {
    Uid::from_random(number)
}

#[tokio::test]
async fn nothing_to_probe_is_reported_as_an_empty_table() {
    let mut rig = Rig::start();
    assert!(!rig.prober.is_told() && rig.readiness.borrow().is_none());
    rig.prober.set(Targets::new());
    assert_eq!(rig.until(|_| true).await, ReadinessTable::new());
}

#[tokio::test]
async fn the_first_report_has_first_results_and_later_ones_follow_the_workload() {
    let mut rig = Rig::start();
    let (listener, port) = listen().await;
    let mut dead = workload(tcp(closed().await));
    dead.probe.failure_threshold = 3;
    rig.prober.set(Targets::from([
        (uid(1), workload(tcp(port))),
        (uid(2), dead),
    ]));
    let first = rig.until(|_| true).await;
    assert!(first[&uid(1)].serving && first[&uid(1)].reason.is_empty());
    assert!(!first[&uid(2)].serving && first[&uid(2)].reason.contains("refused"));

    drop(listener);
    let table = rig.until(|table| !table[&uid(1)].serving).await;
    assert!(table[&uid(1)].reason.contains("refused"));
    let at = SocketAddr::new(LOCALHOST, port);
    let _listener = TcpListener::bind(at).await.unwrap();
    rig.until(|table| table[&uid(1)].serving).await;

    rig.prober.set(Targets::new());
    rig.until(ReadinessTable::is_empty).await;
}

#[tokio::test]
async fn another_probe_starts_from_scratch() {
    let mut rig = Rig::start();
    let (_listener, port) = listen().await;
    let mut view = workload(tcp(port));
    rig.prober.set(Targets::from([(uid(1), view.clone())]));
    rig.until(|table| table[&uid(1)].serving).await;

    view.probe_generation = 2;
    view.probe.initial_delay_seconds = 3600;
    rig.prober.set(Targets::from([(uid(1), view.clone())]));
    let table = rig
        .until(|table| table[&uid(1)].probe_generation == 2)
        .await;
    assert!(!table[&uid(1)].serving);

    view.probe_generation = 3;
    view.probe.initial_delay_seconds = 0;
    rig.prober.set(Targets::from([(uid(1), view)]));
    rig.until(|table| table[&uid(1)].probe_generation == 3 && table[&uid(1)].serving)
        .await;
}

#[tokio::test]
async fn a_workload_that_does_not_answer_fails_in_its_time() {
    let mut rig = Rig::start();
    // Connections are accepted by the kernel and never answered.
    let (_listener, port) = listen().await;
    rig.prober
        .set(Targets::from([(uid(1), workload(http(port)))]));
    let table = rig
        .until(|table| table[&uid(1)].reason.contains("no answer"))
        .await;
    assert!(!table[&uid(1)].serving);
}
