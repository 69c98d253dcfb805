//! An agent between a server that follows a script and a dataplane in memory.

use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::time::{Duration, Instant};

use portolan_agent::{Agent, AgentConfig, AgentStatus, run};
use portolan_dataplane::testing::{FakeDataplane, FaultyDataplane};
use portolan_dataplane::{Dataplane, FrontendKey, NodeState, RejectionCode, Views};
use portolan_model::view::{
    EndpointPortView, EndpointView, FrontendAt, FrontendView, NodeView, Reach, ServiceView, View,
    ViewKey, ViewKind, WhenEmpty, WorkloadView,
};
use portolan_model::{Name, Probe, ProbeAction, ProbePort, Protocol, TrafficPolicy, Uid};
use portolan_proto::node::v1 as wire;
use portolan_subscriber::Description;
use portolan_subscriber::testing::{Connection, FakeServer, ServerState};
use prometheus_client::registry::Registry;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;
use wire::sync_response::Message as Frame;

const NODE: &str = "node-1";
const DEADLINE: Duration = Duration::from_secs(20);

fn uid(number: u8) -> Uid {
    Uid::from_random(u128::from(number))
}

fn name(text: &str) -> Name {
    Name::trusted(text)
}

/// Service `number` at 10.96.0.`number`:80.
fn service(number: u8) -> View {
    View::Service(ServiceView {
        namespace: name("default"),
        name: name(&format!("service-{number}")),
        frontends: vec![FrontendView {
            at: FrontendAt::Address(key(number).address),
            reach: Reach::Internal,
            policy: TrafficPolicy::Cluster,
            port: 80,
            protocol: Protocol::Tcp,
            service_port: "http".to_owned(),
            affinity_seconds: 0,
            source_ranges: Vec::new(),
            when_empty: WhenEmpty::Reject,
            node_hints_valid: false,
            zone_hints_valid: false,
        }],
        external_name: String::new(),
        headless: false,
    })
}

fn key(number: u8) -> FrontendKey {
    FrontendKey {
        address: IpAddr::from([10, 96, 0, number]),
        port: 80,
        protocol: Protocol::Tcp,
    }
}

fn service_key(number: u8) -> ViewKey {
    ViewKey::new(ViewKind::Service, uid(number))
}

/// An endpoint of Service `of` at 10.0.0.`host`.
fn endpoint(of: u8, host: u8) -> View {
    View::Endpoint(EndpointView {
        service: uid(of),
        address: IpAddr::from([10, 0, 0, host]),
        ports: vec![EndpointPortView {
            service_port: "http".to_owned(),
            port: 8080,
            protocol: Some(Protocol::Tcp),
            cluster: true,
            local: false,
        }],
        node: None,
        zone: String::new(),
        hostname: String::new(),
        ready: true,
        serving: true,
        terminating: false,
        weight: 1,
        node_hints: Vec::new(),
        zone_hints: Vec::new(),
    })
}

fn node() -> View {
    View::Node(NodeView {
        name: name(NODE),
        zone: "a".to_owned(),
        addresses: vec![IpAddr::from([192, 0, 2, 1])],
        node_port_addresses: vec![IpAddr::from([192, 0, 2, 1])],
    })
}

fn workload(on: &str, port: u16) -> View {
    View::Workload(WorkloadView {
        namespace: name("default"),
        name: name("web-1"),
        node: name(on),
        addresses: vec![IpAddr::from([127, 0, 0, 1])],
        probe: Probe {
            action: ProbeAction::TcpConnect {
                port: ProbePort::Number(port),
            },
            initial_delay_seconds: 0,
            period_seconds: 1,
            timeout_seconds: 1,
            success_threshold: 1,
            failure_threshold: 1,
        },
        probe_generation: 3,
    })
}

fn config(server: String, dir: &Path) -> AgentConfig {
    AgentConfig {
        server,
        cluster: "default".to_owned(),
        node: NODE.to_owned(),
        description: Description::default(),
        state_dir: dir.to_owned(),
        accept_store: false,
        metrics_listen: None,
        leave_after: None,
    }
}

/// A running agent.
struct Running {
    status: watch::Receiver<AgentStatus>,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Running {
    /// Waits for the lock of an agent that was killed before: it goes with its tasks, a moment later.
    async fn start(config: AgentConfig, dataplane: impl Dataplane + Clone) -> Self {
        let deadline = Instant::now() + DEADLINE;
        let agent = loop {
            let mut registry = Registry::default();
            match Agent::start(config.clone(), dataplane.clone(), &mut registry).await {
                Ok(agent) => break agent,
                Err(error) => assert!(Instant::now() < deadline, "{error}"),
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        };
        let status = agent.status();
        let (stop, stopped) = oneshot::channel::<()>();
        let task = tokio::spawn(agent.run(async {
            let _ = stopped.await;
        }));
        Self { status, stop, task }
    }

    async fn applied(&mut self, revision: u64) {
        let applied = self
            .status
            .wait_for(|status| status.applied.is_some_and(|r| r.0 >= revision));
        let applied = tokio::time::timeout(DEADLINE, applied).await;
        applied.expect("applied in time").expect("it runs");
    }

    async fn stop(self) {
        drop(self.stop);
        self.task.await.expect("it stops");
    }

    /// Like kill -9: the lock goes, nothing else is done.
    async fn kill(self) {
        self.task.abort();
        assert!(self.task.await.is_err_and(|error| error.is_cancelled()));
    }
}

/// What the node should carry, worked out from nothing.
fn desired(views: &[(ViewKey, View)]) -> NodeState {
    let mut held = Views::default();
    held.apply(views.iter().cloned(), []);
    held.desired_all(&name(NODE))
}

async fn eventually(what: &str, is: impl Fn() -> bool) {
    let deadline = Instant::now() + DEADLINE;
    while !is() {
        assert!(Instant::now() < deadline, "{what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// A server with two Services, and a node in step with it.
async fn in_step(
    dir: &Path,
    dataplane: &FakeDataplane,
) -> (FakeServer, ServerState, Connection, Running) {
    let mut server = FakeServer::start().await;
    let mut state = ServerState::new(1);
    for number in [1, 2] {
        state.put(uid(number), &service(number));
    }
    state.put(uid(200), &node());
    let agent = Running::start(config(server.url(), dir), dataplane.clone()).await;
    let mut stream = server.accept().await;
    stream.send(state.welcome_snapshot()).await;
    stream.ack_of(state.revision).await;
    (server, state, stream, agent)
}

#[tokio::test]
async fn a_node_follows_the_stream() {
    let dir = tempfile::tempdir().unwrap();
    let dataplane = FakeDataplane::default();
    let (_server, mut state, mut stream, _agent) = in_step(dir.path(), &dataplane).await;
    assert_eq!(stream.hello.description.as_ref().unwrap().dataplane, "fake");
    assert_eq!(dataplane.environment().own, [IpAddr::from([192, 0, 2, 1])]);
    let frames = [
        state.put(uid(11), &endpoint(1, 1)),
        state.put(uid(12), &endpoint(1, 2)),
        state.remove(service_key(2)),
        state.bookmark(),
    ];
    stream.send(frames).await;
    let ack = stream.ack_of(state.revision).await;
    assert!(ack.rejected.is_empty());
    let views = [
        (service_key(1), service(1)),
        (ViewKey::new(ViewKind::Endpoint, uid(11)), endpoint(1, 1)),
        (ViewKey::new(ViewKind::Endpoint, uid(12)), endpoint(1, 2)),
    ];
    assert_eq!(dataplane.programmed(), desired(&views));
    assert_eq!(dataplane.programmed()[&key(1)].pool.backends.len(), 2);
}

#[tokio::test]
async fn a_rejection_is_told_once_stays_since_its_first_revision_and_is_cleared_when_mended() {
    let dir = tempfile::tempdir().unwrap();
    let dataplane = FakeDataplane::default();
    let (mut server, mut state, mut stream, _agent) = in_step(dir.path(), &dataplane).await;
    dataplane.refuse(key(3), Some(RejectionCode::PortInUse));
    stream.send([state.put(uid(3), &service(3))]).await;
    let since = state.revision;
    let ack = stream.ack_of(since).await;
    let [rejection] = &ack.rejected[..] else {
        panic!("one rejection: {ack:?}");
    };
    let object = rejection.r#ref.as_ref().unwrap();
    assert_eq!(object.kind(), wire::Kind::Service);
    assert_eq!(object.uid, uid(3).as_bytes());
    assert_eq!(
        (rejection.code.as_str(), rejection.since_revision),
        ("PORT_IN_USE", since)
    );

    // Others go on, and it is not told again.
    stream.send([state.put(uid(4), &service(4))]).await;
    let ack = stream.ack_of(state.revision).await;
    assert_eq!((ack.rejected.len(), ack.cleared.len()), (0, 0));
    assert!(dataplane.programmed().contains_key(&key(4)));

    // The next session hears it again, with the revision since when.
    drop(stream);
    let mut stream = server.accept().await;
    stream.send([state.welcome_resume()]).await;
    let ack = stream.ack().await;
    assert_eq!(ack.rejected[0].since_revision, since);

    // Mended without a change from the server.
    dataplane.refuse(key(3), None);
    let ack = stream.ack().await;
    assert_eq!((ack.attempted, ack.cleared.len()), (state.revision, 1));
    assert!(dataplane.programmed().contains_key(&key(3)));
}

#[tokio::test]
async fn a_killed_agent_programs_what_it_knew_without_a_server_and_adopts_what_is_there() {
    let dir = tempfile::tempdir().unwrap();
    let dataplane = FakeDataplane::default();
    let (server, mut state, mut stream, agent) = in_step(dir.path(), &dataplane).await;
    stream.send([state.put(uid(11), &endpoint(1, 1))]).await;
    stream.ack_of(state.revision).await;
    let url = server.url();
    agent.kill().await;
    drop((stream, server));
    let before = dataplane.programmed();

    // In a kernel that lost everything, as after a reboot.
    let rebooted = FakeDataplane::default();
    let mut agent = Running::start(config(url.clone(), dir.path()), rebooted.clone()).await;
    agent.applied(state.revision).await;
    assert_eq!(rebooted.programmed(), before);
    agent.stop().await;

    // With everything still there.
    let writes = dataplane.writes();
    let mut agent = Running::start(config(url, dir.path()), dataplane.clone()).await;
    agent.applied(state.revision).await;
    assert_eq!(
        (dataplane.programmed(), dataplane.writes()),
        (before, writes)
    );
    agent.stop().await;
}

#[tokio::test]
async fn nothing_is_pruned_before_a_whole_state_is_known() {
    let dir = tempfile::tempdir().unwrap();
    let dataplane = FakeDataplane::default();
    dataplane.tamper(|programmed| *programmed = desired(&[(service_key(9), service(9))]));
    let mut server = FakeServer::start().await;
    let mut state = ServerState::new(1);
    state.put(uid(1), &service(1));
    let mut agent = Running::start(config(server.url(), dir.path()), dataplane.clone()).await;
    let mut stream = server.accept().await;
    let mut frames = state.welcome_snapshot();
    let end = frames.pop();
    stream.send(frames).await;
    stream.heartbeat().await;
    assert!(dataplane.programmed().contains_key(&key(9)));
    assert_eq!(agent.status.borrow().applied, None);
    stream.send(end).await;
    agent.applied(state.revision).await;
    assert_eq!(
        dataplane.programmed().into_keys().collect::<Vec<_>>(),
        [key(1)]
    );
}

/// The server says nothing, and the clock goes on.
#[tokio::test]
async fn what_was_changed_behind_its_back_is_put_right_in_time() {
    let dir = tempfile::tempdir().unwrap();
    let dataplane = FakeDataplane::default();
    let (_server, _state, _stream, _agent) = in_step(dir.path(), &dataplane).await;
    let whole = dataplane.programmed();
    dataplane.tamper(|programmed| {
        *programmed = desired(&[(service_key(1), service(1)), (service_key(9), service(9))]);
    });
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(30)).await;
    tokio::time::resume();
    eventually("it is put right", || dataplane.programmed() == whole).await;
}

#[tokio::test]
async fn a_dataplane_that_fails_now_and_then_gets_there() {
    let dir = tempfile::tempdir().unwrap();
    let dataplane = FakeDataplane::default();
    dataplane.tamper(|programmed| *programmed = desired(&[(service_key(99), service(99))]));
    let mut server = FakeServer::start().await;
    let mut state = ServerState::new(1);
    let views: Vec<_> = (1..=30).map(|n| (service_key(n), service(n))).collect();
    for (key, view) in &views {
        state.put(key.uid, view);
    }
    let faulty = FaultyDataplane::new(dataplane.clone(), 30, 7);
    let mut agent = Running::start(config(server.url(), dir.path()), faulty).await;
    let mut stream = server.accept().await;
    stream.send(state.welcome_snapshot()).await;
    let first = stream.ack_of(state.revision).await;
    assert!(!first.rejected.is_empty(), "some fail at first");
    let mut open = first.rejected.len();
    while open > 0 {
        let ack = stream.ack().await;
        open = open + ack.rejected.len() - ack.cleared.len();
    }
    assert_eq!(dataplane.programmed(), desired(&views));
    agent.applied(state.revision).await;
    assert_eq!(agent.status.borrow().rejected, 0);
}

#[tokio::test]
async fn workloads_of_this_node_are_probed_and_reported() {
    let dir = tempfile::tempdir().unwrap();
    let dataplane = FakeDataplane::default();
    let (_server, mut state, mut stream, _agent) = in_step(dir.path(), &dataplane).await;
    let report = stream.report().await;
    assert_eq!((report.seq, report.full, report.items.len()), (1, true, 0));
    stream
        .send([Frame::HealthAck(wire::HealthAck { seq: 1 })])
        .await;

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let frames = [
        state.put(uid(50), &workload(NODE, port)),
        state.put(uid(51), &workload("node-2", port)),
    ];
    stream.send(frames).await;
    loop {
        let report = stream.report().await;
        let [item] = &report.items[..] else {
            panic!("one workload is ours: {report:?}");
        };
        assert_eq!(item.workload_uid, uid(50).as_bytes());
        assert_eq!(item.probe_generation, 3);
        let ack = wire::HealthAck { seq: report.seq };
        stream.send([Frame::HealthAck(ack)]).await;
        if item.serving {
            break;
        }
    }
    drop(listener);
    let report = stream.report().await;
    assert!(!report.items[0].serving && !report.full);
    assert!(report.items[0].reason.contains("refused"));
}

async fn get(address: SocketAddr, path: &str) -> Option<String> {
    let mut stream = TcpStream::connect(address).await.ok()?;
    let request = format!("GET {path} HTTP/1.0\r\n\r\n");
    stream.write_all(request.as_bytes()).await.ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.ok()?;
    Some(answer)
}

#[tokio::test]
async fn metrics_and_health_are_served() {
    let dir = tempfile::tempdir().unwrap();
    let dataplane = FakeDataplane::default();
    let mut server = FakeServer::start().await;
    let mut state = ServerState::new(1);
    state.put(uid(1), &service(1));
    let free = TcpListener::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap();
    let mut config = config(server.url(), dir.path());
    config.metrics_listen = Some(free);
    let (stop, stopped) = oneshot::channel::<()>();
    let running = tokio::spawn(run(config, dataplane, async {
        let _ = stopped.await;
    }));
    let mut stream = server.accept().await;
    let health = get(free, "/healthz").await.unwrap();
    assert!(
        health.starts_with("HTTP/1.0 503") && health.contains("nothing was programmed yet"),
        "{health}"
    );
    assert!(
        get(free, "/livez")
            .await
            .unwrap()
            .starts_with("HTTP/1.0 200")
    );

    let mode = get(free, "/mode").await.unwrap();
    assert!(mode.ends_with("fake\n"), "{mode}");

    stream.send(state.welcome_snapshot()).await;
    stream.ack_of(state.revision).await;
    stream.send([state.put(uid(11), &endpoint(1, 1))]).await;
    stream.ack_of(state.revision).await;
    let health = get(free, "/healthz").await.unwrap();
    assert!(health.starts_with("HTTP/1.0 200"), "{health}");
    assert!(health.contains("\"appliedRevision\":3"), "{health}");
    let metrics = get(free, "/metrics").await.unwrap();
    for line in [
        "portolan_agent_applied_revision 3",
        "portolan_agent_connected 1",
        "portolan_agent_snapshots_total 1",
        "portolan_agent_apply_seconds_count 2",
        "portolan_agent_programming_latency_seconds_count 1",
        "portolan_agent_probes_total{result=\"pass\"} 0",
        "# HELP portolan_agent_dataplane_writes_total As the dataplane counts it: writes\n",
        "portolan_build_info{version=",
        "process_resident_memory_bytes ",
        "portolan_agent_services_without_local_endpoint{policy=\"external\"} 0",
    ] {
        assert!(metrics.contains(line), "{line}: {metrics}");
    }
    drop(stop);
    running.await.unwrap().unwrap();
    eventually("the lock is released", || {
        std::fs::File::open(dir.path().join("lock")).is_ok_and(|lock| lock.try_lock().is_ok())
    })
    .await;
}

#[tokio::test]
async fn an_agent_that_leaves_removes_what_is_its_own() {
    for (leave_after, left) in [(None, 2), (Some(Duration::from_millis(1)), 0)] {
        let dir = tempfile::tempdir().unwrap();
        let dataplane = FakeDataplane::default();
        let mut server = FakeServer::start().await;
        let mut state = ServerState::new(1);
        state.put(uid(1), &service(1));
        state.put(uid(2), &service(2));
        let mut config = config(server.url(), dir.path());
        config.leave_after = leave_after;
        let agent = Running::start(config, dataplane.clone()).await;
        let mut stream = server.accept().await;
        stream.send(state.welcome_snapshot()).await;
        stream.ack_of(state.revision).await;
        assert_eq!(dataplane.programmed().len(), 2);
        agent.stop().await;
        assert_eq!(dataplane.programmed().len(), left, "{leave_after:?}");
    }
}
