//! Cables.

use std::fmt::Write;
use std::net::IpAddr;

use crate::Namespace;

/// The near end of every cable: neighbours route by it, and nobody is reached at it. IPv4 has none that is known on one
/// link only, and a host that is a router itself takes a neighbour with its own address for a liar: so each level has one.
#[derive(Clone, Copy)]
pub(crate) enum Level {
    /// Between the fabric and its hosts.
    Fabric,
    /// Between a node and its workloads.
    Node,
}

impl Level {
    fn gateways(self) -> [&'static str; 2] {
        match self {
            Self::Fabric => ["169.254.0.1", "fe80::1"],
            Self::Node => ["169.254.1.1", "fe80::1"],
        }
    }
}

/// Joins hosts to a router: each by a pair of virtual Ethernet devices and routes to exactly its addresses, so that all
/// traffic between hosts passes the router. The first address of a family is the one that traffic from the router itself,
/// and from the host, has by default.
pub(crate) fn join(
    level: Level,
    router: &Namespace,
    own: &[IpAddr],
    hosts: &[(&Namespace, &[IpAddr])],
) {
    let [v4, v6] = level.gateways();
    let mut lines = String::new();
    for (host, addresses) in hosts {
        let (name, path) = (host.name(), host.path());
        let mut line = |text: String| writeln!(lines, "{text}").expect("a String has room");
        line(format!(
            "link add name {name} type veth peer name eth0 netns {path}"
        ));
        line(format!("link set dev {name} up"));
        // Of link scope, so that masquerading never chooses it.
        line(format!("addr add {v4}/32 dev {name} scope link"));
        line(format!("addr add {v6}/64 dev {name} nodad"));
        for address in *addresses {
            let source = own
                .iter()
                .find(|own| own.is_ipv4() == address.is_ipv4())
                .map_or_else(String::new, |own| format!(" src {own}"));
            line(format!("route add {address} dev {name}{source}"));
        }
    }
    router.ip(&lines);
    for (host, addresses) in hosts {
        host.ip(&host_lines(addresses, level.gateways()));
    }
}

fn host_lines(addresses: &[IpAddr], gateways: [&str; 2]) -> String {
    let mut lines = "link set eth0 up\n".to_owned();
    let mut line = |text: String| writeln!(lines, "{text}").expect("a String has room");
    let mut has_v6 = false;
    for address in addresses {
        if address.is_ipv4() {
            line(format!("addr add {address}/32 dev eth0"));
        } else {
            // A deprecated address is no source unless somebody binds to it: the first one is, as with IPv4.
            let rank = if has_v6 { "preferred_lft 0" } else { "" };
            line(format!("addr add {address}/128 dev eth0 nodad {rank}"));
            has_v6 = true;
        }
    }
    line(format!("route add {} dev eth0 scope link", gateways[0]));
    for (index, gateway) in gateways.into_iter().enumerate() {
        let mut own = addresses.iter();
        if let Some(own) = own.find(|own| own.is_ipv4() == (index == 0)) {
            line(format!(
                "route add default via {gateway} dev eth0 src {own}"
            ));
        }
    }
    lines
}
