//! The command line.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context;
use clap::{Args, Parser, Subcommand};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use tokio::runtime::Runtime;

use crate::report::Report;
use crate::{c1, d5, d6, latest, load, nft, relays, s1, s2, s3, s4};

/// Measure Portolan beside a peer and a floor
#[derive(Parser)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    benchmark: Benchmark,
}

#[derive(Subcommand)]
enum Benchmark {
    /// Show the ids
    #[command(name = "list")]
    List,
    /// Create ClusterIP Services, durably: the API beside bare transactions of the same rows
    #[command(name = "S1")]
    Create(Creating),
    /// The same for NodePort Services
    #[command(name = "S1-node-ports")]
    CreateNodePorts(Creating),
    /// Import Services in batches of 1,000, durably
    #[command(name = "S2")]
    Import(Importing),
    /// Create in a range that is 50, 90, 99 and 99.99 % full
    #[command(name = "S3")]
    Fill(Filling),
    /// Get and list among 100,000 Services, and their memory
    #[command(name = "S4")]
    Read(Reading),
    /// From a commit to the last of 100 and 1,000 nodes, and memory of an idle stream
    #[command(name = "C1")]
    FanOut(FanningOut),
    #[command(flatten)]
    Load(load::Benchmark),
    #[command(flatten)]
    Nftables(nft::Benchmark),
    /// Relay TCP: the userspace dataplane beside HAProxy, nginx and realm
    #[command(name = "D5")]
    RelayTcp(Relaying),
    /// Relay UDP: the userspace dataplane beside nginx
    #[command(name = "D6")]
    RelayUdp(Relaying),
    /// Ours of D5 and D6
    #[command(name = relays::OURS_COMMAND, hide = true)]
    RelayServer {
        /// UDP instead of TCP
        #[arg(long)]
        udp: bool,
        /// Where it listens
        at: SocketAddr,
        /// Its backend
        to: SocketAddr,
    },
    /// The floor of memory of D5
    #[command(name = relays::HOLD_COMMAND, hide = true)]
    HoldServer {
        /// Where it listens
        at: SocketAddr,
        /// Its backend
        to: SocketAddr,
    },
    /// Write the table of README.md from the results that are kept
    #[command(name = "report")]
    Report,
    /// The floor's server of S4
    #[command(name = s4::FLOOR_COMMAND, hide = true)]
    ByteServer,
    /// The floor's server of C1
    #[command(name = c1::FLOOR_COMMAND, hide = true)]
    FloorServer {
        /// Sockets to wait for
        sockets: usize,
        /// Bytes of a message
        size: usize,
    },
}

#[derive(Args)]
struct Creating {
    /// Rounds; fewer than 7 are for a quick look only
    #[arg(long, default_value_t = 7)]
    rounds: usize,
    /// Seconds per cell
    #[arg(long, default_value_t = 3)]
    seconds: u64,
    /// Concurrent clients of each cell
    #[arg(long, value_delimiter = ',', default_values_t = s1::CLIENTS)]
    clients: Vec<usize>,
    /// Databases to measure
    #[arg(long, value_delimiter = ',', default_values_t = s1::DATABASES, value_enum)]
    databases: Vec<s1::Database>,
}

#[derive(Args)]
struct Importing {
    /// Rounds; fewer than 7 are for a quick look only
    #[arg(long, default_value_t = 7)]
    rounds: usize,
    /// Batches of 1,000 Services per cell
    #[arg(long, default_value_t = 40)]
    batches: usize,
    /// Databases to measure
    #[arg(long, value_delimiter = ',', default_values_t = s1::DATABASES, value_enum)]
    databases: Vec<s1::Database>,
}

#[derive(Args)]
struct Filling {
    /// Rounds; fewer than 7 are for a quick look only
    #[arg(long, default_value_t = 7)]
    rounds: usize,
    /// Seconds per cell
    #[arg(long, default_value_t = 2)]
    seconds: u64,
}

#[derive(Args)]
struct Reading {
    /// Rounds; fewer than 7 are for a quick look only
    #[arg(long, default_value_t = 7)]
    rounds: usize,
    /// Services to read among
    #[arg(long, default_value_t = 100_000)]
    services: usize,
    /// Seconds per cell
    #[arg(long, default_value_t = 2)]
    seconds: u64,
}

#[derive(Args)]
struct FanningOut {
    /// Rounds; fewer than 7 are for a quick look only
    #[arg(long, default_value_t = 7)]
    rounds: usize,
    /// Commits per round
    #[arg(long, default_value_t = 50)]
    commits: usize,
    /// Milliseconds from the last node's receipt to the next commit; below 250 the server may gather changes
    #[arg(long, default_value_t = 300)]
    pause: u64,
    /// Nodes of each cell
    #[arg(long, value_delimiter = ',', default_values_t = c1::NODES)]
    nodes: Vec<usize>,
}

#[derive(Args)]
struct Relaying {
    /// Rounds; fewer than 7 are for a quick look only
    #[arg(long, default_value_t = 7)]
    rounds: usize,
    /// Milliseconds of each measurement that takes a time
    #[arg(long, default_value_t = 2_000)]
    length: u64,
}

/// Runs what was asked for.
pub(crate) fn run(arguments: Arguments) -> anyhow::Result<()> {
    let runtime = Runtime::new()?;
    match arguments.benchmark {
        Benchmark::List => {
            println!("{}", latest::IDS.join("\n"));
            Ok(())
        }
        Benchmark::Report => latest::write(),
        Benchmark::ByteServer => runtime.block_on(s4::serve_floor()),
        Benchmark::Create(options) => create(&runtime, "S1", s1::Workload::ClusterIp, &options),
        Benchmark::CreateNodePorts(options) => {
            create(&runtime, "S1-node-ports", s1::Workload::NodePort, &options)
        }
        Benchmark::Import(options) => {
            let mut report = Report::begin("S2", options.rounds);
            let plan = s2::Plan {
                rounds: options.rounds,
                batches: options.batches,
                databases: options.databases,
            };
            report.cells = runtime.block_on(s2::run(&plan, &mut report.facts))?;
            report.finish()
        }
        Benchmark::Fill(options) => {
            let mut report = Report::begin("S3", options.rounds);
            let plan = s3::Plan {
                rounds: options.rounds,
                length: Duration::from_secs(options.seconds.max(1)),
            };
            report.cells = runtime.block_on(s3::run(&plan, &mut report.facts))?;
            report.finish()
        }
        Benchmark::Read(options) => {
            let mut report = Report::begin("S4", options.rounds);
            let plan = s4::Plan {
                rounds: options.rounds,
                services: options.services,
                length: Duration::from_secs(options.seconds.max(1)),
            };
            report.cells = runtime.block_on(s4::run(&plan, &mut report.facts))?;
            report.finish()
        }
        Benchmark::FanOut(options) => fan_out(&runtime, &options),
        Benchmark::Load(benchmark) => {
            raise_limit().context("raising the limit of open files")?;
            runtime.block_on(benchmark.run())
        }
        Benchmark::Nftables(benchmark) => benchmark.run(),
        Benchmark::RelayTcp(options) => relay(&runtime, "D5", &options),
        Benchmark::RelayUdp(options) => relay(&runtime, "D6", &options),
        Benchmark::RelayServer { udp, at, to } => runtime.block_on(d5::relay(udp, at, to)),
        Benchmark::HoldServer { at, to } => runtime.block_on(d5::hold(at, to)),
        Benchmark::FloorServer { sockets, size } => {
            runtime.block_on(c1::serve_floor(sockets, size))
        }
    }
}

fn create(
    runtime: &Runtime,
    id: &str,
    workload: s1::Workload,
    options: &Creating,
) -> anyhow::Result<()> {
    let mut report = Report::begin(id, options.rounds);
    let plan = s1::Plan {
        rounds: options.rounds,
        length: Duration::from_secs(options.seconds.max(1)),
        clients: options.clients.clone(),
        databases: options.databases.clone(),
    };
    report.cells = runtime.block_on(s1::run(workload, &plan, &mut report.facts))?;
    report.finish()
}

fn fan_out(runtime: &Runtime, options: &FanningOut) -> anyhow::Result<()> {
    raise_limit().context("raising the limit of open files")?;
    let mut report = Report::begin("C1", options.rounds);
    let plan = c1::Plan {
        rounds: options.rounds,
        commits: options.commits,
        pause: Duration::from_millis(options.pause),
    };
    report.cells = runtime.block_on(c1::run(plan, &options.nodes, &mut report.facts))?;
    report.finish()
}

fn relay(runtime: &Runtime, id: &str, options: &Relaying) -> anyhow::Result<()> {
    raise_limit().context("raising the limit of open files")?;
    let mut report = Report::begin(id, options.rounds);
    let plan = relays::Plan {
        rounds: options.rounds,
        length: Duration::from_millis(options.length),
    };
    report.cells = if id == "D5" {
        runtime.block_on(d5::run(plan, &mut report.facts))?
    } else {
        runtime.block_on(d6::run(plan, &mut report.facts))?
    };
    report.finish()
}

/// Thousands of sockets on each side, here and in the child processes.
fn raise_limit() -> nix::Result<()> {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard)
}
