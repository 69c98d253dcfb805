//! `NodeSync`: the stream that keeps a node in step, as tonic sees it.
//!
//! What goes out is the distributor's body, byte for byte; a generated server would encode every message once per
//! stream. What comes in is decoded here, checked, and handed on as plain values.
//!
//! ```text
//! request body --Streaming--> hello: identity, registration, resume point --> Distributor::admit
//!                   '-------> inbound: Ack, Heartbeat --> Sessions;  HealthReport --> readiness --> Allocator
//! StreamBody <-- frames, snapshots, bookmarks (Distributor); Welcome, HealthAck, Drain (StreamHandle)
//! ```
//! Start with [`NodeSync`], then `hello`.

mod hello;
mod identity;
mod inbound;
mod readiness;
mod rejections;
#[cfg(test)]
mod tests;

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use http::{Extensions, Request, Response};
use portolan_distributor::{Drain, Ending, StreamHandle, stream};
use portolan_model::limits::MESSAGE;
use portolan_proto::node::v1::SyncRequest;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tonic::body::Body;
use tonic::codec::Streaming;
use tonic::server::NamedService;
use tonic::{Code, Status};
use tonic_prost::ProstDecoder;

use crate::cluster::Clusters;
use crate::status::stream::{self, explained, failed, trailers};
pub use identity::{Peer, PeerIdentity, TrustHello};
use inbound::StreamTask;

const PATH: &str = "/portolan.node.v1.NodeSync/Sync";
/// Open streams of this process.
const MAX_STREAMS: usize = 6000;

/// The service, over all clusters. Cheap to clone.
#[derive(Clone)]
pub struct NodeSync(Arc<Shared>);

/// How this process treats nodes.
pub struct NodeSyncOptions {
    /// What this process is called in Welcome.
    pub replica: String,
    /// Unknown nodes are registered by their first Hello.
    pub auto_register: bool,
    /// How a peer shows which node it is.
    pub identity: Arc<dyn PeerIdentity>,
}

struct Shared {
    clusters: Clusters,
    options: NodeSyncOptions,
    slots: Arc<Semaphore>,
    /// Set once this process is about to end.
    drain: OnceLock<Drain>,
}

impl NodeSync {
    /// Over these clusters.
    pub fn new(clusters: Clusters, options: NodeSyncOptions) -> Self {
        Self(Arc::new(Shared {
            clusters,
            options,
            slots: Arc::new(Semaphore::new(MAX_STREAMS)),
            drain: OnceLock::new(),
        }))
    }

    /// Ends all streams, and lets none begin: nodes connect again after a while, spread at random. Bodies end by
    /// themselves then, so that the transport can shut down.
    pub fn drain(&self, drain: Drain) {
        // Only the first call counts.
        let _ = self.0.drain.set(drain);
        for (_, cluster) in self.0.clusters.all() {
            cluster.distributor.drain(drain);
        }
    }

    fn open(&self, request: Request<Body>) -> Result<Response<Body>, Status> {
        if request.uri().path() != PATH {
            return Err(Status::unimplemented("NodeSync has one method, Sync"));
        }
        let encoding = request.headers().get("grpc-encoding");
        if encoding.is_some_and(|encoding| encoding != "identity") {
            return Err(Status::unimplemented(
                "messages of nodes must not be compressed",
            ));
        }
        if self.0.drain.get().is_some() {
            return Err(stream::draining());
        }
        let slot = self.0.slots.clone().try_acquire_owned();
        let slot = slot.map_err(|_| stream::too_many(MAX_STREAMS))?;
        let (parts, body) = request.into_parts();
        let inbound =
            Streaming::new_request(ProstDecoder::default(), body, None, Some(MESSAGE.value));
        let (handle, outbound) = stream(trailers);
        tokio::spawn(serve(
            self.0.clone(),
            handle,
            inbound,
            parts.extensions,
            slot,
        ));
        let mut response = Response::new(Body::new(outbound));
        let content_type = http::HeaderValue::from_static("application/grpc");
        response
            .headers_mut()
            .insert(http::header::CONTENT_TYPE, content_type);
        Ok(response)
    }
}

/// Receives what a node sends, for as long as its stream lasts.
async fn serve(
    shared: Arc<Shared>,
    stream: StreamHandle,
    inbound: Streaming<SyncRequest>,
    extensions: Extensions,
    _slot: OwnedSemaphorePermit,
) {
    let task = StreamTask {
        shared: &shared,
        stream: stream.clone(),
        inbound,
    };
    let ending = tokio::select! {
        result = task.run(&extensions) => match result {
            Ok(()) => Ending::Complete,
            Err(status) => {
                let status = explained(status);
                if status.code() != Code::Cancelled {
                    tracing::info!(code = ?status.code(), message = status.message(), "a node's stream is ended");
                }
                failed(&status)
            }
        },
        () = stream.ended() => return,
    };
    stream.end(ending);
}

impl tower::Service<Request<Body>> for NodeSync {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Ready<Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        ready(Ok(self.open(request).unwrap_or_else(Status::into_http)))
    }
}

impl NamedService for NodeSync {
    const NAME: &'static str = "portolan.node.v1.NodeSync";
}
