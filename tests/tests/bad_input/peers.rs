//! Peers that speak something else, too much, or nothing at all: the server stays, and others are served.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use portolan_proto::node::v1::node_sync_client::NodeSyncClient;
use portolan_proto::node::v1::sync_request::Message;
use portolan_proto::node::v1::{Ack, Heartbeat, Hello, Rejection, SyncRequest};
use portolan_proto::v1::ServiceSpec;
use portolan_proto::v1::service_api_client::ServiceApiClient;
use portolan_tests::Server;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Status};

use crate::{connect, create, port, revision, server};

const PATIENCE: Duration = Duration::from_secs(10);
/// What an answer takes at the very most while others are a burden; usually it is a few milliseconds.
const PROMPT: Duration = Duration::from_secs(2);
/// Idle connections of each kind.
const IDLE: usize = 1000;

/// Numbers that look random, and are the same in every run (Marsaglia's xorshift).
fn random() -> impl FnMut() -> u64 {
    let mut x = 0x9E37_79B9_7F4A_7C15_u64;
    move || {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        x
    }
}

/// Sends bytes and reads until the server has nothing more to say.
fn send(server: &Server<'_>, bytes: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(server.api()).expect("the server accepts");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    // The server may have hung up already, and may hang up with a reset.
    let _ = stream.write_all(bytes);
    let _ = stream.shutdown(Shutdown::Write);
    let mut answer = Vec::new();
    if let Err(error) = stream.read_to_end(&mut answer) {
        let kind = error.kind();
        assert_ne!(
            kind,
            std::io::ErrorKind::WouldBlock,
            "it neither answers nor hangs up"
        );
    }
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_that_are_no_protocol_of_ours_hurt_nobody() {
    let server = server(&[]);
    let before = revision(&connect(&server).await).await;
    let mut random = random();
    for round in 0..200 {
        let length = usize::try_from(random() % 2000).expect("it is small");
        let noise: Vec<u8> = (0..length).map(|_| random().to_le_bytes()[0]).collect();
        // Every other one gets past the preface of HTTP/2, and every fourth past its SETTINGS.
        let preface: &[u8] = match round % 4 {
            1 => b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            3 => b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0",
            _ => b"",
        };
        send(&server, &[preface, &noise].concat());
    }
    let http = send(&server, b"GET / HTTP/1.1\r\nHost: here\r\n\r\n");
    assert!(!http.starts_with(b"HTTP/1.1 2"), "{http:?}");
    assert_eq!(revision(&connect(&server).await).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_too_long_is_an_error_of_its_own_request() {
    let server = server(&[]);
    let channel = connect(&server).await;
    let before = revision(&channel).await;
    let mut request = create(
        "web",
        ServiceSpec {
            ports: vec![port(80)],
            ..ServiceSpec::default()
        },
    );
    let service = request.service.as_mut().expect("it has one");
    service
        .annotations
        .insert("note".to_owned(), "x".repeat(5 << 20));
    let status = ServiceApiClient::new(channel.clone())
        .create_service(request)
        .await;
    let status = status.expect_err("4 MiB are allowed");
    assert!(
        matches!(status.code(), Code::OutOfRange | Code::ResourceExhausted),
        "{status:?}"
    );
    assert!(status.message().contains("too large"), "{status:?}");

    let rejected = Rejection {
        message: "x".repeat(5 << 20),
        ..Rejection::default()
    };
    let ack = Message::Ack(Ack {
        rejected: vec![rejected],
        ..Ack::default()
    });
    let status = sync(&channel, vec![Some(Message::Hello(hello("n1"))), Some(ack)]).await;
    assert!(
        matches!(status.code(), Code::OutOfRange | Code::ResourceExhausted),
        "{status:?}"
    );
    // The node was registered by its Hello; the Service was not made.
    assert_eq!(revision(&channel).await, before + 1);
}

fn hello(node: &str) -> Hello {
    Hello {
        cluster: "default".to_owned(),
        node: node.to_owned(),
        session: 1,
        projection_version: portolan_tests::PROJECTION_VERSION,
        ..Hello::default()
    }
}

/// How a node's stream ends that says this and waits.
async fn sync(channel: &Channel, messages: Vec<Option<Message>>) -> Status {
    let (sender, receiver) = tokio::sync::mpsc::channel(messages.len().max(1));
    for message in messages {
        let sent = sender.send(SyncRequest { message }).await;
        sent.expect("there is room");
    }
    let requests = tokio_stream::wrappers::ReceiverStream::new(receiver);
    let mut client = NodeSyncClient::new(channel.clone());
    let ended = async {
        let mut responses = client.sync(requests).await?.into_inner();
        while responses.message().await?.is_some() {}
        Ok::<_, Status>(())
    };
    let ended = tokio::time::timeout(PATIENCE, ended).await;
    drop(sender);
    ended
        .expect("the server ends it")
        .expect_err("with a reason")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_stream_that_begins_with_garbage_is_ended_with_a_reason() {
    let server = server(&[]);
    let channel = connect(&server).await;
    let before = revision(&channel).await;
    let hello = |change: fn(&mut Hello)| {
        let mut hello = hello("n1");
        change(&mut hello);
        vec![Some(Message::Hello(hello))]
    };
    let rows = [
        ("nothing in it", vec![None], Code::InvalidArgument),
        (
            "no Hello",
            vec![Some(Message::Heartbeat(Heartbeat::default()))],
            Code::InvalidArgument,
        ),
        (
            "another cluster",
            hello(|h| h.cluster = "moon".to_owned()),
            Code::NotFound,
        ),
        (
            "a name out of rule",
            hello(|h| h.node = "N_1".to_owned()),
            Code::InvalidArgument,
        ),
        (
            "another projection",
            hello(|h| h.projection_version = 99),
            Code::FailedPrecondition,
        ),
        (
            "an address of five bytes",
            hello(|h| h.description.get_or_insert_default().addresses = vec![vec![0; 5]]),
            Code::InvalidArgument,
        ),
        ("silence", vec![], Code::DeadlineExceeded),
    ];
    for (row, messages, code) in rows {
        let status = sync(&channel, messages).await;
        assert_eq!(status.code(), code, "{row}: {status:?}");
        assert!(!status.message().is_empty(), "{row}");
        assert_eq!(revision(&channel).await, before, "{row}");
    }
}

/// The usual limit of open files at first, for the server to be started with; then room for this test's own.
fn server_with_few_files() -> Server<'static> {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).expect("there is a limit");
    setrlimit(Resource::RLIMIT_NOFILE, 1024, hard).expect("lower is allowed");
    let server = server(&[]);
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard).expect("up to the hard limit");
    server
}

#[tokio::test(flavor = "multi_thread")]
async fn thousands_of_idle_connections_keep_nobody_out() {
    let server = server_with_few_files();
    let silent: Vec<_> = (0..IDLE)
        .map(|_| TcpStream::connect(server.api()).expect("the server accepts"))
        .collect();
    let mut idle = Vec::new();
    for _ in 0..IDLE {
        // Without a request of its own a channel would only connect when it is first used.
        let endpoint = Endpoint::from_shared(server.url()).expect("a URL");
        idle.push(endpoint.connect().await.expect("the server accepts"));
    }
    revision(&idle[IDLE - 1]).await;

    let start = Instant::now();
    let channel = connect(&server).await;
    let spec = ServiceSpec {
        ports: vec![port(80)],
        ..ServiceSpec::default()
    };
    let created = ServiceApiClient::new(channel)
        .create_service(create("web", spec))
        .await;
    created.expect("others are served");
    assert!(start.elapsed() < PROMPT, "{:?}", start.elapsed());
    drop((silent, idle));
}
