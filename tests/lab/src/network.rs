//! The machines of a lab and the cables between them.

use std::net::IpAddr;

use portolan_model::Family;

use crate::link::{Level, join};
use crate::{ECHO, HTTP, Namespace, echo};

/// Which machines there are.
#[derive(Clone, Copy, Debug)]
pub struct Topology {
    /// Nodes with their zones.
    pub nodes: &'static [(&'static str, &'static str)],
    /// Workloads with their nodes.
    pub workloads: &'static [(&'static str, &'static str)],
}

impl Default for Topology {
    /// Two nodes in two zones. `a` and `b` run on `n1`, `c` and `d` on `n2`; every case is free to make some of them
    /// endpoints and to take others for clients.
    fn default() -> Self {
        Self {
            nodes: &[("n1", "east"), ("n2", "west")],
            workloads: &[("a", "n1"), ("b", "n1"), ("c", "n2"), ("d", "n2")],
        }
    }
}

/// A machine with its addresses, the primary ones of both families first.
pub struct Host {
    /// The machine.
    pub machine: Namespace,
    /// Its addresses.
    pub addresses: Vec<IpAddr>,
    /// The node it runs on; of nodes and clients none.
    pub node: Option<&'static str>,
}

impl Host {
    fn new(name: &str, addresses: Vec<IpAddr>, node: Option<&'static str>) -> Self {
        Self {
            machine: Namespace::new(name),
            addresses,
            node,
        }
    }

    /// Its primary address of a family.
    pub fn address(&self, family: Family) -> IpAddr {
        self.nth_address(family, 0)
    }

    /// Its address number 0, 1, … of a family.
    pub fn nth_address(&self, family: Family, n: usize) -> IpAddr {
        let mut addresses = self.addresses.iter().filter(|a| Family::of(**a) == family);
        *addresses.nth(n).expect("the topology gives it that many")
    }
}

/// Nodes and clients around a fabric, workloads behind their nodes, all of them routed: a fabric that knows every
/// address, and nodes that know their own workloads'.
///
/// ```text
///              client      198.51.100.1–4         2001:db8:51::1–4
///                |
///             fabric ------------- n2             192.0.2.N, 2001:db8:2::N, and 192.0.2.100+N besides
///                |                /  \
///               n1               c    d           10.1.N.K, fd01::N:K
///              /  \
///             a    b
/// ```
pub struct Network {
    /// Where everything meets.
    pub fabric: Namespace,
    /// Attached to the fabric alone.
    pub client: Host,
    nodes: Vec<Host>,
    workloads: Vec<Host>,
}

/// Ranges of workloads.
pub const WORKLOAD_RANGES: [&str; 2] = ["10.1.0.0/16", "fd01::/64"];

/// How many addresses the client has in each family.
pub const CLIENT_ADDRESSES: u8 = 4;

impl Network {
    /// Makes it all, with servers on every workload and node.
    pub fn new(topology: Topology) -> Self {
        let fabric = Namespace::new("fabric");
        forward(&fabric);
        let numbered = (1_u8..).zip(topology.nodes);
        let nodes: Vec<_> = numbered
            .clone()
            .map(|(n, (name, _))| Host::new(name, node_addresses(n), None))
            .collect();
        let client: Vec<_> = (1..=CLIENT_ADDRESSES).flat_map(client_addresses).collect();
        let client = Host::new("client", client, None);
        let mut hosts: Vec<_> = nodes.iter().map(cable).collect();
        hosts.push(cable(&client));
        join(Level::Fabric, &fabric, &[], &hosts);

        let mut workloads = Vec::new();
        for ((n, (name, _)), node) in numbered.zip(&nodes) {
            forward(&node.machine);
            let here = topology.workloads.iter().filter(|(_, on)| on == name);
            let here = (1_u8..).zip(here);
            let here = here.map(|(k, (w, _))| Host::new(w, workload_addresses(n, k), Some(*name)));
            let here: Vec<_> = here.collect();
            join(
                Level::Node,
                &node.machine,
                &node.addresses,
                &here.iter().map(cable).collect::<Vec<_>>(),
            );
            fabric.ip(&format!(
                "route add 10.1.{n}.0/24 via {} dev {name} onlink\nroute add fd01::{n}:0/112 via {} dev {name}\n",
                node.address(Family::V4),
                node.address(Family::V6),
            ));
            workloads.extend(here);
        }
        for host in workloads.iter().chain(&nodes) {
            for family in [Family::V4, Family::V6] {
                let at = host.address(family);
                echo::serve(&host.machine, host.machine.name(), at, ECHO);
                echo::serve_http(&host.machine, host.machine.name(), at, HTTP);
            }
        }
        Self {
            fabric,
            client,
            nodes,
            workloads,
        }
    }

    /// A node.
    pub fn node(&self, name: &str) -> &Host {
        find(&self.nodes, name)
    }

    /// A workload.
    pub fn workload(&self, name: &str) -> &Host {
        find(&self.workloads, name)
    }

    /// Any machine but the fabric, by its name.
    pub fn host(&self, name: &str) -> &Host {
        let all = self.nodes.iter().chain(&self.workloads);
        let mut all = all.chain([&self.client]);
        all.find(|host| host.machine.name() == name)
            .unwrap_or_else(|| panic!("no machine is called {name}"))
    }

    /// Sends what outside is addressed to a range of this family to a node, instead of whereto it went before.
    pub fn route(&self, range: &str, node: &str) {
        let via = if range.contains(':') {
            Family::V6
        } else {
            Family::V4
        };
        let via = self.node(node).address(via);
        self.fabric.ip(&format!(
            "route replace {range} via {via} dev {node} onlink\n"
        ));
    }
}

fn find<'a>(hosts: &'a [Host], name: &str) -> &'a Host {
    let mut hosts = hosts.iter();
    hosts
        .find(|host| host.machine.name() == name)
        .unwrap_or_else(|| panic!("no machine is called {name}"))
}

fn cable(host: &Host) -> (&Namespace, &[IpAddr]) {
    (&host.machine, &host.addresses)
}

fn forward(machine: &Namespace) {
    machine.sysctl("ipv4/ip_forward", "1");
    machine.sysctl("ipv6/conf/all/forwarding", "1");
}

fn node_addresses(n: u8) -> Vec<IpAddr> {
    let n6 = u16::from(n);
    vec![
        [192, 0, 2, n].into(),
        [0x2001, 0xdb8, 2, 0, 0, 0, 0, n6].into(),
        [192, 0, 2, 100 + n].into(),
        [0x2001, 0xdb8, 2, 0, 0, 0, 0, 0x100 + n6].into(),
    ]
}

fn client_addresses(n: u8) -> [IpAddr; 2] {
    [
        [198, 51, 100, n].into(),
        [0x2001, 0xdb8, 0x51, 0, 0, 0, 0, u16::from(n)].into(),
    ]
}

fn workload_addresses(n: u8, k: u8) -> Vec<IpAddr> {
    vec![
        [10, 1, n, k].into(),
        [0xfd01, 0, 0, 0, 0, 0, n.into(), k.into()].into(),
    ]
}
