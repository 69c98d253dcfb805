//! How a stream is opened: by a Hello.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use portolan_proto::node::v1 as wire;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Streaming;
use tonic::transport::Endpoint;
use wire::node_sync_client::NodeSyncClient;

use super::Task;
use super::end::{End, chain};

/// How long a server may take to answer a new stream.
pub(super) const OPEN_TIMEOUT: Duration = Duration::from_secs(10);
/// The largest frame that is taken; servers cut theirs far below.
const LARGEST_FRAME: usize = 4 << 20;

impl Task {
    /// The number of the next session: above all that there were before.
    pub(super) async fn next_session(&mut self) -> u64 {
        let unix = SystemTime::now().duration_since(UNIX_EPOCH);
        let unix_ms = unix.map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(0));
        let (session, written) = self
            .storage
            .blocking(move |files| files.next_session(unix_ms))
            .await;
        if let Err(error) = written {
            self.storage_failed("the session", &error);
        }
        session
    }

    pub(super) fn hello(&mut self, session: u64) -> wire::Hello {
        let description = &self.config.description;
        let addresses = |list: &[std::net::IpAddr]| {
            let bytes = list.iter().copied();
            bytes
                .map(portolan_proto::convert::view::address_bytes)
                .collect()
        };
        wire::Hello {
            cluster: self.config.cluster.clone(),
            node: self.config.node.clone(),
            session,
            resume: self.intake.restart(),
            description: Some(wire::NodeDescription {
                addresses: addresses(&description.addresses),
                zone: description.zone.clone(),
                node_port_addresses: addresses(&description.node_port_addresses),
                dataplane: description.dataplane.clone(),
                capabilities: description.capabilities.clone(),
            }),
            agent_version: self.config.agent_version.clone(),
            projection_version: portolan_model::view::PROJECTION_VERSION,
            oldest_projection_version: portolan_model::view::OLDEST_PROJECTION_VERSION,
        }
    }
}

/// Connects and sends what waits; the Hello is among it.
pub(super) async fn open(
    endpoint: Endpoint,
    outgoing: mpsc::Receiver<wire::SyncRequest>,
) -> Result<Streaming<wire::SyncResponse>, End> {
    let lost = |error: &dyn std::error::Error| End::Lost(chain(error));
    let channel = endpoint.connect().await.map_err(|error| lost(&error))?;
    let mut client = NodeSyncClient::new(channel).max_decoding_message_size(LARGEST_FRAME);
    let opened = client.sync(ReceiverStream::new(outgoing)).await;
    Ok(opened.map_err(|error| lost(&error))?.into_inner())
}
