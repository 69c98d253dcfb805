//! Why an agent did not start. Once it runs, it retries and tells by its status.

use std::io;
use std::net::{IpAddr, SocketAddr};

/// What has to be put right before an agent can run.
#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    /// Server address or state directory.
    #[error(transparent)]
    Subscriber(#[from] portolan_subscriber::StartError),
    /// Metrics can't be served there.
    #[error("can't listen on {address} for metrics; choose another --metrics-listen")]
    Listen {
        /// The address as it was given.
        address: SocketAddr,
        /// The system's error.
        #[source]
        source: io::Error,
    },
}

/// What the command line leaves open and the machine does not tell.
#[derive(Debug, thiserror::Error)]
pub enum ArgsError {
    /// There is no usable host name.
    #[error("the host name can't be used as the name of the node; give --node")]
    Node,
    /// There is no home directory.
    #[error("neither XDG_STATE_HOME nor HOME is set; give --state-dir")]
    StateDir,
    /// Ranges select nothing.
    #[error(
        "this node has no address in the ranges of --node-port-address; give others, or leave it out"
    )]
    NodePortAddress,
    /// The kernel does not forward from there.
    #[error(
        "this dataplane can't answer node ports on {address}; leave loopback out of --node-port-address, or take the \
         userspace dataplane"
    )]
    LoopbackNodePort {
        /// The address as it was selected.
        address: IpAddr,
    },
}
