//! D1: how long connecting takes: through our ruleset and kube-proxy's at several sizes, and on the direct path.
//!
//! Every way has a node of its own between the same client and the same backend; the direct one's has no ruleset. A round
//! goes over all ways many times, a few connections each, so that all of them meet the same machine.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::time::Instant;

use anyhow::Context;
use portolan_lab::Namespace;
use portolan_subscriber::testing::Connection;

use super::cli::Connecting;
use super::kube_proxy;
use super::node::{Agent, Node};
use super::objects::{Objects, PORT, TARGET};
use super::wires::{Ends, backends, forget_closed, reset};
use super::{at_most, named};
use crate::affinity::pin;
use crate::machine::Facts;
use crate::report::{Cell, Target};
use crate::round::{Round, Rounds};
use crate::stats::{median, percentile};

/// Services of each cell.
pub(super) const SIZES: [u32; 5] = [1, 1_000, 10_000, 30_000, 100_000];
/// Beyond this the peer's ruleset takes minutes to load.
const PEER: u32 = 10_000;
/// Connections of a way in a turn.
const TURN: usize = 25;
/// Microseconds beyond the direct path.
const BEYOND: f64 = 7.0;
/// Percent by which the ratio to the direct path may move from the smallest to the largest size.
const MOVES: f64 = 5.0;

/// What is between client and backend; all of it lives as long as the benchmark.
struct Nodes {
    /// Dropped in this order: streams before agents before machines.
    _ours: Vec<(Connection, Agent, Node)>,
    _others: Vec<Namespace>,
}

/// Measures every cell.
pub(super) fn run(plan: &Connecting, facts: &mut Facts) -> anyhow::Result<Vec<Cell>> {
    facts.insert(
        "connections_a_round".to_owned(),
        plan.connections.to_string(),
    );
    let ends = Ends::new();
    let (nodes, ways) = Nodes::new(&ends, &plan.sizes)?;
    ends.backend.run(async { serve() })?;
    let mut rounds = Vec::new();
    for number in 0..plan.rounds {
        let (targets, count) = (ways.clone(), plan.connections);
        let waits = ends
            .client
            .run(async move { connect_all(&targets, number, count) })?;
        let medians: Vec<_> = waits.iter().map(|waits| percentile(waits, 50)).collect();
        eprintln!("round {number}, µs by way: {medians:.1?}");
        rounds.push(waits);
    }
    drop(nodes);
    Ok(cells(&plan.sizes, &rounds))
}

impl Nodes {
    /// Way 0 is the direct one; then ours by size, then the peers by size.
    fn new(ends: &Ends, sizes: &[u32]) -> anyhow::Result<(Self, Vec<SocketAddr>)> {
        let direct = Namespace::new("direct");
        ends.join(0, &direct);
        let mut ways = vec![SocketAddr::from((backends(0)[0], TARGET))];
        let (mut ours, mut others) = (Vec::new(), vec![direct]);
        let peers = sizes.iter().filter(|size| **size <= PEER);
        let rulesets = sizes.iter().map(|size| (true, size));
        for (n, (is_ours, services)) in (1..).zip(rulesets.chain(peers.map(|size| (false, size)))) {
            let objects = Objects {
                block: n,
                services: *services,
                real: backends(n),
            };
            if is_ours {
                let mut node = Node::new()?;
                let (agent, connection) = node.start_with(objects)?;
                ends.join(n, &node.machine);
                forget_closed(&node.machine);
                ours.push((connection, agent, node));
            } else {
                let machine = Namespace::new("peer");
                ends.join(n, &machine);
                kube_proxy::load(&machine, objects);
                forget_closed(&machine);
                others.push(machine);
            }
            ways.push(SocketAddr::from((objects.address(0), PORT)));
        }
        let nodes = Self {
            _ours: ours,
            _others: others,
        };
        Ok((nodes, ways))
    }
}

fn serve() -> io::Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, TARGET))?;
    std::thread::spawn(move || {
        pin(1)?;
        // Clients reset their connections.
        for stream in listener.incoming() {
            drop(stream);
        }
        io::Result::Ok(())
    });
    Ok(())
}

/// Microseconds of each connection, by way.
fn connect_all(ways: &[SocketAddr], round: usize, count: usize) -> anyhow::Result<Vec<Vec<f64>>> {
    pin(0)?;
    let mut waits = vec![Vec::with_capacity(count); ways.len()];
    let mut order: Vec<_> = (0..ways.len()).collect();
    for turn in 0..count.div_ceil(TURN) {
        if (turn + round) % 2 == 1 {
            order.reverse();
        }
        for &way in &order {
            for _ in 0..TURN {
                let wait = connect(ways[way]).with_context(|| format!("way {way}"))?;
                waits[way].push(wait);
            }
        }
    }
    Ok(waits)
}

fn connect(to: SocketAddr) -> anyhow::Result<f64> {
    let began = Instant::now();
    let stream = TcpStream::connect(to)?;
    let took = began.elapsed();
    reset(stream)?;
    Ok(took.as_secs_f64() * 1e6)
}

fn cells(sizes: &[u32], rounds: &[Vec<Vec<f64>>]) -> Vec<Cell> {
    let column = |way: usize, percent| -> Vec<f64> {
        rounds
            .iter()
            .map(|ways| percentile(&ways[way], percent))
            .collect()
    };
    let direct = column(0, 50);
    let peers = sizes.iter().filter(|size| **size <= PEER).count();
    let mut cells = Vec::new();
    for (index, services) in sizes.iter().enumerate() {
        let ours = column(1 + index, 50);
        let peer = (index < peers).then(|| column(1 + sizes.len() + index, 50));
        let measured = (0..rounds.len()).map(|round| Round {
            ours: ours[round],
            floor: direct[round],
            peer: peer.as_ref().map(|peer| peer[round]),
        });
        let verdict = Rounds(measured.collect()).verdict();
        let beyond: Vec<_> = ours
            .iter()
            .zip(&direct)
            .map(|(ours, direct)| ours - direct)
            .collect();
        let beyond = median(&beyond);
        let mut targets = vec![at_most("p50 beyond the direct path", beyond, BEYOND, "µs")];
        if index + 1 == sizes.len() && index > 0 {
            targets.push(flat(&column(1, 50), &ours, &direct));
        }
        cells.push(Cell {
            name: format!("{services} Services"),
            unit: "µs, p50, connect",
            verdict,
            details: named([
                ("p50 beyond the direct path", beyond),
                ("p99", median(&column(1 + index, 99))),
                ("p99 of the direct path", median(&column(0, 99))),
            ]),
            targets,
        });
    }
    cells
}

/// The ratio to the direct path of the same round, at the largest size against the smallest one.
fn flat(smallest: &[f64], largest: &[f64], direct: &[f64]) -> Target {
    let ratio = |ours: &[f64]| {
        let ratios: Vec<_> = ours
            .iter()
            .zip(direct)
            .map(|(ours, direct)| ours / direct)
            .collect();
        median(&ratios)
    };
    let moved = (ratio(largest) / ratio(smallest) - 1.0).abs() * 100.0;
    Target {
        text: format!("moves ≤ {MOVES} % from the smallest size: {moved:.1} %"),
        reached: moved <= MOVES,
    }
}
