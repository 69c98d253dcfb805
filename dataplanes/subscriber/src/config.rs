//! Who subscribes to what.

use std::net::IpAddr;
use std::path::PathBuf;

use portolan_proto::node::v1 as wire;

/// Configuration of a subscriber.
#[derive(Clone, Debug)]
pub struct Config {
    /// The server, as `http://host:port`.
    pub server: String,
    /// The cluster, without path.
    pub cluster: String,
    /// The node, without path.
    pub node: String,
    /// How the node describes itself.
    pub description: Description,
    /// Version of the program, for people.
    pub agent_version: String,
    /// Where the last known good state is kept; locked while the subscriber lives.
    pub state_dir: PathBuf,
    /// Take a snapshot of another store than the one held.
    pub accept_store: bool,
}

/// How a node describes itself when it is registered by its first Hello.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Description {
    /// Its addresses, the primary one first.
    pub addresses: Vec<IpAddr>,
    /// Its zone.
    pub zone: String,
    /// Where node ports answer; empty means the primary address of each family.
    pub node_port_addresses: Vec<IpAddr>,
    /// Kind of its dataplane.
    pub dataplane: String,
    /// What its dataplane can do, if it has one.
    pub capabilities: Option<wire::Capabilities>,
}
