//! C4 and O1: much at once, by those who write and by those who read.
//!
//! ```text
//! C4  64 writers --endpoints--> portolan serve (SQLite) --frames--> N × node: receipt, Ack at once
//! O1  100 lists of all that is large, 5,000 watches that choose --> portolan serve <--get, create-- somebody else
//! ```
//! The floor of C4 is a bare TCP fan-out of as many bytes to as many sockets; of O1, what somebody else gets alone.

mod burst;
mod overload;
mod somebody;

use clap::{Args, Subcommand};

use crate::report::{Report, Target};

/// Benchmarks of a busy server.
#[derive(Subcommand)]
pub(crate) enum Benchmark {
    /// Import 10,000 Services of ten endpoints each, and replace all of these, with 1,000 nodes attached
    #[command(name = "C4")]
    Burst(Bursting),
    /// Lists of large objects and watches that choose among many, and what somebody else notices
    #[command(name = "O1")]
    Overload(Overloading),
}

#[derive(Args)]
pub(crate) struct Bursting {
    /// Rounds; fewer than 7 are for a quick look only
    #[arg(long, default_value_t = 7)]
    rounds: usize,
    /// Services, with ten endpoints each
    #[arg(long, default_value_t = 10_000)]
    services: usize,
    /// Nodes
    #[arg(long, default_value_t = 1_000)]
    nodes: usize,
    /// Endpoints replaced afterwards, one by one: ten a second for an hour
    #[arg(long, default_value_t = 36_000)]
    churn: usize,
}

#[derive(Args)]
pub(crate) struct Overloading {
    /// Rounds; fewer than 7 are for a quick look only
    #[arg(long, default_value_t = 7)]
    rounds: usize,
    /// Lists at once
    #[arg(long, default_value_t = 100)]
    lists: usize,
    /// Watches at once
    #[arg(long, default_value_t = 5_000)]
    watches: usize,
    /// Services that they choose from
    #[arg(long, default_value_t = 40_000)]
    services: usize,
}

impl Benchmark {
    /// Runs it.
    pub(crate) async fn run(&self) -> anyhow::Result<()> {
        match self {
            Self::Burst(plan) => {
                let mut report = Report::begin("C4", plan.rounds);
                report.cells = burst::run(plan, &mut report.facts).await?;
                report.finish()
            }
            Self::Overload(plan) => {
                let mut report = Report::begin("O1", plan.rounds);
                report.cells = overload::run(plan, &mut report.facts).await?;
                report.finish()
            }
        }
    }
}

fn at_most(what: &str, value: f64, most: f64, unit: &str) -> Target {
    Target {
        text: format!("{what} ≤ {most} {unit}"),
        reached: value <= most,
    }
}

fn most(values: &[f64]) -> f64 {
    values.iter().copied().fold(0.0, f64::max)
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
fn mib(kib: u64) -> f64 {
    kib as f64 / 1024.0
}
