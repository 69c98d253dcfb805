//! From Hello to Welcome.

use std::net::IpAddr;
use std::time::Duration;

use http::Extensions;
use portolan_allocator::{Action, Context, NodeAction, Operation};
use portolan_distributor::{
    HEARTBEAT, Mode, NodeHello, ResumePoint, SessionGuard, Start, StreamHandle,
};
use portolan_model::limits::NODE_ADDRESSES;
use portolan_model::view::agreed_projection;
use portolan_model::{Digest, Name, Node, NodeSpec, Object, Refusal, Revision, StoreId};
use portolan_proto::convert::view::address;
use portolan_proto::node::v1::{Hello, NodeDescription, Resume, Welcome, sync_response, welcome};
use tonic::Status;

use super::{Peer, Shared};
use crate::cluster::Cluster;
use crate::status::stream::{self as endings, not_admitted, not_registered, violation};
use crate::status::{from_refusal, from_submit};

/// How long a node that is ahead of this replica is let wait for it: far longer than replicas differ.
const CATCH_UP: Duration = Duration::from_secs(2);

/// A node that has come in.
pub(super) struct Admitted {
    pub(super) cluster: Cluster,
    pub(super) node: Name,
    pub(super) guard: SessionGuard,
    pub(super) start: Start,
    pub(super) welcome: sync_response::Message,
}

impl Shared {
    /// Checks a Hello, registers the node if need be, and finds where its stream begins.
    pub(super) async fn receive(
        &self,
        hello: &Hello,
        extensions: &Extensions,
        stream: &StreamHandle,
    ) -> Result<Admitted, Status> {
        let peer = self.options.identity.identify(extensions, hello)?;
        let cluster = self.cluster(&peer)?;
        let (newest, oldest) = (hello.projection_version, hello.oldest_projection_version);
        if agreed_projection(newest, oldest).is_none() {
            return Err(endings::projection(newest));
        }
        let described = describe(hello.description.as_ref())?;
        let node = self.node(&cluster, &peer, &described).await?;
        let entering = NodeHello {
            node: node.meta.name.clone(),
            uid: node.meta.uid,
            session: hello.session,
            described,
        };
        let sessions = cluster.distributor.sessions();
        let guard = sessions
            .enter(entering, stream.clone())
            .map_err(not_admitted)?;
        let state = cluster.state();
        if state.node(&node.meta.name).map(|node| node.meta.uid) != Some(node.meta.uid) {
            // Deleted meanwhile, and perhaps forgotten just before it came in.
            sessions.forget(node.meta.uid);
            return Err(not_registered(&peer.cluster, &peer.node));
        }
        let held = hello.resume.as_ref().map(held).transpose()?;
        let start = begin(&cluster, held).await;
        let welcome = self.welcome(&cluster, &node, &start);
        Ok(Admitted {
            cluster,
            node: node.meta.name,
            guard,
            start,
            welcome: sync_response::Message::Welcome(welcome),
        })
    }

    fn welcome(&self, cluster: &Cluster, node: &Node, start: &Start) -> Welcome {
        Welcome {
            store_id: cluster.allocator.cache().store_id().as_bytes().to_vec(),
            replica: self.options.replica.clone(),
            head_revision: cluster.distributor.head().0.0,
            mode: match start.mode() {
                Mode::Resume => welcome::Mode::Resume.into(),
                Mode::Snapshot => welcome::Mode::Snapshot.into(),
            },
            heartbeat_ms: u32::try_from(HEARTBEAT.as_millis()).unwrap_or(u32::MAX),
            node_uid: node.meta.uid.as_bytes().to_vec(),
        }
    }

    fn cluster(&self, peer: &Peer) -> Result<Cluster, Status> {
        let name = Name::label(&peer.cluster).ok();
        name.and_then(|name| self.clusters.get(&name))
            .ok_or_else(|| {
                from_refusal(&Refusal::NotFound {
                    resource: format!("clusters/{}", peer.cluster),
                    remedy: "check the plugin's --cluster".to_owned(),
                })
            })
    }

    /// The node as it is registered, or as it is now registered by this Hello.
    async fn node(
        &self,
        cluster: &Cluster,
        peer: &Peer,
        described: &NodeSpec,
    ) -> Result<Node, Status> {
        let name = Name::subdomain(&peer.node)
            .map_err(|error| from_refusal(&Refusal::invalid("hello.node", error.to_string())))?;
        if let Some(node) = cluster.state().node(&name) {
            return Ok((**node).clone());
        }
        if !self.options.auto_register {
            return Err(not_registered(&peer.cluster, &peer.node));
        }
        let action = Action::Node(NodeAction::Register {
            name,
            spec: described.clone(),
        });
        let context = Context {
            principal: format!("nodes/{}", peer.node),
            method: "RegisterNode",
            ..Context::default()
        };
        let outcome = cluster.allocator.submit(Operation { action, context });
        let outcome = outcome.await;
        let outcome = outcome.map_err(|error| from_submit(cluster.name(), error))?;
        match outcome.objects.into_iter().next() {
            Some(Object::Node(node)) => Ok((*node).clone()),
            _ => Err(not_registered(&peer.cluster, &peer.node)),
        }
    }
}

/// A node that comes from another replica may be ahead of this one for a moment: then it is this one that waits.
async fn begin(cluster: &Cluster, held: Option<ResumePoint>) -> Start {
    let distributor = &cluster.distributor;
    if let Some(held) = held
        && held.store_id == cluster.allocator.cache().store_id()
    {
        // If it does not come, the node holds what this store has lost, and gets a snapshot.
        let _ = tokio::time::timeout(CATCH_UP, distributor.wait_for(held.revision)).await;
    }
    distributor.begin(held).await
}

fn held(resume: &Resume) -> Result<ResumePoint, Status> {
    let store_id = StoreId::from_slice(&resume.store_id);
    let digest = Digest::from_slice(&resume.digest);
    let (Some(store_id), Some(digest)) = (store_id, digest) else {
        return Err(violation(
            "store_id and digest of a resume point have 16 bytes",
        ));
    };
    Ok(ResumePoint {
        store_id,
        revision: Revision(resume.revision),
        digest,
    })
}

fn describe(description: Option<&NodeDescription>) -> Result<NodeSpec, Status> {
    let Some(description) = description else {
        return Ok(NodeSpec::default());
    };
    Ok(NodeSpec {
        addresses: addresses(&description.addresses)?,
        zone: description.zone.clone(),
        node_port_addresses: addresses(&description.node_port_addresses)?,
        dataplane: description.dataplane.clone(),
    })
}

fn addresses(list: &[Vec<u8>]) -> Result<Vec<IpAddr>, Status> {
    if list.len() > NODE_ADDRESSES.value {
        let said = format!("a node has {}", NODE_ADDRESSES.exceeded(list.len()));
        return Err(violation(said));
    }
    let parsed: Result<_, _> = list.iter().map(|bytes| address(bytes)).collect();
    parsed.map_err(|_| violation("an address has 4 or 16 bytes"))
}
