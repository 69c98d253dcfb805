//! A node in network namespaces of its own, so that the host's rules and addresses are never touched.
//!
//! ```text
//! client 198.18.0.2 -- 198.18.0.1 node 10.244.0.1 -- workloads 10.244.0.11, .12, .13
//! ```

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;

use super::machine::Machine;
use crate::failure::Failure;

/// The node's own address; of the range for tests between networks (RFC 2544).
pub(super) const NODE: IpAddr = IpAddr::V4(Ipv4Addr::new(198, 18, 0, 1));

/// Addresses of workloads.
pub(super) const WORKLOADS: &str = "10.244.0.0/16";

/// The machines.
pub(super) struct Sandbox {
    /// With the dataplane.
    pub(super) node: Machine,
    /// Outside of the cluster, with a route to the node.
    pub(super) client: Machine,
    /// With all workloads.
    pub(super) workloads: Machine,
}

impl Sandbox {
    /// Makes and joins them.
    pub(super) async fn new() -> Result<Self, Failure> {
        let sandbox = Self {
            node: Machine::new("node").await?,
            client: Machine::new("client").await?,
            workloads: Machine::new("workloads").await?,
        };
        let cable = |name: &str, machine: &Machine, address: &str| {
            let path = machine.path();
            format!(
                "link add name {name} type veth peer name eth0 netns {path}\n\
                 addr add {address} dev {name}\n\
                 link set dev {name} up\n"
            )
        };
        let client = cable("client", &sandbox.client, "198.18.0.1/24");
        let workloads = cable("workloads", &sandbox.workloads, "10.244.0.1/24");
        sandbox.node.ip(client + &workloads).await?;
        let end = |addresses: &[&str], gateway: &str| {
            let add = |address: &&str| format!("addr add {address}/24 dev eth0\n");
            let addresses: String = addresses.iter().map(add).collect();
            format!("{addresses}link set dev eth0 up\nroute add default via {gateway}\n")
        };
        let client = end(&["198.18.0.2"], "198.18.0.1");
        sandbox.client.ip(client).await?;
        let workloads = end(&["10.244.0.11", "10.244.0.12", "10.244.0.13"], "10.244.0.1");
        sandbox.workloads.ip(workloads).await?;
        Ok(sandbox)
    }

    /// Makes the server reachable for the node at the address that it has on the host.
    pub(super) async fn share(&self, server: SocketAddr) -> Result<(), Failure> {
        let host = Handle::current();
        let listening = self.node.runtime().spawn(async move {
            let listener = TcpListener::bind(server).await?;
            tokio::spawn(pass_on(listener, server, host));
            Ok::<_, std::io::Error>(())
        });
        let listening = listening.await.map_err(|e| Failure::Start(e.to_string()))?;
        listening.map_err(|error| Failure::Start(format!("{server} within the node: {error}")))
    }
}

/// Connections that the node opens go on from the host.
async fn pass_on(listener: TcpListener, server: SocketAddr, host: Handle) {
    while let Ok((mut near, _)) = listener.accept().await {
        host.spawn(async move {
            // The node's stream sees its connection end, and opens another.
            if let Ok(mut far) = TcpStream::connect(server).await {
                let _ended = copy_bidirectional(&mut near, &mut far).await;
            }
        });
    }
}
