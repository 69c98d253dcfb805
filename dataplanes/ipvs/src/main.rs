//! `portolan-ipvs`: the agent with the IPVS dataplane.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use clap::{Parser, Subcommand};
use portolan_agent::{AgentArgs, Telemetry, run, terminated};
use portolan_dataplane::Dataplane;
use portolan_ipvs::{Exception, IpvsDataplane, MarkBit, Options, Scheduler, Schedulers};

/// Carries Portolan's Services on this node with IPVS
#[derive(Parser)]
#[command(name = "portolan-ipvs", version)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    agent: AgentArgs,
    /// Who of a Service's backends gets the next connection
    #[arg(long, value_enum, default_value_t)]
    scheduler: Scheduler,
    /// Service with a scheduler of its own; may be repeated
    #[arg(long, value_name = "NAMESPACE/NAME[:PORT]=SCHEDULER")]
    service_scheduler: Vec<Exception>,
    /// Replace the source address of workloads towards a ClusterIP, too
    #[arg(long)]
    masquerade_all: bool,
    /// Bit of packets' marks, 16 to 31, that nothing else on this node uses [default: 27]
    #[arg(long, value_name = "BIT")]
    mark_bit: Option<MarkBit>,
    /// For how long connections to a backend that left may go on
    #[arg(long, value_name = "SECONDS", default_value_t = 14_400)]
    drain_limit: u64,
}

#[derive(Subcommand)]
enum Command {
    /// Remove everything that the IPVS dataplane left on this node
    Cleanup,
}

impl Arguments {
    fn options(&self) -> Options {
        Options {
            schedulers: Schedulers {
                default: self.scheduler,
                exceptions: self.service_scheduler.clone(),
            },
            masquerade_all: self.masquerade_all,
            mark_bit: self.mark_bit.unwrap_or_default(),
            drain_limit: Duration::from_secs(self.drain_limit),
        }
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    match carry(Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn carry(arguments: Arguments) -> anyhow::Result<()> {
    let mut dataplane = IpvsDataplane::new(arguments.options())?;
    if let Some(Command::Cleanup) = arguments.command {
        return dataplane.cleanup().await.context("not all was removed");
    }
    let _telemetry = Telemetry::start("portolan-ipvs", "info")?;
    let config = arguments.agent.config_in_kernel("ipvs")?;
    run(config, dataplane, terminated()).await?;
    Ok(())
}
