//! `portolan-userspace`: the agent with the userspace dataplane.

use std::process::ExitCode;

use anyhow::Context;
use clap::Parser;
use portolan_agent::{AgentArgs, Telemetry, run, terminated};
use portolan_userspace::{Options, ProxyProtocol, UserspaceDataplane, also_on_loopback};

/// Carries Portolan's Services on this node with sockets alone
#[derive(Parser)]
#[command(name = "portolan-userspace", version)]
struct Arguments {
    #[command(flatten)]
    agent: AgentArgs,
    /// Service whose backends expect a header of the PROXY protocol, version 2, in front of every TCP connection; may be
    /// repeated
    #[arg(long, value_name = "NAMESPACE/NAME[:PORT]")]
    proxy_protocol: Vec<ProxyProtocol>,
    /// As root: one listener for all TCP Services, which nftables hands their connections (TPROXY), instead of one each
    #[arg(long)]
    tproxy: bool,
}

/// What a relay keeps of a connection is small and comes and goes often.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

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
    let options = Options {
        proxy_protocol: arguments.proxy_protocol,
        tproxy: arguments.tproxy,
    };
    let dataplane = UserspaceDataplane::with(options).context(
        "can't listen: --tproxy needs root, and a kernel with nft_tproxy; without it every Service has a listener",
    )?;
    let mut config = arguments.agent.config("userspace")?;
    let node = &mut config.description;
    if node.node_port_addresses.is_empty() {
        node.node_port_addresses = also_on_loopback(&node.addresses);
    }
    run(config, dataplane, terminated()).await?;
    Ok(())
}
