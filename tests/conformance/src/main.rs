//! `portolan-conformance`: the rules that a plugin keeps, and those that it breaks.

use std::num::NonZero;
use std::process::ExitCode;
use std::thread::available_parallelism;

use clap::Parser;
use portolan_conformance::{Launch, Options, run};

/// Holds a plugin in any language against the rules of the node stream and the cases of the packet lab
///
/// The command is run by a shell, once a node and a case, on a machine of the lab. Its environment says where it is:
/// `PORTOLAN_SERVER`, `PORTOLAN_CLUSTER`, `PORTOLAN_NODE`, `PORTOLAN_ZONE`, `PORTOLAN_ADDRESSES` (the primary one first,
/// separated by commas) and `PORTOLAN_STATE_DIR`. Needs root.
#[derive(Parser)]
#[command(name = "portolan-conformance", version)]
struct Arguments {
    /// How the plugin is started
    #[arg(long, value_name = "COMMAND")]
    plugin: String,
    /// Leave out the cases of packets
    #[arg(long)]
    stream_only: bool,
    /// Cases of packets at the same time [default: one a processor]
    #[arg(long, value_name = "NUMBER")]
    jobs: Option<NonZero<usize>>,
    /// Only cases whose name contains one of these
    cases: Vec<String>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let processors = available_parallelism().unwrap_or(NonZero::<usize>::MIN);
    let options = Options {
        launch: Launch {
            command: arguments.plugin,
        },
        only: arguments.cases,
        stream_only: arguments.stream_only,
        jobs: arguments.jobs.unwrap_or(processors),
    };
    match run(&options, |row| println!("{row}")) {
        Ok(report) => {
            println!("{report}");
            match report.counts() {
                [0, 0, _] => {
                    eprintln!("error: no case has such a name");
                    ExitCode::FAILURE
                }
                [_, 0, _] => ExitCode::SUCCESS,
                _ => ExitCode::FAILURE,
            }
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
