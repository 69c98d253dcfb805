//! A plugin of the barest kind: it keeps objects, and compares digests.

use std::collections::BTreeMap;

use portolan_model::view::ViewKey;
use portolan_model::{Digest, Revision};
use portolan_proto::convert::view::{address_bytes, digest, key};
use portolan_proto::node::v1::node_sync_client::NodeSyncClient;
use portolan_proto::node::v1::sync_request::Message as Say;
use portolan_proto::node::v1::sync_response::Message as Hear;
use portolan_proto::node::v1::{
    Ack, Hello, NodeDescription, Resume, SyncRequest, SyncResponse, Welcome,
};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Status, Streaming};

use super::{DEADLINE, Server, described};

/// One stream of a node.
pub(super) struct Plugin {
    say: mpsc::Sender<SyncRequest>,
    hear: Streaming<SyncResponse>,
    pub(super) store_id: Vec<u8>,
    pub(super) revision: Revision,
    pub(super) objects: BTreeMap<ViewKey, Vec<u8>>,
}

/// A Hello as it should be.
pub(super) fn hello(node: &str, session: u64) -> Hello {
    let spec = described();
    Hello {
        cluster: "default".to_owned(),
        node: node.to_owned(),
        session,
        resume: None,
        description: Some(NodeDescription {
            addresses: spec.addresses.into_iter().map(address_bytes).collect(),
            zone: spec.zone,
            node_port_addresses: Vec::new(),
            dataplane: spec.dataplane,
            capabilities: None,
        }),
        agent_version: "test".to_owned(),
        projection_version: portolan_model::view::PROJECTION_VERSION,
        oldest_projection_version: 0,
    }
}

impl Plugin {
    /// Opens a stream, and says nothing yet.
    pub(super) async fn connect(server: &Server) -> Self {
        let url = format!("http://{}", server.address);
        let mut client = NodeSyncClient::connect(url).await.unwrap();
        let (say, said) = mpsc::channel(16);
        let response = client.sync(ReceiverStream::new(said));
        let response = tokio::time::timeout(DEADLINE, response).await;
        let hear = response
            .expect("headers come before Hello")
            .unwrap()
            .into_inner();
        Self {
            say,
            hear,
            store_id: Vec::new(),
            revision: Revision::ZERO,
            objects: BTreeMap::new(),
        }
    }

    /// Opens a stream, says Hello, and hears Welcome.
    pub(super) async fn join(server: &Server, hello: Hello) -> (Self, Welcome) {
        let mut plugin = Self::connect(server).await;
        let welcome = plugin.greet(hello).await;
        (plugin, welcome)
    }

    pub(super) async fn greet(&mut self, hello: Hello) -> Welcome {
        self.say(Say::Hello(hello)).await;
        match self.hear().await.unwrap() {
            Hear::Welcome(welcome) => {
                self.store_id.clone_from(&welcome.store_id);
                welcome
            }
            other => panic!("no Welcome but {other:?}"),
        }
    }

    pub(super) async fn say(&self, message: Say) {
        let message = Some(message);
        self.say.send(SyncRequest { message }).await.unwrap();
    }

    /// Says nothing more.
    pub(super) fn hang_up(self) -> Streaming<SyncResponse> {
        self.hear
    }

    pub(super) async fn hear(&mut self) -> Result<Hear, Status> {
        let heard = tokio::time::timeout(DEADLINE, self.hear.message()).await;
        match heard.expect("there is something to hear")? {
            Some(response) => Ok(response.message.unwrap()),
            None => Err(Status::new(Code::Ok, "")),
        }
    }

    /// Follows until a revision is held whole.
    pub(super) async fn follow(&mut self, until: Revision) {
        while self.revision < until {
            let message = self.hear().await.unwrap();
            self.take(message);
        }
    }

    /// Follows until something other than state comes.
    pub(super) async fn message(&mut self) -> Result<Hear, Status> {
        loop {
            match self.hear().await? {
                message @ (Hear::SnapshotBegin(_)
                | Hear::Batch(_)
                | Hear::SnapshotEnd(_)
                | Hear::Bookmark(_)) => self.take(message),
                message => return Ok(message),
            }
        }
    }

    /// Follows until the stream ends.
    pub(super) async fn end(&mut self) -> Status {
        loop {
            if let Err(status) = self.message().await {
                return status;
            }
        }
    }

    fn take(&mut self, message: Hear) {
        match message {
            Hear::SnapshotBegin(_) => self.objects.clear(),
            Hear::Batch(batch) => {
                let objects = batch.objects.into_iter();
                self.objects
                    .extend(objects.map(|o| (key(o.kind, &o.uid).unwrap(), o.body.to_vec())));
                for gone in batch.removed {
                    self.objects.remove(&key(gone.kind, &gone.uid).unwrap());
                }
                if batch.from_revision > 0 && !batch.more {
                    self.revision = Revision(batch.to_revision);
                }
            }
            Hear::SnapshotEnd(end) => {
                self.revision = Revision(end.revision);
                assert_eq!(self.digest().as_bytes()[..], end.digest);
            }
            Hear::Bookmark(bookmark) => {
                assert_eq!(self.revision.0, bookmark.revision);
                assert_eq!(self.digest().as_bytes()[..], bookmark.digest);
            }
            other => panic!("{other:?} is no state"),
        }
    }

    fn digest(&self) -> Digest {
        let mut sum = Digest::EMPTY;
        for (key, body) in &self.objects {
            sum.toggle(digest(*key, body));
        }
        sum
    }

    pub(super) fn resume(&self) -> Resume {
        Resume {
            store_id: self.store_id.clone(),
            revision: self.revision.0,
            digest: self.digest().as_bytes().to_vec(),
        }
    }

    /// Everything that is held is applied.
    pub(super) async fn acknowledge(&self) {
        self.say(Say::Ack(Ack {
            attempted: self.revision.0,
            durable: self.revision.0,
            ..Ack::default()
        }))
        .await;
    }
}
