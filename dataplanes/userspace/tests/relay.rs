//! What a relay owes the two ends of a connection: every byte, in order, no faster than it is read.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use portolan_dataplane::testing::{backend, frontend};
use portolan_dataplane::{Dataplane, FrontendKey, Plan};
use portolan_model::Protocol;
use portolan_userspace::UserspaceDataplane;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::timeout;

const DEADLINE: Duration = Duration::from_mins(1);

/// Far beyond every buffer on the way.
const LONG: usize = 48 << 20;

/// A period that no buffer's size is a multiple of, so that lost or doubled pieces show.
const PERIOD: usize = 251;

/// Where clients connect, where their connections arrive, and what relays them.
async fn relaying(number: u8) -> (SocketAddr, TcpListener, UserspaceDataplane) {
    let [_, _, second, third] = std::process::id().to_be_bytes();
    let own = Ipv4Addr::new(127, 128 + second % 64, third, number);
    let listener = TcpListener::bind((own, 0)).await.expect("a free port");
    let only: SocketAddr = listener.local_addr().expect("it is bound");
    let key = FrontendKey {
        address: own.into(),
        port: 8080,
        protocol: Protocol::Tcp,
    };
    let plan = Plan {
        put: vec![(key, frontend(1, &[backend(1, only)]).into())],
        ..Plan::default()
    };
    let mut dataplane = UserspaceDataplane::new();
    assert_eq!(dataplane.apply(&plan).await.rejected, []);
    (key.socket_addr(), listener, dataplane)
}

/// A relayed connection: the client's end, the backend's end, and what relays.
async fn relayed(number: u8) -> (TcpStream, TcpStream, UserspaceDataplane) {
    let (at, listener, dataplane) = relaying(number).await;
    let client = TcpStream::connect(at).await;
    let (server, _) = timeout(DEADLINE, listener.accept())
        .await
        .expect("in time")
        .expect("it is relayed");
    (client.expect("it listens"), server, dataplane)
}

fn pattern(from: usize, length: usize) -> Vec<u8> {
    let byte = |at| u8::try_from(at % PERIOD).expect("below 256");
    (from..from + length).map(byte).collect()
}

async fn send_all(mut to: impl AsyncWrite + Unpin) {
    let block = pattern(0, PERIOD * 64);
    let mut sent = 0;
    while sent < LONG {
        let length = block.len().min(LONG - sent);
        to.write_all(&block[..length])
            .await
            .expect("somebody reads");
        sent += length;
    }
    to.shutdown().await.expect("the end can be sent");
}

/// Reads to the end, in pieces of all sizes, with pauses for others in between.
async fn receive_all(mut from: impl AsyncRead + Unpin) {
    let mut buffer = vec![0; 1 << 18];
    let mut received = 0;
    loop {
        let most = 1 + received % buffer.len();
        let read = from.read(&mut buffer[..most]).await.expect("no reset");
        if read == 0 {
            break;
        }
        assert!(buffer[..read] == pattern(received, read), "at {received}");
        received += read;
        tokio::task::yield_now().await;
    }
    assert_eq!(received, LONG);
}

/// Long streams in both directions of a connection at once.
fn both_ways(client: TcpStream, server: TcpStream) -> [JoinHandle<()>; 4] {
    let ((client_read, client_write), (server_read, server_write)) =
        (client.into_split(), server.into_split());
    [
        tokio::spawn(send_all(client_write)),
        tokio::spawn(send_all(server_write)),
        tokio::spawn(receive_all(client_read)),
        tokio::spawn(receive_all(server_read)),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn long_streams_arrive_whole_in_both_directions_at_once() {
    let (client, server, _dataplane) = relayed(1).await;
    for task in both_ways(client, server) {
        timeout(DEADLINE, task).await.expect("in time").unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn long_streams_that_move_to_another_thread_arrive_whole() {
    let (at, listener, _dataplane) = relaying(5).await;
    let mut pairs = Vec::new();
    // All begin on one thread; the first of them move once they are long.
    for _ in 0..3 {
        let client = TcpStream::connect(at).await.expect("it listens");
        let accepted = timeout(DEADLINE, listener.accept()).await;
        let (server, _) = accepted.expect("in time").expect("it is relayed");
        pairs.push((client, server));
    }
    let tasks: Vec<_> = pairs
        .into_iter()
        .flat_map(|(client, server)| both_ways(client, server))
        .collect();
    for task in tasks {
        timeout(DEADLINE, task).await.expect("in time").unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_does_not_read_holds_back_who_writes_and_gets_all_of_it_later() {
    let (client, server, _dataplane) = relayed(2).await;
    let sending = tokio::spawn(send_all(server));
    // Kernel buffers on the way hold some MiB and then nothing moves. Nobody tells when, so it is enough that the sender is
    // not done after a time in which it could send several times as much.
    let stalled = timeout(Duration::from_secs(2), async {
        while !sending.is_finished() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
    assert!(
        stalled.await.is_err(),
        "{LONG} bytes are buffered somewhere"
    );
    timeout(DEADLINE, receive_all(client))
        .await
        .expect("in time");
    timeout(DEADLINE, sending).await.expect("in time").unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_long_stream_the_other_direction_stays_open() {
    let (client, server, _dataplane) = relayed(3).await;
    let (mut client_read, client_write) = client.into_split();
    let (server_read, mut server_write) = server.into_split();
    let sending = tokio::spawn(send_all(client_write));
    timeout(DEADLINE, receive_all(server_read))
        .await
        .expect("in time");
    sending.await.unwrap();
    server_write.write_all(b"thanks").await.unwrap();
    server_write.shutdown().await.unwrap();
    let mut answer = Vec::new();
    let reading = client_read.read_to_end(&mut answer);
    timeout(DEADLINE, reading).await.expect("in time").unwrap();
    assert_eq!(answer, b"thanks");
}

/// What the client and the server send, and then end at once.
const EXCHANGES: [(&str, usize, usize); 5] = [
    ("a question and its answer", 100, 128),
    ("only the server speaks", 0, 128),
    ("only the client speaks", 100, 0),
    ("nobody does", 0, 0),
    ("longer than a buffer, with a rest", 40_001, 50_003),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ends_that_follow_at_once_cut_nothing_off() {
    let (at, listener, _dataplane) = relaying(4).await;
    for (row, question, answer) in EXCHANGES {
        for _ in 0..50 {
            let client = TcpStream::connect(at).await.unwrap();
            let asking = tokio::spawn(exchange(client, question, answer));
            let (server, _) = timeout(DEADLINE, listener.accept())
                .await
                .expect(row)
                .unwrap();
            let answering = exchange(server, answer, question);
            timeout(DEADLINE, answering).await.expect(row);
            timeout(DEADLINE, asking).await.expect(row).expect(row);
        }
    }
}

/// Sends so much and its end, and receives exactly so much.
async fn exchange(stream: TcpStream, sent: usize, received: usize) {
    let (mut read, mut write) = stream.into_split();
    let sending = async {
        write
            .write_all(&pattern(0, sent))
            .await
            .expect("somebody reads");
        write.shutdown().await.expect("the end can be sent");
    };
    let mut arrived = Vec::new();
    let (ended, ()) = tokio::join!(read.read_to_end(&mut arrived), sending);
    ended.expect("no reset");
    assert!(
        arrived == pattern(0, received),
        "{} of {received}",
        arrived.len()
    );
}
