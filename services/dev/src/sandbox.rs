//! A node in network namespaces of its own, so that the host's rules and addresses are never touched.
//!
//! ```text
//! client 198.18.0.2 -- 198.18.0.1 node 10.244.0.1 -- workloads 10.244.0.11, .12, .13
//!        2001:2::2     2001:2::1       fd00:244::1             fd00:244::11, ::12, ::13
//! ```

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;

use portolan_server::ServerError;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;

use super::machine::Machine;

/// The node's own addresses; of the ranges for tests between networks (RFC 2544, RFC 5180).
const NODE: [IpAddr; 2] = [
    IpAddr::V4(Ipv4Addr::new(198, 18, 0, 1)),
    IpAddr::V6(Ipv6Addr::new(0x2001, 2, 0, 0, 0, 0, 0, 1)),
];

/// Ranges that addresses of workloads are in.
pub(super) const WORKLOADS: [&str; 2] = ["10.244.0.0/16", "fd00:244::/64"];

/// Three machines that cables join.
pub(super) struct Sandbox {
    /// It has the dataplane.
    pub(super) node: Machine,
    /// It is outside of the cluster, and has a route to the node.
    pub(super) client: Machine,
    /// It has all workloads.
    pub(super) workloads: Machine,
    /// The node's addresses: of both families, if this machine has IPv6.
    pub(super) addresses: Vec<IpAddr>,
    /// Addresses that three backends can have.
    pub(super) backends: [Vec<IpAddr>; 3],
}

impl Sandbox {
    /// Makes the machines and joins them.
    pub(super) async fn new() -> Result<Self, ServerError> {
        let families = if Path::new("/proc/sys/net/ipv6").exists() {
            2
        } else {
            1
        };
        let backend = |n: u8| {
            let v6 = Ipv6Addr::new(0xfd00, 0x244, 0, 0, 0, 0, 0, 0x10 + u16::from(n));
            let both = [IpAddr::from([10, 244, 0, 10 + n]), v6.into()];
            both[..families].to_vec()
        };
        let sandbox = Self {
            node: Machine::new("node").await?,
            client: Machine::new("client").await?,
            workloads: Machine::new("workloads").await?,
            addresses: NODE[..families].to_vec(),
            backends: [1, 2, 3].map(backend),
        };
        sandbox.join(families).await?;
        Ok(sandbox)
    }

    /// Lays the cables, and tells everybody the way.
    async fn join(&self, families: usize) -> Result<(), ServerError> {
        let cable = |name: &str, machine: &Machine, addresses: [&str; 2]| {
            let link = format!(
                "link add name {name} type veth peer name eth0 netns {}\n",
                machine.path()
            );
            link + &up(name, &addresses[..families])
        };
        let client = cable("client", &self.client, ["198.18.0.1/24", "2001:2::1/64"]);
        let gateways = ["10.244.0.1/24", "fd00:244::1/64"];
        let workloads = cable("workloads", &self.workloads, gateways);
        self.node.ip(client + &workloads).await?;

        let client = ["198.18.0.2/24", "2001:2::2/64"];
        let client = up("eth0", &client[..families]);
        let ways = defaults(&["198.18.0.1", "2001:2::1"][..families]);
        self.client.ip(client + &ways).await?;
        let addresses = self.backends.iter().flatten();
        let addresses: Vec<_> = addresses
            .map(|address| format!("{address}/{}", if address.is_ipv4() { 24 } else { 64 }))
            .collect();
        let workloads = up("eth0", &addresses);
        let ways = defaults(&["10.244.0.1", "fd00:244::1"][..families]);
        self.workloads.ip(workloads + &ways).await
    }

    /// Makes the server reachable for the node at the address that it has on the host.
    pub(super) async fn share(&self, server: SocketAddr) -> Result<(), ServerError> {
        let host = Handle::current();
        let listening = self.node.runtime().spawn(async move {
            let listener = TcpListener::bind(server).await?;
            tokio::spawn(pass_on(listener, server, host));
            Ok::<_, std::io::Error>(())
        });
        let listening = listening
            .await
            .map_err(|e| ServerError::Start(e.to_string()))?;
        listening.map_err(|error| ServerError::Start(format!("{server} within the node: {error}")))
    }
}

/// Lines for `ip`: a device with its addresses. Nobody else has them, so nobody is asked (`nodad`).
fn up(device: &str, addresses: &[impl AsRef<str>]) -> String {
    let add = |address: &str| {
        let flag = if address.contains(':') { " nodad" } else { "" };
        format!("addr add {address} dev {device}{flag}\n")
    };
    let addresses: String = addresses.iter().map(|one| add(one.as_ref())).collect();
    format!("{addresses}link set dev {device} up\n")
}

/// Lines for `ip`: the ways to everybody else.
fn defaults(gateways: &[&str]) -> String {
    let add = |gateway: &&str| format!("route add default via {gateway}\n");
    gateways.iter().map(add).collect()
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
