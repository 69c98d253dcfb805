//! What a node says, message by message.

use std::time::Duration;

use http::Extensions;
use portolan_distributor::{SessionId, StreamHandle};
use portolan_model::Revision;
use portolan_proto::node::v1::sync_request::Message;
use portolan_proto::node::v1::{Ack, Heartbeat, Hello, SyncRequest};
use tonic::Status;
use tonic::codec::Streaming;

use super::Shared;
use super::hello::Admitted;
use super::readiness::ReadinessQueue;
use super::rejections::{announce, report};
use crate::cluster::Cluster;
use crate::status::stream::{silent, violation};

/// How long a peer may take to say Hello.
const HELLO_DEADLINE: Duration = Duration::from_secs(5);

/// One stream of one node.
pub(super) struct StreamTask<'a> {
    pub(super) shared: &'a Shared,
    pub(super) stream: StreamHandle,
    pub(super) inbound: Streaming<SyncRequest>,
}

/// Who speaks.
struct NodeSession {
    cluster: Cluster,
    node: portolan_model::Name,
    session: SessionId,
}

impl StreamTask<'_> {
    /// Until the node has nothing more to say, or breaks a rule.
    pub(super) async fn run(mut self, extensions: &Extensions) -> Result<(), Status> {
        // On the heap, so that what only the beginning needs is not kept for as long as the stream lasts.
        let (session, mut health) = Box::pin(self.arrive(extensions)).await?;
        while let Some(request) = self.inbound.message().await? {
            match request.message {
                Some(Message::Ack(ack)) => session.acknowledge(ack),
                Some(Message::Heartbeat(heartbeat)) => session.heartbeat(&heartbeat),
                Some(Message::Health(report)) => {
                    session.contact();
                    health.take(report)?;
                }
                Some(Message::Hello(_)) => {
                    return Err(violation("only the first message is a Hello"));
                }
                // Of a newer plugin.
                None => session.contact(),
            }
        }
        Ok(())
    }

    async fn arrive(
        &mut self,
        extensions: &Extensions,
    ) -> Result<(NodeSession, ReadinessQueue), Status> {
        let hello = self.hello().await?;
        let admitted = self.shared.receive(&hello, extensions, &self.stream);
        Ok(self.admit(admitted.await?, &hello))
    }

    async fn hello(&mut self) -> Result<Hello, Status> {
        let first = tokio::time::timeout(HELLO_DEADLINE, self.inbound.message()).await;
        match first.map_err(|_| silent())?? {
            Some(SyncRequest {
                message: Some(Message::Hello(hello)),
            }) => Ok(hello),
            Some(_) => Err(violation("the first message of a stream must be a Hello")),
            None => Err(silent()),
        }
    }

    fn admit(&self, admitted: Admitted, hello: &Hello) -> (NodeSession, ReadinessQueue) {
        let Admitted {
            cluster,
            node,
            guard,
            start,
            welcome,
        } = admitted;
        let session = guard.session();
        tracing::info!(
            cluster = hello.cluster,
            node = %node,
            session = session.number,
            agent = hello.agent_version,
            mode = ?start.mode(),
            "a node's stream begins"
        );
        let health = ReadinessQueue::open(&cluster, &node, session, self.stream.clone());
        cluster
            .distributor
            .admit(&self.stream, start, guard, welcome);
        if let Some(drain) = self.shared.drain.get() {
            // It came in while the others were sent away.
            self.stream.drain(*drain);
        }
        let session = NodeSession {
            cluster,
            node,
            session,
        };
        (session, health)
    }
}

impl NodeSession {
    fn acknowledge(&self, ack: Ack) {
        let rejected = self
            .cluster
            .distributor
            .acknowledge(self.session, report(ack));
        if !rejected.is_empty() {
            announce(&self.cluster, &self.node, self.session.uid, &rejected);
        }
    }

    fn heartbeat(&self, heartbeat: &Heartbeat) {
        let (attempted, durable) = (Revision(heartbeat.attempted), Revision(heartbeat.durable));
        self.cluster
            .distributor
            .sessions()
            .heartbeat(self.session, attempted, durable);
    }

    fn contact(&self) {
        self.cluster.distributor.sessions().contact(self.session);
    }
}
