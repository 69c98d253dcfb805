//! What can be asked for.

use clap::{Args, Subcommand};

use super::{d1, e1, p1, p2, p3, p4};
use crate::machine::Facts;
use crate::report::{Cell, Report};

/// Benchmarks of the nftables dataplane.
#[derive(Subcommand)]
pub(crate) enum Benchmark {
    /// Load 1,000 to 200,000 Services into nftables, beside bare netlink and kube-proxy's shape
    #[command(name = "P1")]
    Load(Loading),
    /// One change on top of 10,000 and 44,000 Services
    #[command(name = "P2")]
    Change(Changing),
    /// 1,000 changes a second on top of 44,000 Services; a round is a window of one run
    #[command(name = "P3")]
    Churn(Churning),
    /// Kill and restart the agent at 44,000 Services, under connections
    #[command(name = "P4")]
    Restart(Restarting),
    /// Connect through nftables at 1 to 100,000 Services, beside kube-proxy's shape and the direct path
    #[command(name = "D1")]
    Connect(Connecting),
    /// From a write to the API to the first packet that the new backend serves
    #[command(name = "E1")]
    EndToEnd(Writing),
}

#[derive(Args)]
pub(crate) struct Loading {
    /// Rounds; fewer than 7 are for a quick look only
    #[arg(long, default_value_t = 7)]
    pub(super) rounds: usize,
    /// Services of each cell
    #[arg(long, value_delimiter = ',', default_values_t = p1::SIZES)]
    pub(super) sizes: Vec<u32>,
    /// Rounds with the peer at 10,000 Services, where it takes a minute
    #[arg(long, default_value_t = 1)]
    pub(super) peer_rounds: usize,
}

#[derive(Args)]
pub(crate) struct Changing {
    /// Rounds; fewer than 7 are for a quick look only
    #[arg(long, default_value_t = 7)]
    pub(super) rounds: usize,
    /// Services of each cell
    #[arg(long, value_delimiter = ',', default_values_t = p2::SIZES)]
    pub(super) sizes: Vec<u32>,
    /// Changes of each sort, a round; after a rest a quarter of them
    #[arg(long, default_value_t = 500)]
    pub(super) changes: u32,
}

#[derive(Args)]
pub(crate) struct Churning {
    /// Windows of the run; fewer than 7 are for a quick look only
    #[arg(long, default_value_t = 7)]
    pub(super) rounds: usize,
    /// Seconds of a window
    #[arg(long, default_value_t = 9)]
    pub(super) seconds: u64,
}

#[derive(Args)]
pub(crate) struct Restarting {
    /// Rounds; fewer than 7 are for a quick look only
    #[arg(long, default_value_t = 7)]
    pub(super) rounds: usize,
}

#[derive(Args)]
pub(crate) struct Connecting {
    /// Rounds; fewer than 7 are for a quick look only
    #[arg(long, default_value_t = 7)]
    pub(super) rounds: usize,
    /// Services of each cell
    #[arg(long, value_delimiter = ',', default_values_t = d1::SIZES)]
    pub(super) sizes: Vec<u32>,
    /// Connections of each way, a round
    #[arg(long, default_value_t = 3_000)]
    pub(super) connections: usize,
}

#[derive(Args)]
pub(crate) struct Writing {
    /// Rounds; fewer than 7 are for a quick look only
    #[arg(long, default_value_t = 7)]
    pub(super) rounds: usize,
    /// Writes a round
    #[arg(long, default_value_t = 100)]
    pub(super) writes: usize,
}

impl Benchmark {
    /// Runs it. No runtime may be entered: namespaces have their own.
    pub(crate) fn run(&self) -> anyhow::Result<()> {
        match self {
            Self::Load(plan) => report("P1", plan.rounds, |facts| p1::run(plan, facts)),
            Self::Change(plan) => report("P2", plan.rounds, |facts| p2::run(plan, facts)),
            Self::Churn(plan) => report("P3", plan.rounds, |facts| p3::run(plan, facts)),
            Self::Restart(plan) => report("P4", plan.rounds, |facts| p4::run(plan, facts)),
            Self::Connect(plan) => report("D1", plan.rounds, |facts| d1::run(plan, facts)),
            Self::EndToEnd(plan) => report("E1", plan.rounds, |facts| e1::run(plan, facts)),
        }
    }
}

fn report(
    id: &str,
    rounds: usize,
    run: impl FnOnce(&mut Facts) -> anyhow::Result<Vec<Cell>>,
) -> anyhow::Result<()> {
    let mut report = Report::begin(id, rounds);
    report.cells = run(&mut report.facts)?;
    report.finish()
}
