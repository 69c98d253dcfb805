//! D5: the TCP relay beside HAProxy, nginx and realm.
//!
//! ```text
//! clients --TCP--> relay (ours, HAProxy, nginx, realm; a process each) --TCP--> backend
//!    '------------------------ floor: the direct path --------------------------'
//! ```
//! A round starts everybody anew, so that memory is that of a fresh process. The peer of a cell is the one of the three that is
//! best in it, by its median: the best of each round would be whoever was lucky then.

mod load;
mod serve;

use anyhow::Context;
use portolan_model::Protocol;

use crate::affinity::OneProcessor;
use crate::machine::{Facts, cpu_ms};
use crate::relays::{Kind, Plan, Relay};
use crate::report::{Cell, Target};
use crate::round::{Round, Rounds};
use crate::stats::median;
use load::{Backend, Echo, float, round_trips, short};
pub(crate) use serve::{hold, relay};

const PEERS: [Kind; 3] = [Kind::HaProxy, Kind::Nginx, Kind::Realm];
/// Connections of the memory cell; each is four sockets, two of them here.
const IDLE: u64 = 2_000;
const SHORT_CLIENTS: usize = 32;
const STREAMS: usize = 64;
const ROUND_TRIPS: usize = 4_000;

/// What one relay, or the direct path, did in one round.
#[derive(Clone, Copy, Debug, Default)]
struct Figures {
    one: f64,
    many: f64,
    cpu_per_gb: f64,
    short: f64,
    cpu_per_connection: f64,
    round_trip: [f64; 2],
    idle: f64,
}

/// A column of the report.
struct Measure {
    name: &'static str,
    unit: &'static str,
    value: fn(&Figures) -> f64,
    more_is_better: bool,
}

const MEASURES: [Measure; 8] = [
    measure("1 stream", "Gbit/s", |f| f.one, true),
    measure("64 streams", "Gbit/s", |f| f.many, true),
    measure("processor time", "ms/GB", |f| f.cpu_per_gb, false),
    measure("short connections", "1/s", |f| f.short, true),
    measure(
        "processor time of a short connection",
        "µs",
        |f| f.cpu_per_connection,
        false,
    ),
    measure(
        "round trip on one processor, p50",
        "µs",
        |f| f.round_trip[0],
        false,
    ),
    measure(
        "round trip on one processor, p99",
        "µs",
        |f| f.round_trip[1],
        false,
    ),
    measure("an idle connection", "bytes", |f| f.idle, false),
];

const fn measure(
    name: &'static str,
    unit: &'static str,
    value: fn(&Figures) -> f64,
    more_is_better: bool,
) -> Measure {
    Measure {
        name,
        unit,
        value,
        more_is_better,
    }
}

/// Everybody of one round.
struct All {
    ours: Figures,
    floor: Figures,
    peers: [Figures; PEERS.len()],
}

/// Measures every cell.
pub(crate) async fn run(plan: Plan, facts: &mut Facts) -> anyhow::Result<Vec<Cell>> {
    for peer in PEERS {
        peer.describe(facts)?;
    }
    facts.insert("idle_connections".to_owned(), IDLE.to_string());
    facts.insert("short_clients".to_owned(), SHORT_CLIENTS.to_string());
    let backend = Backend::start().await?;
    let mut rounds = Vec::new();
    for round in 0..plan.rounds {
        rounds.push(all(round, plan, &backend).await?);
    }
    Ok(MEASURES
        .iter()
        .map(|measure| cell(measure, &rounds))
        .collect())
}

/// One round, in an order that turns round with the next one.
async fn all(round: usize, plan: Plan, backend: &Backend) -> anyhow::Result<All> {
    let mut order = vec![Kind::Ours, Kind::Hold];
    order.extend(PEERS);
    if round % 2 == 1 {
        order.reverse();
    }
    let mut measured = Vec::new();
    for kind in order {
        let figures = figures(kind, plan, backend).await;
        let figures = figures.with_context(|| kind.name())?;
        eprintln!("round {round}, {}: {figures:.1?}", kind.name());
        measured.push((kind, figures));
    }
    measured.sort_by_key(|(kind, _)| *kind);
    let mut of = measured.into_iter().map(|(_, figures)| figures);
    let mut next = || of.next().unwrap_or_default();
    Ok(All {
        ours: next(),
        floor: next(),
        peers: [next(), next(), next()],
    })
}

async fn figures(kind: Kind, plan: Plan, backend: &Backend) -> anyhow::Result<Figures> {
    let relay = Relay::start(kind, Protocol::Tcp, backend.at)?;
    let is_floor = kind == Kind::Hold;
    // Everything but memory is measured on the direct path, where the processor time is that of clients and backend.
    let to = if is_floor { backend.at } else { relay.at };
    let cpu = || {
        if is_floor {
            cpu_ms(std::process::id()).unwrap_or_default()
        } else {
            relay.cpu_ms()
        }
    };
    let idle = idle(&relay, is_floor).await?;
    let round_trip = {
        let all = relay.pids().into_iter().chain([std::process::id()]);
        let _one = OneProcessor::of(all.collect())?;
        round_trips(to, ROUND_TRIPS).await?
    };
    let before = cpu();
    let short = short(to, SHORT_CLIENTS, plan.length).await?;
    let cpu_per_connection = float(cpu() - before) * 1e3 / (short * plan.length.as_secs_f64());
    let before = cpu();
    let (one, first) = backend.stream(to, 1, plan.length).await?;
    let (many, second) = backend.stream(to, STREAMS, plan.length).await?;
    Ok(Figures {
        one: one * 8.0 / 1e9,
        many: many * 8.0 / 1e9,
        cpu_per_gb: float(cpu() - before) * 1e9 / float(first + second),
        short,
        cpu_per_connection,
        round_trip,
        idle,
    })
}

/// Bytes of memory of a connection that was used once and stays open.
async fn idle(relay: &Relay, is_floor: bool) -> anyhow::Result<f64> {
    let mut open = Vec::new();
    let mut add = async |count: u64| {
        for _ in 0..count {
            if is_floor {
                let stream = tokio::net::TcpStream::connect(relay.at).await?;
                open.push((Some(stream), None));
            } else {
                open.push((None, Some(Echo::open(relay.at).await?)));
            }
        }
        anyhow::Ok(())
    };
    // What the first ones cost is the process's own.
    add(50).await?;
    let before = relay.resident_kib();
    add(IDLE).await?;
    Ok(float(relay.resident_kib().saturating_sub(before)) * 1024.0 / float(IDLE))
}

fn cell(measure: &Measure, rounds: &[All]) -> Cell {
    let value = measure.value;
    let of_peer = |index: usize| {
        let values: Vec<_> = rounds.iter().map(|all| value(&all.peers[index])).collect();
        median(&values)
    };
    let least = |one: &usize, other: &usize| of_peer(*one).total_cmp(&of_peer(*other));
    let best = if measure.more_is_better {
        (0..PEERS.len()).max_by(least)
    } else {
        (0..PEERS.len()).min_by(least)
    };
    let measured = rounds.iter().map(|all| Round {
        ours: value(&all.ours),
        floor: value(&all.floor),
        peer: best.map(|index| value(&all.peers[index])),
    });
    let verdict = Rounds(measured.collect()).verdict();
    let ratio = verdict.ratio_to_peer.unwrap_or(f64::NAN);
    let (text, reached) = if measure.more_is_better {
        ("≥ 1× the best peer", ratio >= 1.0)
    } else {
        ("≤ 1× the best peer", ratio <= 1.0)
    };
    Cell {
        name: measure.name.to_owned(),
        unit: measure.unit,
        verdict,
        details: (0..PEERS.len())
            .map(|index| (PEERS[index].name().to_owned(), of_peer(index)))
            .collect(),
        targets: vec![Target {
            text: text.to_owned(),
            reached,
        }],
    }
}
