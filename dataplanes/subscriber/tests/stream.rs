//! A subscriber against a server that follows a script.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::{Duration, Instant};

use portolan_model::view::{PackedView, ServiceView, View, ViewKey, ViewKind};
use portolan_model::{Name, Uid};
use portolan_proto::node::v1 as wire;
use portolan_subscriber::testing::{Connection, FakeServer, ServerState};
use portolan_subscriber::{
    Applied, Config, Description, Readiness, ReadinessTable, Reason, Source, Status, Subscriber,
    Update,
};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::Receiver;
use tokio::sync::watch;
use tokio::time::timeout;
use wire::sync_response::Message as Frame;

const DEADLINE: Duration = Duration::from_secs(20);

fn uid(number: u128) -> Uid {
    Uid::from_random(number)
}

fn key(number: u128) -> ViewKey {
    ViewKey::new(ViewKind::Service, uid(number))
}

fn service(name: &str) -> View {
    View::Service(ServiceView {
        namespace: Name::trusted("default"),
        name: Name::trusted(name),
        frontends: Vec::new(),
        external_name: String::new(),
        headless: true,
    })
}

fn config(server: &FakeServer, dir: &Path) -> Config {
    Config {
        server: server.url(),
        cluster: "default".to_owned(),
        node: "node-1".to_owned(),
        description: Description {
            addresses: vec![IpAddr::from([192, 0, 2, 1])],
            zone: "a".to_owned(),
            node_port_addresses: Vec::new(),
            dataplane: "fake".to_owned(),
            capabilities: None,
        },
        agent_version: "test".to_owned(),
        state_dir: dir.to_owned(),
        accept_store: false,
    }
}

/// A subscriber whose owner applies what comes.
struct Owner {
    subscriber: Subscriber,
    updates: Receiver<Update>,
}

impl Owner {
    async fn start(config: Config) -> Self {
        let (subscriber, updates) = Subscriber::start(config).await.expect("it starts");
        Self {
            subscriber,
            updates,
        }
    }

    async fn next(&mut self) -> Update {
        let update = timeout(DEADLINE, self.updates.recv()).await;
        update.expect("an update in time").expect("it runs")
    }

    /// Takes the next update and says it was applied, except these.
    async fn apply(&mut self, rejected: &[u128]) -> Update {
        let update = self.next().await;
        self.say(&update, rejected);
        update
    }

    fn say(&self, update: &Update, rejected: &[u128]) {
        let reason = |number: &u128| {
            let reason = Reason {
                code: "PORT_IN_USE",
                message: "taken".to_owned(),
            };
            (key(*number), reason)
        };
        self.subscriber.applied(Applied {
            mark: update.mark,
            rejected: rejected.iter().map(reason).collect(),
            apply_us: 7,
        });
    }

    async fn status(&self, is: impl FnMut(&Status) -> bool) -> Status {
        let mut status = self.subscriber.status();
        let found = timeout(DEADLINE, status.wait_for(is)).await;
        found
            .unwrap_or_else(|_| panic!("{:?}", self.subscriber.status().borrow().clone()))
            .expect("it runs")
            .clone()
    }
}

fn named(update: &Update) -> Vec<String> {
    let name = |(_, view): &(ViewKey, PackedView)| match view.view() {
        View::Service(service) => service.name.to_string(),
        _ => panic!("only Services here"),
    };
    let mut names: Vec<_> = update.upserts.iter().map(name).collect();
    names.sort();
    names
}

/// A server with one Service and a subscriber that has it.
async fn in_step(dir: &Path) -> (FakeServer, ServerState, Connection, Owner) {
    let mut server = FakeServer::start().await;
    let mut state = ServerState::new(1);
    state.put(uid(1), &service("web"));
    let mut owner = Owner::start(config(&server, dir)).await;
    let mut stream = server.accept().await;
    stream.send(state.welcome_snapshot()).await;
    owner.apply(&[]).await;
    stream.ack_of(state.revision).await;
    (server, state, stream, owner)
}

#[tokio::test]
async fn a_snapshot_and_batches_become_updates_and_acks() {
    let dir = tempfile::tempdir().unwrap();
    let mut server = FakeServer::start().await;
    let mut state = ServerState::new(1);
    state.put(uid(1), &service("web"));
    let mut owner = Owner::start(config(&server, dir.path())).await;
    let mut stream = server.accept().await;
    assert_eq!(
        (stream.hello.node.as_str(), &stream.hello.resume),
        ("node-1", &None)
    );
    assert_eq!(
        stream.hello.projection_version,
        portolan_model::view::PROJECTION_VERSION
    );
    assert_eq!(
        stream.hello.description.as_ref().unwrap().addresses,
        [[192, 0, 2, 1]]
    );
    stream.send(state.welcome_snapshot()).await;
    let update = owner.apply(&[]).await;
    assert_eq!(
        (update.source, named(&update)),
        (Source::Snapshot, vec!["web".to_owned()])
    );
    let ack = stream.ack().await;
    assert_eq!((ack.attempted, ack.durable, ack.apply_us), (2, 2, 7));

    let Frame::Batch(mut first) = state.put(uid(2), &service("db")) else {
        panic!("a batch");
    };
    let Frame::Batch(mut second) = state.remove(key(1)) else {
        panic!("a batch");
    };
    (first.more, first.to_revision, second.from_revision) = (true, 4, 2);
    stream
        .send([Frame::Batch(first), Frame::Batch(second)])
        .await;
    let update = owner.apply(&[]).await;
    assert_eq!(named(&update), ["db"]);
    assert_eq!(update.removed, [key(1)]);
    assert_eq!(
        (
            update.from.0,
            update.mark.revision().0,
            update.commits.len()
        ),
        (2, 4, 2)
    );
    assert_eq!(stream.ack().await.attempted, 4);
    while stream.heartbeat().await.attempted != 4 {}
}

#[tokio::test]
async fn after_a_loss_it_resumes_where_it_was_and_tells_all_rejections_again() {
    let dir = tempfile::tempdir().unwrap();
    let (mut server, mut state, stream, mut owner) = in_step(dir.path()).await;
    stream.send([state.put(uid(2), &service("db"))]).await;
    owner.apply(&[2]).await;
    let mut stream = stream;
    let ack = stream.ack_of(3).await;
    assert_eq!((ack.rejected.len(), ack.rejected[0].since_revision), (1, 3));
    let session = stream.hello.session;
    drop(stream);

    let mut stream = server.accept().await;
    assert!(stream.hello.session > session);
    let resume = stream.hello.resume.clone().unwrap();
    assert_eq!(resume.store_id, state.store_id.as_bytes());
    assert_eq!((resume.revision, resume.digest), (3, state.digest()));
    stream.send([state.welcome_resume()]).await;
    let ack = stream.ack().await;
    assert_eq!((ack.attempted, ack.rejected.len()), (3, 1));

    stream.send([state.put(uid(3), &service("cache"))]).await;
    let update = owner.apply(&[2]).await;
    let ack = stream.ack().await;
    assert_eq!(
        (ack.attempted, ack.rejected.len(), ack.cleared.len()),
        (4, 0, 0)
    );
    owner.say(&update, &[]);
    let ack = stream.ack().await;
    assert_eq!(
        (ack.attempted, ack.cleared.len()),
        (4, 1),
        "mended without a new revision"
    );
    let status = owner.status(|status| status.rejected == 0).await;
    assert_eq!(
        (status.resumes, status.snapshots, status.reconnects),
        (1, 1, 1)
    );
}

#[tokio::test]
async fn a_restart_begins_with_what_was_known_even_without_a_server() {
    let dir = tempfile::tempdir().unwrap();
    let (server, mut state, mut stream, mut owner) = in_step(dir.path()).await;
    stream.send([state.put(uid(2), &service("db"))]).await;
    owner.apply(&[]).await;
    stream.ack_of(3).await;
    let config = config(&server, dir.path());
    drop((server, stream));
    // Like kill -9: nothing is flushed, the lock goes with the task.
    drop(owner);
    let deadline = Instant::now() + DEADLINE;
    let mut owner = loop {
        match Subscriber::start(config.clone()).await {
            Ok((subscriber, updates)) => {
                break Owner {
                    subscriber,
                    updates,
                };
            }
            Err(error) => assert!(Instant::now() < deadline, "{error}"),
        }
    };
    let update = owner.next().await;
    assert_eq!(
        (update.source, update.mark.revision().0),
        (Source::LastKnownGood, 3)
    );
    assert_eq!(named(&update), ["db", "web"]);
    assert_eq!(
        owner.subscriber.status().borrow().session,
        0,
        "no call before it is applied"
    );
    owner.say(&update, &[]);
    let status = owner
        .status(|status| !status.disconnected_because.is_empty())
        .await;
    assert_eq!((status.connected, status.revision.0), (false, 3));
    owner.subscriber.stop().await;
}

#[tokio::test]
async fn a_bookmark_with_another_digest_leads_to_a_snapshot_of_the_difference() {
    let dir = tempfile::tempdir().unwrap();
    let (mut server, mut state, mut stream, mut owner) = in_step(dir.path()).await;
    // A change that the node never hears of.
    state.put(uid(2), &service("db"));
    stream.send([state.bookmark()]).await;
    stream.ended().await;

    let mut stream = server.accept().await;
    assert_eq!(stream.hello.resume, None);
    stream.send(state.welcome_snapshot()).await;
    let update = owner.apply(&[]).await;
    assert_eq!(named(&update), ["db"], "what is the same is no news");
    assert_eq!(stream.ack().await.attempted, 3);
    let status = owner.status(|status| status.snapshots == 2).await;
    assert_eq!(status.digest_mismatches, 1);
}

#[tokio::test]
async fn a_gap_and_a_resync_lead_to_another_stream_from_what_is_held() {
    let dir = tempfile::tempdir().unwrap();
    let (mut server, mut state, mut stream, mut owner) = in_step(dir.path()).await;
    state.put(uid(2), &service("db"));
    stream.send([state.put(uid(3), &service("cache"))]).await;
    stream.ended().await;

    let mut stream = server.accept().await;
    assert_eq!(stream.hello.resume.as_ref().unwrap().revision, 2);
    let resync = wire::Resync {
        reason: wire::resync::Reason::Slow.into(),
    };
    stream
        .send([state.welcome_resume(), Frame::Resync(resync)])
        .await;
    stream.ended().await;

    let stream = server.accept().await;
    assert_eq!(stream.hello.resume.as_ref().unwrap().revision, 2);
    stream.send(state.welcome_snapshot()).await;
    assert_eq!(named(&owner.apply(&[]).await), ["cache", "db"]);
}

/// A way to a server on which nothing arrives any more once it is cut, in either direction, and nobody is told.
async fn relay(to: SocketAddr) -> (SocketAddr, watch::Sender<bool>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
    let listener = listener.expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    let (sender, cut) = watch::channel(false);
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let mut server = TcpStream::connect(to).await.expect("it runs");
            let mut cut = cut.clone();
            tokio::spawn(async move {
                tokio::select! {
                    _ = copy_bidirectional(&mut client, &mut server) => {}
                    _ = cut.changed() => std::future::pending().await,
                }
            });
        }
    });
    (address, sender)
}

#[tokio::test]
async fn a_stream_that_is_cut_without_a_word_is_noticed_within_ten_seconds() {
    let dir = tempfile::tempdir().unwrap();
    let mut server = FakeServer::start().await;
    let (address, cut) = relay(server.address()).await;
    let mut state = ServerState::new(1);
    state.put(uid(1), &service("web"));
    let mut owner = Owner::start(Config {
        server: format!("http://{address}"),
        ..config(&server, dir.path())
    })
    .await;
    let mut stream = server.accept().await;
    stream.send(state.welcome_snapshot()).await;
    owner.apply(&[]).await;
    stream.ack_of(state.revision).await;
    let since = Instant::now();
    cut.send_replace(true);
    owner.status(|status| !status.connected).await;
    let noticed = since.elapsed();
    assert!(noticed <= Duration::from_secs(10), "after {noticed:?}");
    owner.subscriber.stop().await;
}

#[tokio::test]
async fn drain_is_heeded() {
    let dir = tempfile::tempdir().unwrap();
    let (mut server, _, mut stream, _owner) = in_step(dir.path()).await;
    let after = Duration::from_millis(300);
    let asked = Instant::now();
    let drain = wire::Drain {
        reconnect_after_ms: 300,
        spread_ms: 100,
    };
    stream.send([Frame::Drain(drain)]).await;
    stream.ended().await;
    let stream = server.accept().await;
    assert!(asked.elapsed() >= after);
    assert_eq!(stream.hello.resume.as_ref().unwrap().revision, 2);
}

#[tokio::test]
async fn another_store_is_refused_until_it_is_accepted() {
    let dir = tempfile::tempdir().unwrap();
    let (mut server, _, stream, owner) = in_step(dir.path()).await;
    let mut other = ServerState::new(2);
    other.put(uid(9), &service("new"));
    drop(stream);
    let mut stream = server.accept().await;
    stream.send(other.welcome_snapshot()).await;
    stream.ended().await;
    let status = owner.status(|status| status.refused_store.is_some()).await;
    assert_eq!(status.refused_store, Some(other.store_id));
    assert!(status.disconnected_because.contains("--accept-store"));
    owner.subscriber.stop().await;

    let mut config = config(&server, dir.path());
    config.accept_store = true;
    let mut owner = Owner::start(config).await;
    assert_eq!(named(&owner.apply(&[]).await), ["web"]);
    let mut stream = server.accept().await;
    assert_ne!(
        stream.hello.resume.as_ref().unwrap().store_id,
        other.store_id.as_bytes()
    );
    stream.send(other.welcome_snapshot()).await;
    let update = owner.next().await;
    assert_eq!(
        (named(&update), &update.removed),
        (vec!["new".to_owned()], &vec![key(1)])
    );
    assert_eq!(
        stream.heartbeat().await.attempted,
        0,
        "what is applied is of another store"
    );
    owner.say(&update, &[]);
    let ack = stream.ack().await;
    assert_eq!((ack.attempted, ack.durable), (2, 2));
}

#[tokio::test]
async fn what_reached_the_disk_is_told_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let mut server = FakeServer::start().await;
    let mut state = ServerState::new(1);
    state.put(uid(1), &service("web"));
    let mut owner = Owner::start(config(&server, dir.path())).await;
    let mut stream = server.accept().await;
    let mut frames: Vec<_> = state.welcome_snapshot().into_iter().collect();
    let Some(Frame::Welcome(welcome)) = frames.first_mut() else {
        panic!("a Welcome comes first");
    };
    // No heartbeat is due for its own sake before the deadline of the test.
    welcome.heartbeat_ms = 600_000;
    stream.send(frames).await;
    owner.apply(&[]).await;
    stream.ack_of(state.revision).await;

    stream.send([state.put(uid(2), &service("db"))]).await;
    owner.apply(&[]).await;
    let ack = stream.ack_of(state.revision).await;
    assert!(ack.durable < ack.attempted, "the disk is written later");
    let heartbeat = stream.heartbeat().await;
    assert_eq!(heartbeat.durable, ack.attempted);
}

#[tokio::test]
async fn what_cannot_be_read_is_rejected_and_the_rest_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let (_server, mut state, mut stream, mut owner) = in_step(dir.path()).await;
    stream.send([state.put_body(3, uid(1), vec![0])]).await;
    let update = owner.apply(&[]).await;
    assert!(update.upserts.is_empty() && update.removed.is_empty());
    let ack = stream.ack().await;
    assert_eq!((ack.attempted, ack.rejected.len()), (3, 1));
    assert_eq!(ack.rejected[0].code, "INVALID_OBJECT");
    assert_eq!(ack.rejected[0].since_revision, 3);
    stream
        .send([state.bookmark(), state.put(uid(1), &service("api"))])
        .await;
    assert_eq!(named(&owner.apply(&[]).await), ["api"]);
    let ack = stream.ack().await;
    assert_eq!(
        (ack.attempted, ack.rejected.len(), ack.cleared.len()),
        (4, 0, 1)
    );
}

#[tokio::test]
async fn health_is_reported_in_full_first_then_as_differences() {
    let dir = tempfile::tempdir().unwrap();
    let (mut server, state, mut stream, owner) = in_step(dir.path()).await;
    let table = |serving| {
        let readiness = Readiness {
            probe_generation: 4,
            serving,
            since: Instant::now(),
            reason: String::new(),
        };
        ReadinessTable::from([(uid(5), readiness)])
    };
    owner.subscriber.readiness().send(ReadinessTable::new());
    let report = stream.report().await;
    assert_eq!((report.seq, report.full, report.items.len()), (1, true, 0));
    stream
        .send([Frame::HealthAck(wire::HealthAck { seq: 1 })])
        .await;
    owner.subscriber.readiness().send(table(true));
    let report = stream.report().await;
    assert_eq!((report.seq, report.full, report.items.len()), (2, false, 1));
    assert!(report.items[0].serving && report.items[0].probe_generation == 4);
    // No HealthAck: the same again, in full.
    let report = stream.report().await;
    assert_eq!((report.seq, report.full, report.items.len()), (3, true, 1));
    drop(stream);
    let mut stream = server.accept().await;
    stream.send([state.welcome_resume()]).await;
    let report = stream.report().await;
    assert_eq!((report.seq, report.full, report.items.len()), (1, true, 1));
}

#[tokio::test]
async fn an_owner_without_room_stops_the_stream_and_not_the_heartbeats() {
    let dir = tempfile::tempdir().unwrap();
    let (_server, mut state, mut stream, mut owner) = in_step(dir.path()).await;
    for number in 10..40 {
        stream
            .send([state.put(uid(number), &service("more"))])
            .await;
    }
    for _ in 0..5 {
        stream.heartbeat().await;
    }
    let held = owner.subscriber.status().borrow().revision.0;
    assert!(held < 12, "read up to {held}");
    let mut last = 0;
    while last < state.revision {
        last = owner.apply(&[]).await.mark.revision().0;
    }
    assert_eq!(stream.ack_of(state.revision).await.rejected.len(), 0);
}
