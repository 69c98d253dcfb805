//! P1: a node without anything, from the first frame of its snapshot to the acknowledgement that all is programmed.

use std::time::Instant;

use anyhow::{Context, ensure};
use portolan_lab::Namespace;

use super::cli::Loading;
use super::node::Node;
use super::objects::Objects;
use super::traffic::{Traffic, Waits};
use super::wires::backends;
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
/// Milliseconds that forwarding may pause.
const STALL: f64 = 10.0;
/// Bytes of memory a Service that agent and kernel take together, and more.
const TOUCHED: usize = 6 << 10;
/// The way of the traffic beside.
const WAY: u8 = 1;

/// What loading showed, in all rounds.
#[derive(Default)]
struct Seen {
    applied: Vec<f64>,
    cpu: Vec<f64>,
    bytes: Vec<f64>,
    beside: Waits,
    beside_floor: Waits,
    beside_peer: Waits,
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
    let traffic = Traffic::start(&node.machine, WAY)?;
    let began = Instant::now();
    let (connection, ack) = node.tell(connection, frames, 1);
    let took = began.elapsed().as_secs_f64() * 1e3;
    traffic.finish(&mut seen.beside)?;
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
    beside(&mut seen.beside_floor, |machine| {
        bare::load(machine, objects)
    })
}

fn peer(objects: Objects, seen: &mut Seen) -> anyhow::Result<f64> {
    prepare(objects.services);
    beside(&mut seen.beside_peer, |machine| {
        Ok(kube_proxy::load(machine, objects))
    })
}

/// With traffic beside, whose longest waits are noted.
fn beside(
    waits: &mut Waits,
    load: impl FnOnce(&Namespace) -> anyhow::Result<f64>,
) -> anyhow::Result<f64> {
    let machine = Namespace::new("node");
    let traffic = Traffic::start(&machine, WAY)?;
    let took = load(&machine)?;
    traffic.finish(waits)?;
    Ok(took)
}

fn cell(services: u32, rounds: Rounds, seen: &Seen) -> Cell {
    let verdict = rounds.verdict();
    let bytes = most(&seen.bytes);
    let paused = most(&seen.beside.forwarding);
    let mut targets: Vec<_> = target(services)
        .map(|ms| at_most("loaded", verdict.ours.median, ms, "ms"))
        .into_iter()
        .collect();
    if services > 1_000 {
        targets.push(at_most("memory", bytes, BYTES, "bytes a Service"));
    }
    targets.push(at_most("pause of forwarding", paused, STALL, "ms"));
    let mut details = named([
        (
            "of it from the frames' receipt, by the agent itself",
            median(&seen.applied),
        ),
        ("CPU ms of the agent", median(&seen.cpu)),
        ("peak bytes a Service", bytes),
        ("longest pause of forwarding, ms", paused),
        (
            "the same beside the floor",
            most(&seen.beside_floor.forwarding),
        ),
        (
            "longest wait of a process for an answer, ms",
            most(&seen.beside.answer),
        ),
        ("its median over rounds", median(&seen.beside.answer)),
        ("longest beside the floor", most(&seen.beside_floor.answer)),
    ]);
    if !seen.beside_peer.answer.is_empty() {
        let answer = most(&seen.beside_peer.answer);
        details.push(("longest beside the peer".to_owned(), answer));
    }
    // Beyond, the peer keeps a processor for longer than the sender's stock lasts.
    if services < PEER {
        let pause = most(&seen.beside_peer.forwarding);
        details.push(("pause beside the peer".to_owned(), pause));
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
