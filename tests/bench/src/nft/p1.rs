//! P1: a node without anything, from the first frame of its snapshot to the acknowledgement that all is programmed.

use std::time::Instant;

use anyhow::{Context, ensure};
use portolan_lab::Namespace;

use super::cli::Loading;
use super::flow::Flow;
use super::node::Node;
use super::objects::Objects;
use super::wires::{Ends, backends};
use super::{at_most, bare, kube_proxy, most, named};
use crate::machine::{Facts, cpu_ms, peak_kib, resident_kib};
use crate::report::Cell;
use crate::round::{Party, Round, Rounds, turns};
use crate::settle;
use crate::stats::median;

/// Services of each cell.
pub(super) const SIZES: [u32; 4] = [1_000, 10_000, 44_000, 200_000];
/// Beyond this the peer takes minutes.
const PEER: u32 = 10_000;
/// Bytes of memory a Service that the agent may take.
const BYTES: f64 = 1536.0;
/// Milliseconds that no packet may wait longer for.
const STALL: f64 = 10.0;
/// Bytes of memory a Service that agent and kernel take together, and more.
const TOUCHED: usize = 6 << 10;
/// The way of the flow beside.
const WAY: u8 = 1;

/// What loading showed, in all rounds.
#[derive(Default)]
struct Seen {
    applied: Vec<f64>,
    cpu: Vec<f64>,
    bytes: Vec<f64>,
    longest: Vec<f64>,
    longest_of_floor: Vec<f64>,
    longest_of_peer: Vec<f64>,
}

/// Measures every cell.
pub(super) fn run(plan: &Loading, facts: &mut Facts) -> anyhow::Result<Vec<Cell>> {
    facts.insert("endpoints_a_service".to_owned(), "2".to_owned());
    facts.insert(
        "rounds_with_the_peer_at_10000".to_owned(),
        plan.peer_rounds.to_string(),
    );
    let mut cells = Vec::new();
    for &services in &plan.sizes {
        let cell = measure(services, plan);
        cells.push(cell.with_context(|| format!("{services} Services"))?);
    }
    Ok(cells)
}

/// Milliseconds to reach.
fn target(services: u32) -> Option<f64> {
    match services {
        10_000 => Some(250.0),
        44_000 => Some(900.0),
        200_000 => Some(6_000.0),
        _ => None,
    }
}

fn measure(services: u32, plan: &Loading) -> anyhow::Result<Cell> {
    let objects = Objects {
        block: WAY,
        services,
        real: backends(WAY),
    };
    let (mut rounds, mut seen) = (Rounds::default(), Seen::default());
    for number in 0..plan.rounds {
        let mut round = Round::default();
        for party in turns(number) {
            match party {
                Party::Ours => round.ours = ours(objects, &mut seen)?,
                Party::Floor => round.floor = floor(objects, &mut seen)?,
                Party::Peer
                    if services < PEER || (services == PEER && number < plan.peer_rounds) =>
                {
                    round.peer = Some(peer(objects, &mut seen)?);
                }
                Party::Peer => {}
            }
        }
        eprintln!("round {number}, {services} Services: {round:.1?}");
        rounds.0.push(round);
    }
    Ok(cell(services, rounds, &seen))
}

/// A machine on which nothing is left to do, with memory for so many Services.
fn prepare(services: u32) {
    settle::wait();
    settle::touch(services as usize * TOUCHED);
}

/// Milliseconds by the agent.
fn ours(objects: Objects, seen: &mut Seen) -> anyhow::Result<f64> {
    prepare(objects.services);
    let mut node = Node::new()?;
    let frames = objects.snapshot(1);
    let (agent, connection) = node.start()?;
    let before = resident_kib(agent.pid()).context("the agent's memory")?;
    let ends = Ends::new();
    ends.join(WAY, &node.machine);
    let flow = Flow::start(&ends, WAY)?;
    let began = Instant::now();
    let (connection, ack) = node.tell(connection, frames, 1);
    let took = began.elapsed().as_secs_f64() * 1e3;
    seen.longest.push(most(&flow.finish(&ends)?));
    ensure!(ack.rejected.is_empty(), "rejected: {:?}", ack.rejected);
    node.assert_carries(objects);
    let peak = peak_kib(agent.pid()).context("the agent's memory")?;
    seen.bytes
        .push(float(peak.saturating_sub(before) * 1024) / f64::from(objects.services));
    seen.applied.push(float(ack.apply_us) / 1e3);
    seen.cpu
        .push(float(cpu_ms(agent.pid()).unwrap_or_default()));
    drop(connection);
    agent.kill(&node.machine)?;
    Ok(took)
}

fn floor(objects: Objects, seen: &mut Seen) -> anyhow::Result<f64> {
    prepare(objects.services);
    beside(&mut seen.longest_of_floor, |machine| {
        bare::load(machine, objects)
    })
}

fn peer(objects: Objects, seen: &mut Seen) -> anyhow::Result<f64> {
    prepare(objects.services);
    beside(&mut seen.longest_of_peer, |machine| {
        Ok(kube_proxy::load(machine, objects))
    })
}

/// With a flow beside, whose longest wait is noted.
fn beside(
    longest: &mut Vec<f64>,
    load: impl FnOnce(&Namespace) -> anyhow::Result<f64>,
) -> anyhow::Result<f64> {
    let machine = Namespace::new("node");
    let ends = Ends::new();
    ends.join(WAY, &machine);
    let flow = Flow::start(&ends, WAY)?;
    let took = load(&machine)?;
    longest.push(most(&flow.finish(&ends)?));
    Ok(took)
}

fn cell(services: u32, rounds: Rounds, seen: &Seen) -> Cell {
    let verdict = rounds.verdict();
    let bytes = most(&seen.bytes);
    let longest = most(&seen.longest);
    let mut targets: Vec<_> = target(services)
        .map(|ms| at_most("loaded", verdict.ours.median, ms, "ms"))
        .into_iter()
        .collect();
    if services > 1_000 {
        targets.push(at_most("memory", bytes, BYTES, "bytes a Service"));
    }
    targets.push(at_most("longest wait of a packet", longest, STALL, "ms"));
    let mut details = named([
        (
            "of it from the frames' receipt, by the agent itself",
            median(&seen.applied),
        ),
        ("CPU ms of the agent", median(&seen.cpu)),
        ("peak bytes a Service", bytes),
        ("longest wait of a packet, ms", longest),
        ("its median over rounds", median(&seen.longest)),
        ("the same beside the floor", most(&seen.longest_of_floor)),
    ]);
    if !seen.longest_of_peer.is_empty() {
        details.push(("beside the peer".to_owned(), most(&seen.longest_of_peer)));
    }
    Cell {
        name: format!("{services} Services"),
        unit: "ms, first frame → all programmed",
        verdict,
        details,
        targets,
    }
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
fn float(count: u64) -> f64 {
    count as f64
}
