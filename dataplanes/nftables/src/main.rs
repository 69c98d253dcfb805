//! `portolan-nftables`: the agent with the nftables dataplane.

use std::process::ExitCode;

use anyhow::Context;
use clap::{Parser, Subcommand};
use portolan_agent::{AgentArgs, Telemetry, run, terminated};
use portolan_dataplane::Dataplane;
use portolan_nftables::{Family, NftablesDataplane, Options, text};

/// Carries Portolan's Services on this node with nftables
#[derive(Parser)]
#[command(name = "portolan-nftables", version)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    agent: AgentArgs,
    /// Replace the source address of workloads towards a ClusterIP, too
    #[arg(long)]
    masquerade_all: bool,
}

#[derive(Subcommand)]
enum Command {
    /// Print the program, without the elements of its sets, as `nft` shows it
    Dump,
    /// Remove everything that the nftables dataplane left on this node
    Cleanup,
}

/// Loading makes and drops millions of small values, which costs this allocator less.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// `mi_option_purge_delay` of mimalloc 2.
const PURGE_DELAY: libmimalloc_sys::mi_option_t = 15;

/// Has memory that is free given back at once. In the 10 ms that mimalloc waits by itself a node with 10,000 Services is half
/// loaded, and what its snapshot left would still be there at the peak.
#[expect(unsafe_code, reason = "a function of mimalloc")]
fn give_back_at_once() {
    // SAFETY: it sets a number, at any time, from any thread.
    unsafe { libmimalloc_sys::mi_option_set(PURGE_DELAY, 0) }
}

#[tokio::main]
async fn main() -> ExitCode {
    give_back_at_once();
    // On a worker thread: what the stream's task hands over is carried out there, without waking another thread.
    match tokio::spawn(carry(Arguments::parse())).await {
        Ok(Ok(())) => ExitCode::SUCCESS,
        // A panic has told why already.
        Err(_) => ExitCode::FAILURE,
        Ok(Err(error)) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn carry(arguments: Arguments) -> anyhow::Result<()> {
    let options = Options {
        masquerade_all: arguments.masquerade_all,
    };
    match arguments.command {
        Some(Command::Dump) => print!("{}{}", text(Family::V4), text(Family::V6)),
        Some(Command::Cleanup) => {
            let mut dataplane = NftablesDataplane::new(options)?;
            dataplane.cleanup().await.context("nothing was removed")?;
        }
        None => {
            let _telemetry = Telemetry::start("portolan-nftables", "info")?;
            let dataplane = NftablesDataplane::new(options)?;
            let config = arguments.agent.config_in_kernel("nftables")?;
            run(config, dataplane, terminated()).await?;
        }
    }
    Ok(())
}
