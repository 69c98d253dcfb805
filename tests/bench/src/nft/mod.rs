//! P1 to P4, D1 and E1: the nftables dataplane, with the real plugin as a process in a network namespace.
//!
//! ```text
//!  server that says what it is told --node stream--> portolan-nftables --netlink--> kernel        (P1 to P4)
//!  API of `portolan serve` -----------node stream--> portolan-nftables --netlink--> kernel        (E1)
//!  client -- veth -- node with a ruleset (ours, of kube-proxy's shape, none) -- veth -- backend   (D1, and flows beside)
//! ```
//! [`bare`] is the floor: the same elements by bare netlink. [`kube_proxy`] is the peer: the ruleset with a chain a Service.

mod bare;
mod cli;
mod d1;
mod e1;
mod flow;
mod kube_proxy;
mod node;
mod objects;
mod p1;
mod p2;
mod p3;
mod p4;
mod paced;
mod switch;
mod traffic;
mod watch;
mod wires;

pub(crate) use cli::Benchmark;

use crate::report::Target;

/// The largest node that there is a target for (P3, P4).
const LARGE: u32 = 44_000;

fn at_most(what: &str, value: f64, most: f64, unit: &str) -> Target {
    Target {
        text: format!("{what} ≤ {most} {unit}"),
        reached: value <= most,
    }
}

fn named<const N: usize>(details: [(&str, f64); N]) -> Vec<(String, f64)> {
    details.map(|(name, value)| (name.to_owned(), value)).into()
}

fn most(values: &[f64]) -> f64 {
    values.iter().copied().fold(0.0, f64::max)
}
