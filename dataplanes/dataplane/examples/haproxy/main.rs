//! `portolan-haproxy`: a dataplane that writes HAProxy's configuration, as an example of how one is written.
//!
//! ```text
//! ip route add local 10.96.0.0/16 dev lo          # virtual addresses are the node's own
//! cargo run --example haproxy -- --node n1 --file /etc/haproxy/portolan.cfg --reload 'systemctl reload haproxy'
//! haproxy -W -f /etc/haproxy/portolan.cfg
//! ```
//! Everything about Services, the stream, retries, probes and metrics is the agent's. What is left is in four files:
//! `dataplane.rs` carries a plan out (the five methods), `section.rs` says what a frontend is in HAProxy's words,
//! `parse.rs` reads that back, and `file.rs` replaces the file. `tests/haproxy.rs` beside them runs the contract on it: one line.

mod dataplane;
mod file;
mod parse;
mod section;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use dataplane::HaproxyDataplane;
use portolan_agent::{AgentArgs, Telemetry, run, terminated};

/// Writes what this node carries as HAProxy's configuration
#[derive(Parser)]
#[command(name = "portolan-haproxy")]
struct Arguments {
    #[command(flatten)]
    agent: AgentArgs,
    /// The file to write; nothing else may be in it
    #[arg(long, value_name = "FILE")]
    file: PathBuf,
    /// Shell command that makes HAProxy read the file again
    #[arg(long, value_name = "COMMAND")]
    reload: Option<String>,
}

#[tokio::main]
async fn main() -> ExitCode {
    match carry(Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn carry(arguments: Arguments) -> Result<(), Box<dyn std::error::Error>> {
    let _telemetry = Telemetry::start("portolan-haproxy", "info")?;
    let dataplane = HaproxyDataplane::new(arguments.file, arguments.reload);
    let config = arguments.agent.config("haproxy")?;
    run(config, dataplane, terminated()).await?;
    Ok(())
}
