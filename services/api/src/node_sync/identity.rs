//! Which node a peer is.

use http::Extensions;
use portolan_proto::node::v1::Hello;
use tonic::Status;

/// A node, as its peer showed it to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Its cluster.
    pub cluster: String,
    /// Its name.
    pub node: String,
}

/// How a peer shows which node it is. The transport puts what it knows of a connection into the extensions of each
/// request.
pub trait PeerIdentity: Send + Sync + 'static {
    /// The node that says Hello, or why it can't be believed.
    fn identify(&self, extensions: &Extensions, hello: &Hello) -> Result<Peer, Status>;
}

/// Believes what Hello says. Whoever reaches the listener can then speak for any node: for loopback, or for networks
/// that are trusted on purpose.
#[derive(Copy, Clone, Debug)]
pub struct TrustHello;

impl PeerIdentity for TrustHello {
    fn identify(&self, _: &Extensions, hello: &Hello) -> Result<Peer, Status> {
        tracing::info!(
            cluster = hello.cluster,
            node = hello.node,
            "a node is taken at its word, without a certificate"
        );
        Ok(Peer {
            cluster: hello.cluster.clone(),
            node: hello.node.clone(),
        })
    }
}
