//! `portolan-userspace`: the agent with the userspace dataplane.

use std::process::ExitCode;

use clap::Parser;
use portolan_agent::{AgentArgs, Telemetry, run, terminated};
use portolan_userspace::UserspaceDataplane;

/// Carries Portolan's Services on this node with sockets alone
#[derive(Parser)]
#[command(name = "portolan-userspace", version)]
struct Arguments {
    #[command(flatten)]
    agent: AgentArgs,
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
    let _telemetry = Telemetry::start("portolan-userspace", "info")?;
    let dataplane = UserspaceDataplane::new();
    run(
        arguments.agent.config("userspace")?,
        dataplane,
        terminated(),
    )
    .await?;
    Ok(())
}
