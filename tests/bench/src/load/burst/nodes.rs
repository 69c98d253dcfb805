//! Simulated nodes that read as fast as they can, look only at how far they are, and acknowledge at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use portolan_proto::node::v1::sync_request::Message as Said;
use portolan_proto::node::v1::{Ack, Heartbeat, Hello, NodeDescription};
use prost::Message;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::c1::nodes::{SYNC, name, request};
use crate::http2::Call;
use crate::serve::ControlPlane;

/// How long the last node is waited for.
const DEADLINE: Duration = Duration::from_mins(3);
/// Between two looks at how far all are.
const LOOK: Duration = Duration::from_millis(1);

/// What a node looks at of what it is told: with the numbers of `SyncResponse`, whose other fields are skipped.
#[derive(Clone, PartialEq, Message)]
struct Told {
    #[prost(message, optional, tag = "3")]
    batch: Option<Part>,
    #[prost(message, optional, tag = "4")]
    snapshot_end: Option<At>,
    #[prost(message, optional, tag = "5")]
    bookmark: Option<At>,
    #[prost(message, optional, tag = "6")]
    resync: Option<At>,
}

impl Told {
    /// The revision that a node holds whole with this.
    fn whole(&self) -> Option<u64> {
        let batch = self.batch.as_ref();
        let last = batch.filter(|part| !part.more && part.from_revision > 0);
        let end = self.snapshot_end.as_ref();
        last.map(|part| part.to_revision)
            .or_else(|| end.map(|end| end.revision))
    }
}

/// Of a `Batch`, without its objects.
#[derive(Clone, PartialEq, Message)]
struct Part {
    #[prost(uint64, tag = "1")]
    from_revision: u64,
    #[prost(uint64, tag = "2")]
    to_revision: u64,
    #[prost(bool, tag = "3")]
    more: bool,
}

#[derive(Clone, PartialEq, Message)]
struct At {
    #[prost(uint64, tag = "1")]
    revision: u64,
}

/// All nodes.
pub(super) struct Fleet {
    nodes: Arc<Vec<Node>>,
    _streams: JoinSet<()>,
}

/// How far one is.
#[derive(Default)]
struct Node {
    revision: AtomicU64,
    bytes: AtomicU64,
    is_gone: AtomicBool,
}

impl Fleet {
    /// Opens all streams, and waits until each was idle once.
    pub(super) async fn connect(server: &ControlPlane, count: usize) -> anyhow::Result<Self> {
        let nodes: Arc<Vec<Node>> = Arc::new((0..count).map(|_| Node::default()).collect());
        let (idle, mut idles) = mpsc::channel(count);
        let mut streams = JoinSet::new();
        for number in 0..count {
            let (api, nodes, mut idle) = (server.api(), nodes.clone(), Some(idle.clone()));
            streams.spawn(async move {
                // Who is sent away comes back, as often as it takes, and starts over.
                for session in 1.. {
                    let run = async {
                        let socket = TcpStream::connect(api).await?;
                        stream(socket, number, session, &nodes[number], &mut idle).await
                    };
                    if let Err(error) = run.await {
                        eprintln!("node {number}: {error:#}");
                        nodes[number].is_gone.store(true, Relaxed);
                        return;
                    }
                }
            });
        }
        drop(idle);
        for _ in 0..count {
            idles.recv().await.context("a stream ended")?;
        }
        Ok(Self {
            nodes,
            _streams: streams,
        })
    }

    /// Bytes that all of them have received.
    pub(super) fn received(&self) -> u64 {
        self.nodes.iter().map(|node| node.bytes.load(Relaxed)).sum()
    }

    /// Whether all are still there.
    pub(super) fn is_whole(&self) -> bool {
        !self.nodes.iter().any(|node| node.is_gone.load(Relaxed))
    }

    /// Waits until the last one has a revision.
    pub(super) async fn reach(&self, revision: u64) -> anyhow::Result<()> {
        let began = Instant::now();
        let is_behind = |node: &Node| node.revision.load(Relaxed) < revision;
        while self.nodes.iter().any(is_behind) {
            let behind = self.nodes.iter().filter(|node| is_behind(node)).count();
            ensure!(began.elapsed() < DEADLINE, "{behind} nodes are behind");
            tokio::time::sleep(LOOK).await;
        }
        Ok(())
    }
}

/// One stream, until it is told to connect again.
async fn stream(
    socket: TcpStream,
    number: usize,
    session: u64,
    node: &Node,
    idle: &mut Option<mpsc::Sender<()>>,
) -> anyhow::Result<()> {
    let mut call = Call::open(socket, SYNC).await?;
    let hello = Hello {
        cluster: "default".to_owned(),
        node: name(number),
        session,
        description: Some(NodeDescription {
            dataplane: "simulated".to_owned(),
            ..NodeDescription::default()
        }),
        projection_version: portolan_model::view::PROJECTION_VERSION,
        ..Hello::default()
    };
    call.send(&request(Said::Hello(hello))).await?;
    loop {
        let message = call.receive().await?;
        node.bytes.fetch_add(message.len() as u64, Relaxed);
        let told = Told::decode(message)?;
        if let Some(revision) = told.whole() {
            node.revision.store(revision, Relaxed);
            let ack = Ack {
                attempted: revision,
                durable: revision,
                apply_us: 1,
                ..Ack::default()
            };
            call.send(&request(Said::Ack(ack))).await?;
        }
        if let Some(At { revision }) = told.bookmark {
            let heartbeat = Heartbeat {
                attempted: revision,
                durable: revision,
            };
            call.send(&request(Said::Heartbeat(heartbeat))).await?;
            if let Some(idle) = idle.take() {
                idle.send(()).await?;
            }
        }
        if told.resync.is_some() {
            return Ok(());
        }
    }
}
