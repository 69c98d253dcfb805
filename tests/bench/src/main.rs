//! What Portolan costs, measured beside a peer and a floor in the same run.
//!
//! It asserts nothing about absolute times: ratios within a run are what can be compared between machines.
//!
//! ```text
//! cli --ID--> s1 … c1, d5, nft --Rounds (ours, floor, peer; in turns)--> Cell --report--> table, results/ID.json
//!              |-- serve: the real `portolan serve`, from the same target folder
//!              |-- relays: the userspace dataplane and its peers
//!              '-- nft: the real plugin in network namespaces, bare netlink, kube-proxy's shape
//! ```
//! Start with [`round::Rounds`] for the rules, then `s1` to `s4`, `c1` and `nft` for what is measured.

mod affinity;
mod c1;
mod cli;
mod d5;
mod d6;
mod http2;
mod import;
mod latest;
mod load;
mod machine;
mod nft;
mod relays;
mod report;
mod round;
mod s1;
mod s2;
mod s3;
mod s4;
mod serve;
mod settle;
mod stats;
mod writes;

use std::process::ExitCode;

use clap::Parser;

/// The server's, too: the clients share its processors.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    match cli::run(cli::Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
