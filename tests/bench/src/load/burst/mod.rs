//! C4: a burst, and what of it reaches a thousand nodes, when, and what it leaves in memory.

mod nodes;
mod writer;

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};

use super::{Bursting, at_most, mib, most};
use crate::c1::{Floor, nodes::register};
use crate::import::import_of;
use crate::machine::{Facts, peak_kib, resident_kib};
use crate::report::Cell;
use crate::round::{Party, Round, Rounds, turns};
use crate::serve::{ControlPlane, Store};
use crate::stats::median;
use nodes::Fleet;
use writer::Writer;

/// Bytes that the floor sends at once.
const PIECE: usize = 64 * 1024;
/// Of a server that has nothing to do, before its memory is looked at.
const REST: Duration = Duration::from_secs(3);
/// Seconds that the last node may be behind the last write.
const BEHIND: f64 = 3.0;
/// MiB of memory that the server may take beside its streams.
const MEMORY: f64 = 150.0;
/// How much more it may be after the churn.
const GROWTH: f64 = 1.3;

/// What the rounds saw.
#[derive(Default)]
struct Seen {
    rounds: Rounds,
    /// Seconds from the last write to the last node.
    behind: Vec<f64>,
    writes: Vec<f64>,
    mib_a_node: Vec<f64>,
    memory: Vec<f64>,
    peak: Vec<f64>,
    churned: Vec<f64>,
    growth: Vec<f64>,
    /// Snapshots and resyncs after the nodes had connected.
    again: f64,
}

/// Measures it.
pub(super) async fn run(plan: &Bursting, facts: &mut Facts) -> anyhow::Result<Vec<Cell>> {
    facts.insert("services".to_owned(), plan.services.to_string());
    facts.insert("endpoints_a_service".to_owned(), writer::EACH.to_string());
    facts.insert("nodes".to_owned(), plan.nodes.to_string());
    facts.insert("churn".to_owned(), plan.churn.to_string());
    let mut seen = Seen::default();
    for round in 0..plan.rounds {
        let measured = measure(round, plan, &mut seen).await;
        measured.with_context(|| format!("round {round}"))?;
        let last = |values: &[f64]| values.last().copied().unwrap_or_default();
        eprintln!(
            "round {round}: {:.2?}; {:.2} s behind, {:.0} writes/s, {:.1} MiB a node, {:.0} MiB, {:.0} at most, {:.0} after the churn, {} started over",
            seen.rounds.0.last(),
            last(&seen.behind),
            last(&seen.writes),
            last(&seen.mib_a_node),
            last(&seen.memory),
            last(&seen.peak),
            last(&seen.churned),
            seen.again,
        );
    }
    Ok(vec![seen.cell(plan)])
}

async fn measure(round: usize, plan: &Bursting, seen: &mut Seen) -> anyhow::Result<()> {
    let mut result = Round::default();
    // Whoever comes second sends what the first one has told the size of.
    let mut size = seen
        .mib_a_node
        .last()
        .map_or(0.0, |mib| mib * 1024.0 * 1024.0);
    let order = if size == 0.0 { turns(0) } else { turns(round) };
    for party in order {
        match party {
            Party::Ours => {
                result.ours = burst(plan, seen).await?;
                size = seen
                    .mib_a_node
                    .last()
                    .map_or(0.0, |mib| mib * 1024.0 * 1024.0);
            }
            Party::Floor => result.floor = floor(plan.nodes, size).await?,
            Party::Peer => {}
        }
    }
    seen.rounds.0.push(result);
    Ok(())
}

/// Seconds to fan out so many bytes.
async fn floor(nodes: usize, size: f64) -> anyhow::Result<f64> {
    let mut floor = Floor::start(nodes, PIECE).await?;
    let (began, mut sent) = (Instant::now(), 0.0);
    while sent < size {
        floor.fan_out().await?;
        #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
        let piece = PIECE as f64;
        sent += piece;
    }
    Ok(began.elapsed().as_secs_f64())
}

/// Seconds from the first write to the last node.
async fn burst(plan: &Bursting, seen: &mut Seen) -> anyhow::Result<f64> {
    let world = World::start(plan).await?;
    let over = world.started_over().await?;
    let took = world.fill(seen).await?;
    seen.peak.push(world.beside_streams(peak_kib)?);
    tokio::time::sleep(REST).await;
    let memory = world.beside_streams(resident_kib)?;
    let last = world.writer.churn(plan.churn).await?;
    world.fleet.reach(last).await?;
    tokio::time::sleep(REST).await;
    let churned = world.beside_streams(resident_kib)?;
    seen.memory.push(memory);
    seen.churned.push(churned);
    seen.growth.push(churned / memory);
    seen.again += world.started_over().await? - over;
    ensure!(world.fleet.is_whole(), "a node is gone");
    Ok(took)
}

/// A server, who reads and who writes.
struct World {
    fleet: Fleet,
    writer: Writer,
    server: ControlPlane,
    services: usize,
    nodes: usize,
    /// What the idle streams take, in KiB.
    streams: u64,
}

impl World {
    async fn start(plan: &Bursting) -> anyhow::Result<Self> {
        let server = ControlPlane::start(&Store::Sqlite).await?;
        register(&server, plan.nodes).await?;
        let resident = || resident_kib(server.pid()).context("the server's memory");
        let before = resident()?;
        let fleet = Fleet::connect(&server, plan.nodes).await?;
        Ok(Self {
            fleet,
            streams: resident()?.saturating_sub(before),
            writer: Writer::start(&server, plan.services).await?,
            services: plan.services,
            nodes: plan.nodes,
            server,
        })
    }

    /// Imports everything, and replaces every endpoint; seconds until the last node has it.
    async fn fill(&self, seen: &mut Seen) -> anyhow::Result<f64> {
        let received = self.fleet.received();
        let first = Instant::now();
        import_of(&self.server, 0..self.services, writer::service).await?;
        self.writer.replace_all(0).await?;
        let last = self.writer.replace_all(1).await?;
        let wrote = Instant::now();
        self.fleet.reach(last).await?;
        let took = first.elapsed().as_secs_f64();
        let bytes = self.fleet.received() - received;
        seen.behind.push(wrote.elapsed().as_secs_f64());
        seen.writes
            .push(ratio(2 * self.services as u64, wrote - first));
        seen.mib_a_node.push(mib(bytes / 1024 / self.nodes as u64));
        Ok(took)
    }

    /// MiB of the server without its streams.
    fn beside_streams(&self, look: fn(u32) -> Option<u64>) -> anyhow::Result<f64> {
        let kib = look(self.server.pid()).context("the server's memory")?;
        Ok(mib(kib.saturating_sub(self.streams)))
    }

    /// How often a node began with a snapshot, or was told to connect again.
    async fn started_over(&self) -> anyhow::Result<f64> {
        let of = |what: &str| format!("portolan_distributor_{what}_total");
        let snapshots = self.server.metric(&of("snapshots")).await?;
        Ok(snapshots + self.server.metric(&of("resyncs")).await?)
    }
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
fn ratio(count: u64, took: Duration) -> f64 {
    count as f64 / took.as_secs_f64()
}

impl Seen {
    fn cell(self, plan: &Bursting) -> Cell {
        let (behind, memory) = (most(&self.behind), median(&self.memory));
        let growth = median(&self.growth);
        let details = [
            ("s behind the last write, at most", behind),
            ("writes/s", median(&self.writes)),
            ("MiB a node", median(&self.mib_a_node)),
            ("MiB of the server beside streams", memory),
            ("its peak", median(&self.peak)),
            ("after the churn", median(&self.churned)),
            ("nodes that started over", self.again),
        ];
        Cell {
            name: format!(
                "{} Services × {} endpoints, {} nodes",
                plan.services,
                writer::EACH,
                plan.nodes
            ),
            unit: "s, first write → last node",
            verdict: self.rounds.verdict(),
            details: details.map(|(name, value)| (name.to_owned(), value)).into(),
            targets: vec![
                at_most("starting over", self.again, 0.0, "nodes"),
                at_most("behind", behind, BEHIND, "s"),
                at_most("memory", memory, MEMORY, "MiB"),
                at_most("after the churn", growth, GROWTH, "×"),
            ],
        }
    }
}
