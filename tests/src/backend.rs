//! A small HTTP backend that says its name.

use std::net::SocketAddr;
use std::process::Command;

use crate::{Namespace, Process, binary};

/// A running backend.
pub struct Backend {
    /// Its process.
    pub process: Process,
    /// Where it listens.
    pub address: SocketAddr,
}

impl Backend {
    /// Starts one; in a namespace if one is given.
    pub fn start(namespace: Option<&Namespace>, name: &str, address: SocketAddr) -> Self {
        let program = binary("portolan");
        let mut command = namespace.map_or_else(|| Command::new(&program), |n| n.command(&program));
        command.args([
            "demo-backend",
            "--name",
            name,
            "--listen",
            &address.to_string(),
        ]);
        Self {
            process: Process::start(name, command),
            address,
        }
    }
}
