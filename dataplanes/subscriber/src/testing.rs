//! For tests: a server that does exactly what a test tells it, frame by frame.

mod state;

use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::time::Duration;

use portolan_proto::node::v1 as wire;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::task::AbortHandle;
use tokio::time::timeout;
use tokio_stream::Stream;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status, Streaming};
use wire::node_sync_server::{NodeSync, NodeSyncServer};
use wire::sync_request::Message as Incoming;
use wire::sync_response::Message as Frame;

pub use state::ServerState;

use crate::{ReadinessSender, ReadinessTable};

/// What a subscriber's readiness sender sends, without a subscriber.
pub fn readiness_channel() -> (ReadinessSender, watch::Receiver<Option<ReadinessTable>>) {
    let (sender, receiver) = watch::channel(None);
    (ReadinessSender(sender), receiver)
}

/// Long enough for the slowest machine; only a failing test waits for it.
const DEADLINE: Duration = Duration::from_mins(1);

/// Accepts streams and hands each to the test.
#[derive(Debug)]
pub struct FakeServer {
    address: SocketAddr,
    connections: mpsc::Receiver<Connection>,
    serving: AbortHandle,
}

/// One stream, from its Hello on.
#[derive(Debug)]
pub struct Connection {
    /// What it opened with.
    pub hello: wire::Hello,
    incoming: mpsc::Receiver<Incoming>,
    out: mpsc::Sender<Result<wire::SyncResponse, Status>>,
    acks: VecDeque<wire::Ack>,
    reports: VecDeque<wire::HealthReport>,
    heartbeats: VecDeque<wire::Heartbeat>,
}

impl FakeServer {
    /// On a free port of the loopback.
    pub async fn start() -> Self {
        Self::start_at(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await
    }

    /// At an address, for example where one ran before.
    pub async fn start_at(address: SocketAddr) -> Self {
        let listener = TcpListener::bind(address).await.expect("the port is free");
        let address = listener.local_addr().expect("it is bound");
        let (sender, connections) = mpsc::channel(16);
        let serve = tonic::transport::Server::builder()
            .add_service(NodeSyncServer::new(Acceptor(sender)))
            .serve_with_incoming(TcpIncoming::from(listener).with_nodelay(Some(true)));
        let serving = tokio::spawn(serve).abort_handle();
        Self {
            address,
            connections,
            serving,
        }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The same as a subscriber takes it.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The next stream that was opened.
    pub async fn accept(&mut self) -> Connection {
        let next = timeout(DEADLINE, self.connections.recv()).await;
        next.expect("a stream within the deadline")
            .expect("the server runs")
    }
}

impl Drop for FakeServer {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Connection {
    /// Sends frames.
    pub async fn send(&self, frames: impl IntoIterator<Item = Frame>) {
        for frame in frames {
            let response = wire::SyncResponse {
                message: Some(frame),
            };
            // A stream that the other side has left shows in what the test expects next.
            let _ = self.out.send(Ok(response)).await;
        }
    }

    /// The next Ack.
    pub async fn ack(&mut self) -> wire::Ack {
        loop {
            if let Some(ack) = self.acks.pop_front() {
                return ack;
            }
            assert!(self.receive().await, "the stream ended without an Ack");
        }
    }

    /// The next Ack of a revision; those of earlier ones are skipped.
    pub async fn ack_of(&mut self, revision: u64) -> wire::Ack {
        loop {
            let ack = self.ack().await;
            if ack.attempted == revision {
                return ack;
            }
        }
    }

    /// The next health report.
    pub async fn report(&mut self) -> wire::HealthReport {
        loop {
            if let Some(report) = self.reports.pop_front() {
                return report;
            }
            assert!(self.receive().await, "the stream ended without a report");
        }
    }

    /// The next heartbeat.
    pub async fn heartbeat(&mut self) -> wire::Heartbeat {
        loop {
            if let Some(heartbeat) = self.heartbeats.pop_front() {
                return heartbeat;
            }
            assert!(self.receive().await, "the stream ended without a heartbeat");
        }
    }

    /// The next message of any sort; `None` if the other side has left.
    pub async fn message(&mut self) -> Option<Incoming> {
        self.incoming.recv().await
    }

    /// Waits until the other side has left.
    pub async fn ended(&mut self) {
        while self.receive().await {}
    }

    async fn receive(&mut self) -> bool {
        let next = timeout(DEADLINE, self.incoming.recv()).await;
        match next.expect("a message within the deadline") {
            Some(Incoming::Ack(ack)) => self.acks.push_back(ack),
            Some(Incoming::Health(report)) => self.reports.push_back(report),
            Some(Incoming::Heartbeat(heartbeat)) => self.heartbeats.push_back(heartbeat),
            Some(Incoming::Hello(_)) => panic!("a second Hello"),
            None => return false,
        }
        true
    }
}

struct Acceptor(mpsc::Sender<Connection>);

#[tonic::async_trait]
impl NodeSync for Acceptor {
    type SyncStream = Pin<Box<dyn Stream<Item = Result<wire::SyncResponse, Status>> + Send>>;

    async fn sync(
        &self,
        request: Request<Streaming<wire::SyncRequest>>,
    ) -> Result<Response<Self::SyncStream>, Status> {
        let mut requests = request.into_inner();
        let first = requests.message().await?.and_then(|m| m.message);
        let Some(Incoming::Hello(hello)) = first else {
            return Err(Status::invalid_argument("the first message is no Hello"));
        };
        let (out, frames) = mpsc::channel(64);
        let (sender, incoming) = mpsc::channel(1024);
        tokio::spawn(async move {
            while let Ok(Some(request)) = requests.message().await {
                let Some(message) = request.message else {
                    continue;
                };
                if sender.send(message).await.is_err() {
                    return;
                }
            }
        });
        let connection = Connection {
            hello,
            incoming,
            out,
            acks: VecDeque::new(),
            reports: VecDeque::new(),
            heartbeats: VecDeque::new(),
        };
        let gone = |_| Status::unavailable("the test is over");
        self.0.send(connection).await.map_err(gone)?;
        Ok(Response::new(Box::pin(ReceiverStream::new(frames))))
    }
}
