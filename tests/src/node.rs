//! A node that does as little as the stream's rules allow.

use std::collections::BTreeMap;

pub use portolan_model::view::PROJECTION_VERSION;
use portolan_proto::node::v1 as wire;
use tokio::sync::{mpsc, watch};
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Endpoint;
use tonic::{Status, Streaming};
use wire::node_sync_client::NodeSyncClient;
use wire::sync_response::Message;

/// The smallest window that HTTP/2 starts with: what a peer may send that nobody reads.
const WINDOW: u32 = 65_535;

/// An open stream. It reads only when told to.
pub struct Node {
    /// Towards the server.
    pub requests: mpsc::Sender<wire::SyncRequest>,
    frames: Streaming<wire::SyncResponse>,
    /// What it holds whole.
    pub revision: u64,
    /// Body by kind and uid of what came so far.
    pub objects: BTreeMap<(i32, Vec<u8>), Vec<u8>>,
}

impl Node {
    /// Opens a stream for a node of the default cluster that holds nothing.
    pub async fn connect(server: &str, name: &str) -> Result<Self, Status> {
        Self::connect_to(server, "default", name).await
    }

    /// Opens a stream for a node that holds nothing.
    pub async fn connect_to(server: &str, cluster: &str, name: &str) -> Result<Self, Status> {
        let endpoint = Endpoint::from_shared(server.to_owned()).expect("a URL");
        let endpoint = endpoint
            .initial_stream_window_size(WINDOW)
            .initial_connection_window_size(WINDOW);
        let channel = endpoint.connect_lazy();
        let (requests, outgoing) = mpsc::channel(8);
        let hello = wire::Hello {
            cluster: cluster.to_owned(),
            node: name.to_owned(),
            session: 1,
            description: Some(wire::NodeDescription {
                addresses: vec![vec![192, 0, 2, 1]],
                dataplane: "none".to_owned(),
                ..wire::NodeDescription::default()
            }),
            projection_version: PROJECTION_VERSION,
            ..wire::Hello::default()
        };
        let hello = wire::SyncRequest {
            message: Some(wire::sync_request::Message::Hello(hello)),
        };
        requests.try_send(hello).expect("a new channel has room");
        let mut client = NodeSyncClient::new(channel);
        let frames = client.sync(ReceiverStream::new(outgoing)).await?;
        Ok(Self {
            requests,
            frames: frames.into_inner(),
            revision: 0,
            objects: BTreeMap::new(),
        })
    }

    /// Says that it carries what it holds.
    ///
    /// # Panics
    /// If the stream has ended.
    pub async fn acknowledge(&self) {
        let ack = wire::Ack {
            attempted: self.revision,
            durable: self.revision,
            ..wire::Ack::default()
        };
        let message = Some(wire::sync_request::Message::Ack(ack));
        let sent = self.requests.send(wire::SyncRequest { message }).await;
        sent.expect("the stream goes on");
    }

    /// Reads until it holds a revision whole.
    ///
    /// # Panics
    /// If the server says that the stream can't go on, or ends it.
    pub async fn reach(&mut self, revision: u64) -> Result<(), Status> {
        while self.revision < revision {
            self.read().await?;
        }
        Ok(())
    }

    /// Reads whatever comes, until it holds the revision that is told at last; 0 is none.
    ///
    /// # Panics
    /// If the server says that the stream can't go on, or ends it.
    pub async fn follow(&mut self, last: &mut watch::Receiver<u64>) -> Result<(), Status> {
        loop {
            let revision = *last.borrow();
            if revision > 0 {
                return self.reach(revision).await;
            }
            tokio::select! {
                read = self.read() => read?,
                told = last.changed() => told.expect("the test goes on"),
            }
        }
    }

    /// Reads one message.
    async fn read(&mut self) -> Result<(), Status> {
        let frame = self.frames.message().await?.expect("the stream goes on");
        match frame.message {
            Some(Message::SnapshotBegin(_)) => self.objects.clear(),
            Some(Message::Batch(batch)) => {
                if !batch.more && batch.from_revision > 0 {
                    self.revision = batch.to_revision;
                }
                self.take(batch);
            }
            Some(Message::SnapshotEnd(end)) => self.revision = end.revision,
            Some(Message::Bookmark(bookmark)) => self.revision = bookmark.revision,
            Some(Message::Resync(resync)) => panic!("{resync:?}"),
            _ => {}
        }
        Ok(())
    }

    fn take(&mut self, batch: wire::Batch) {
        for object in batch.objects {
            let key = (object.kind, object.uid.to_vec());
            self.objects.insert(key, object.body.to_vec());
        }
        for gone in batch.removed {
            self.objects.remove(&(gone.kind, gone.uid));
        }
    }
}
