//! `portolan-userspace`.

use std::net::{Ipv4Addr, SocketAddr};
use std::process::Command;

use tempfile::TempDir;

use crate::{Namespace, Process, binary, free_port};

/// A running plugin.
pub struct Plugin<'a> {
    /// Its process; killed and started again at will.
    pub process: Process,
    namespace: Option<&'a Namespace>,
    arguments: Vec<String>,
    metrics: SocketAddr,
    _dir: TempDir,
}

impl<'a> Plugin<'a> {
    /// Starts one for a node, following a server.
    pub fn start(
        namespace: Option<&'a Namespace>,
        server: &str,
        node: &str,
        address: &str,
    ) -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let metrics = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()));
        let state = dir.path().display().to_string();
        let listen = metrics.to_string();
        let arguments = [
            ["--server", server],
            ["--node", node],
            ["--address", address],
            ["--state-dir", &state],
            ["--metrics-listen", &listen],
        ];
        let arguments: Vec<String> = arguments.into_iter().flatten().map(str::to_owned).collect();
        let process = Process::start("portolan-userspace", command(namespace, &arguments));
        Self {
            process,
            namespace,
            arguments,
            metrics,
            _dir: dir,
        }
    }

    /// Starts it again on the same state.
    pub fn start_again(&mut self) {
        self.process = Process::start(
            "portolan-userspace",
            command(self.namespace, &self.arguments),
        );
    }

    /// A metric of the plugin.
    pub fn metric(&self, name: &str) -> Option<f64> {
        match self.namespace {
            Some(namespace) => namespace.enter(|| crate::metric(self.metrics, name)),
            None => crate::metric(self.metrics, name),
        }
    }
}

fn command(namespace: Option<&Namespace>, arguments: &[String]) -> Command {
    let program = binary("portolan-userspace");
    let mut command = namespace.map_or_else(|| Command::new(&program), |n| n.command(&program));
    command.args(arguments);
    command
}
