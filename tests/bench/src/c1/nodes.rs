//! Simulated nodes: each reads its stream over a connection of its own, and acknowledges at once.

use std::sync::Arc;

use anyhow::{Context, bail};
use portolan_proto::node::v1::sync_request::Message as Said;
use portolan_proto::node::v1::sync_response::Message as Told;
use portolan_proto::node::v1::{
    Ack, Batch, Heartbeat, Hello, NodeDescription, SyncRequest, SyncResponse,
};
use portolan_proto::v1::node_api_client::NodeApiClient;
use portolan_proto::v1::{CreateNodeRequest, Node, NodeSpec};
use prost::Message;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::gather::{Gather, now_us};
use crate::http2::Call;
use crate::serve::ControlPlane;

pub(crate) const SYNC: &str = "/portolan.node.v1.NodeSync/Sync";
/// gRPC's prefix, and the header of an HTTP/2 DATA frame.
const AROUND: usize = 5 + 9;

/// Registers all nodes beforehand, so that their objects don't count as memory of their streams.
pub(crate) async fn register(server: &ControlPlane, nodes: usize) -> anyhow::Result<()> {
    let api = NodeApiClient::new(server.connect().await?);
    let mut tasks = JoinSet::new();
    for number in 0..nodes {
        let mut api = api.clone();
        tasks.spawn(async move {
            let spec = NodeSpec {
                addresses: vec![address(number)],
                ..NodeSpec::default()
            };
            let request = CreateNodeRequest {
                parent: "clusters/default".to_owned(),
                node: Some(Node {
                    spec: Some(spec),
                    ..Node::default()
                }),
                node_id: name(number),
                ..CreateNodeRequest::default()
            };
            api.create_node(request).await
        });
    }
    while let Some(done) = tasks.join_next().await {
        done?.context("registering a node")?;
    }
    Ok(())
}

/// Opens all streams, and waits until each was idle once: whole, and told so by a Bookmark.
pub(super) async fn connect(
    server: &ControlPlane,
    nodes: usize,
    gather: &Arc<Gather>,
) -> anyhow::Result<JoinSet<()>> {
    let (idle, mut idles) = mpsc::channel(nodes);
    let mut tasks = JoinSet::new();
    for number in 0..nodes {
        let socket = TcpStream::connect(server.api()).await?;
        let stream = NodeStream::open(socket, number, gather.clone(), idle.clone()).await?;
        tasks.spawn(async move {
            if let Err(error) = stream.run().await {
                eprintln!("node {number}: {error:#}");
            }
        });
    }
    drop(idle);
    let mut waiting = nodes;
    while waiting > 0 {
        idles.recv().await.context("every stream ended")?;
        waiting -= 1;
    }
    Ok(tasks)
}

struct NodeStream {
    call: Call,
    gather: Arc<Gather>,
    /// Taken by the first Bookmark.
    idle: Option<mpsc::Sender<()>>,
}

impl NodeStream {
    async fn open(
        socket: TcpStream,
        number: usize,
        gather: Arc<Gather>,
        idle: mpsc::Sender<()>,
    ) -> anyhow::Result<Self> {
        let description = NodeDescription {
            dataplane: "simulated".to_owned(),
            ..NodeDescription::default()
        };
        let hello = Hello {
            cluster: "default".to_owned(),
            node: name(number),
            session: 1,
            description: Some(description),
            projection_version: portolan_model::view::PROJECTION_VERSION,
            ..Hello::default()
        };
        let mut call = Call::open(socket, SYNC).await?;
        call.send(&request(Said::Hello(hello))).await?;
        Ok(Self {
            call,
            gather,
            idle: Some(idle),
        })
    }

    async fn run(mut self) -> anyhow::Result<()> {
        loop {
            let message = self.call.receive().await?;
            let size = message.len() + AROUND;
            let response = SyncResponse::decode(message)?;
            match response.message {
                Some(Told::Batch(batch)) => self.apply(&batch, size).await?,
                Some(Told::SnapshotEnd(end)) => self.acknowledge(end.revision).await?,
                Some(Told::Bookmark(bookmark)) => {
                    let heartbeat = Heartbeat {
                        attempted: bookmark.revision,
                        durable: bookmark.revision,
                    };
                    self.call.send(&request(Said::Heartbeat(heartbeat))).await?;
                    if let Some(idle) = self.idle.take() {
                        idle.send(()).await?;
                    }
                }
                Some(Told::Resync(_) | Told::Drain(_)) => bail!("sent away: {response:?}"),
                _ => {}
            }
        }
    }

    async fn apply(&mut self, batch: &Batch, size: usize) -> anyhow::Result<()> {
        let at = now_us();
        // Pieces of a snapshot name no commits.
        if batch.more || batch.commits.is_empty() {
            return Ok(());
        }
        let expected = self.gather.expected();
        if let Some(commit) = batch
            .commits
            .iter()
            .find(|commit| commit.revision == expected)
        {
            self.gather.receive(at, commit.committed_at_us, size);
        }
        self.acknowledge(batch.to_revision).await
    }

    async fn acknowledge(&mut self, revision: u64) -> anyhow::Result<()> {
        let ack = Ack {
            attempted: revision,
            durable: revision,
            apply_us: 1,
            ..Ack::default()
        };
        self.call.send(&request(Said::Ack(ack))).await
    }
}

/// A message of a node, as it is sent.
pub(crate) fn request(message: Said) -> Vec<u8> {
    let request = SyncRequest {
        message: Some(message),
    };
    request.encode_to_vec()
}

/// What a node is called.
pub(crate) fn name(number: usize) -> String {
    format!("node-{number}")
}

/// From 198.18.0.0/15, the range for benchmarks (RFC 2544).
fn address(number: usize) -> String {
    format!("198.18.{}.{}", number / 250, number % 250 + 1)
}
