//! The `portolan` command: the server, the development mode, and what operators use every day.
//!
//! It composes and prints; what is decided is decided by the crates it calls, or by the server it talks to.
//!
//! ```text
//!  apply:    files --manifest--> requests --client--> server --> one line each
//!  get:      server --client--> Object --output--> table | YAML | JSON
//!  serve:    store + allocator + distributor + api, put together in `serve`; `dev` adds a node
//!  failures: Status --failure--> lines in the words and places of the manifest
//! ```
//!
//! Start reading at [`cli::Command`].

mod cli;
mod client;
mod dev;
mod failure;
mod kind;
mod manifest;
mod object;
mod output;
mod selector;
mod serve;
mod words;

use std::process::ExitCode;

use clap::Parser;

/// A batch import spends 40 % of its time in glibc's allocator, and half of that in this one, which also keeps less of
/// what was freed.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let arguments = cli::Arguments::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("error: can't start: {error}");
            return ExitCode::FAILURE;
        }
    };
    let Err(failure) = runtime.block_on(cli::run(arguments)) else {
        return ExitCode::SUCCESS;
    };
    for line in failure.lines() {
        eprintln!("error: {line}");
    }
    ExitCode::from(failure.exit_code())
}
