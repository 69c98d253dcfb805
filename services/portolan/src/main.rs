//! The `portolan` command: the server, the development mode, and what operators use every day, each a crate of its own.

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};
use portolan_dev::{DemoBackend, Dev};
use portolan_server::{Serve, ServerError};

/// A batch import spends 40 % of its time in glibc's allocator, and half of that in this one, which also keeps less of
/// what was freed.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Services for any fleet: stable addresses, ports and names in front of backends that come and go.
#[derive(Parser)]
#[command(name = "portolan", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

/// Everything `portolan` does.
#[derive(Subcommand)]
enum Command {
    Serve(Box<Serve>),
    Dev(Box<Dev>),
    #[command(hide = true)]
    DemoBackend(DemoBackend),
    #[command(flatten)]
    Operate(portolan_cli::Command),
}

fn main() -> ExitCode {
    let command = Arguments::parse().command;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => return ended(&[format!("can't start: {error}")], 1),
    };
    runtime.block_on(async {
        match command {
            Command::Serve(serve) => served(serve.run().await),
            Command::Dev(dev) => served(dev.run().await),
            Command::DemoBackend(backend) => served(backend.run().await),
            Command::Operate(command) => {
                match portolan_cli::run(command, Arguments::command()).await {
                    Ok(()) => ExitCode::SUCCESS,
                    Err(failure) => ended(&failure.lines(), failure.exit_code()),
                }
            }
        }
    })
}

/// 2 for a command line that makes no sense, else 1.
fn served(result: Result<(), ServerError>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error @ ServerError::Usage(_)) => ended(&[error.to_string()], 2),
        Err(error) => ended(&[error.to_string()], 1),
    }
}

/// Says what is wrong, a line each.
fn ended(lines: &[String], code: u8) -> ExitCode {
    for line in lines {
        eprintln!("error: {line}");
    }
    ExitCode::from(code)
}
