//! What a node says, message by message.

use std::time::Duration;

use http::Extensions;
use portolan_distributor::{Ending, Seat, StreamHandle};
use portolan_model::Revision;
use portolan_proto::node::v1::sync_request::Message;
use portolan_proto::node::v1::sync_response;
use portolan_proto::node::v1::{Ack, Drain as DrainMessage, Heartbeat, Hello, SyncRequest};
use tonic::Status;
use tonic::codec::Streaming;

use super::health::HealthDesk;
use super::hello::Arrival;
use super::rejections::{announce, report};
use super::{NodeCluster, Shared};
use crate::status::stream::{silent, violation};

/// How long a peer may take to say Hello.
const HELLO_DEADLINE: Duration = Duration::from_secs(5);

/// One stream of one node.
pub(super) struct Visit<'a> {
    pub(super) shared: &'a Shared,
    pub(super) stream: StreamHandle,
    pub(super) inbound: Streaming<SyncRequest>,
}

/// Who speaks.
struct Speaker {
    cluster: NodeCluster,
    node: portolan_model::Name,
    seat: Seat,
}

impl Visit<'_> {
    /// Until the node has nothing more to say, or breaks a rule.
    pub(super) async fn run(mut self, extensions: &Extensions) -> Result<(), Status> {
        // On the heap, so that what only the beginning needs is not kept for as long as the stream lasts.
        let (speaker, mut health) = Box::pin(self.arrive(extensions)).await?;
        while let Some(request) = self.inbound.message().await? {
            match request.message {
                Some(Message::Ack(ack)) => speaker.acknowledge(ack),
                Some(Message::Heartbeat(heartbeat)) => speaker.heartbeat(&heartbeat),
                Some(Message::Health(report)) => {
                    speaker.contact();
                    health.take(report)?;
                }
                Some(Message::Hello(_)) => {
                    return Err(violation("only the first message is a Hello"));
                }
                // Of a newer plugin.
                None => speaker.contact(),
            }
        }
        Ok(())
    }

    async fn arrive(&mut self, extensions: &Extensions) -> Result<(Speaker, HealthDesk), Status> {
        let hello = self.hello().await?;
        let arrival = self.shared.receive(&hello, extensions, &self.stream);
        Ok(self.admit(arrival.await?, &hello))
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

    fn admit(&self, arrival: Arrival, hello: &Hello) -> (Speaker, HealthDesk) {
        let Arrival {
            cluster,
            node,
            attendance,
            start,
            welcome,
        } = arrival;
        let seat = attendance.seat();
        tracing::info!(
            cluster = hello.cluster,
            node = %node,
            session = seat.session,
            agent = hello.agent_version,
            mode = ?start.mode(),
            "a node's stream begins"
        );
        let health = HealthDesk::open(&cluster, &node, seat, self.stream.clone());
        cluster
            .distributor
            .admit(&self.stream, start, attendance, welcome);
        if let Some(drain) = self.shared.drain.get() {
            // It came in while the others were sent away.
            self.stream
                .send(sync_response::Message::Drain(DrainMessage {
                    reconnect_after_ms: drain.reconnect_after_ms,
                    spread_ms: drain.spread_ms,
                }));
            self.stream.end(Ending::Complete);
        }
        let speaker = Speaker {
            cluster,
            node,
            seat,
        };
        (speaker, health)
    }
}

impl Speaker {
    fn acknowledge(&self, ack: Ack) {
        let rejected = self.cluster.distributor.acknowledge(self.seat, report(ack));
        if !rejected.is_empty() {
            announce(&self.cluster, &self.node, self.seat.uid, &rejected);
        }
    }

    fn heartbeat(&self, heartbeat: &Heartbeat) {
        let (attempted, durable) = (Revision(heartbeat.attempted), Revision(heartbeat.durable));
        self.cluster
            .distributor
            .sessions()
            .heartbeat(self.seat, attempted, durable);
    }

    fn contact(&self) {
        self.cluster.distributor.sessions().contact(self.seat);
    }
}
