//! What an agent has to know.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use portolan_subscriber::Description;

/// Configuration of an agent.
#[derive(Clone, Debug)]
pub struct AgentConfig {
    /// The server, as `http://host:port`.
    pub server: String,
    /// The cluster, without path.
    pub cluster: String,
    /// This node, without path.
    pub node: String,
    /// How the node describes itself; the kind of its dataplane is filled in.
    pub description: Description,
    /// Where the last known good state is kept.
    pub state_dir: PathBuf,
    /// Take a snapshot of another store than the one held.
    pub accept_store: bool,
    /// Where [`crate::run`] serves metrics and health.
    pub metrics_listen: Option<SocketAddr>,
    /// When it stops: leave the node to another dataplane, with this much time for established connections. None: what is
    /// programmed stays.
    pub leave_after: Option<Duration>,
}
