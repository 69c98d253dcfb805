//! A node under test: the real `portolan-nftables` in a network namespace of its own, told by a server that says what a
//! benchmark wants it to.

use std::net::{IpAddr, SocketAddr};
use std::process::Stdio;

use anyhow::{Context, ensure};
use portolan_lab::Namespace;
use portolan_netlink::Socket;
use portolan_netlink::nftables::generation;
use portolan_proto::node::v1 as wire;
use portolan_subscriber::testing::{Connection, FakeServer};
use tempfile::TempDir;
use tokio::process::{Child, Command};
use wire::sync_response::Message as Frame;

use super::objects::{NODE, Objects};

const PROGRAM: &str = "portolan-nftables";
/// Where the control plane listens within the node's namespace.
const SERVER: SocketAddr = SocketAddr::new(IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 7420);

/// The plugin's process; ends when dropped.
pub(super) struct Agent {
    child: Child,
    pid: u32,
}

impl Agent {
    /// Starts it in a namespace, with what it remembers in a folder.
    pub(super) fn start(
        machine: &Namespace,
        server: SocketAddr,
        state: &TempDir,
    ) -> anyhow::Result<Self> {
        let program = std::env::current_exe()?.with_file_name(PROGRAM);
        ensure!(
            program.exists(),
            "{} is missing: `cargo build --release -p {PROGRAM}` comes first",
            program.display()
        );
        let state = state.path().to_owned();
        let child = machine.run(async move {
            let log = std::fs::File::create(state.join("log"))?;
            Command::new(program)
                .args(["--server", &format!("http://{server}"), "--node", NODE])
                .args(["--address", "192.0.2.1"])
                .arg("--state-dir")
                .arg(state)
                .env("RUST_LOG", "warn")
                .stdin(Stdio::null())
                .stdout(log.try_clone()?)
                .stderr(log)
                .kill_on_drop(true)
                .spawn()
        })?;
        let pid = child.id().context("it runs")?;
        Ok(Self { child, pid })
    }

    pub(super) fn pid(&self) -> u32 {
        self.pid
    }

    /// Ends it as a crash does, and waits until it is gone.
    pub(super) fn kill(mut self, machine: &Namespace) -> anyhow::Result<()> {
        machine.run(async move { self.child.kill().await })?;
        Ok(())
    }
}

/// A node with its server; without an agent at first.
pub(super) struct Node {
    pub(super) machine: Namespace,
    pub(super) state: TempDir,
    server: Option<FakeServer>,
}

impl Node {
    pub(super) fn new() -> anyhow::Result<Self> {
        let machine = Namespace::new(NODE);
        let server = machine.run(FakeServer::start_at(SERVER));
        Ok(Self {
            machine,
            state: tempfile::tempdir()?,
            server: Some(server),
        })
    }

    /// Starts the agent, and waits for its stream.
    pub(super) fn start(&mut self) -> anyhow::Result<(Agent, Connection)> {
        let agent = Agent::start(&self.machine, SERVER, &self.state)?;
        let mut server = self.server.take().context("one start at a time")?;
        let (server, connection) = self.machine.run(async move {
            let connection = server.accept().await;
            (server, connection)
        });
        self.server = Some(server);
        Ok((agent, connection))
    }

    /// The same, up to everything programmed.
    pub(super) fn start_with(&mut self, objects: Objects) -> anyhow::Result<(Agent, Connection)> {
        let (agent, connection) = self.start()?;
        let (connection, ack) = self.tell(connection, objects.snapshot(1), 1);
        ensure!(ack.rejected.is_empty(), "rejected: {:?}", ack.rejected);
        Ok((agent, connection))
    }

    /// Sends frames, and waits for the Ack of a revision.
    pub(super) fn tell(
        &self,
        mut connection: Connection,
        frames: Vec<Frame>,
        revision: u64,
    ) -> (Connection, wire::Ack) {
        self.machine.run(async move {
            connection.send(frames).await;
            let ack = connection.ack_of(revision).await;
            (connection, ack)
        })
    }

    /// Transactions of this namespace so far.
    pub(super) fn generation(&self) -> anyhow::Result<u32> {
        self.machine.run(async {
            let mut socket = Socket::open()?;
            Ok(generation(&mut socket).await?)
        })
    }

    /// Checks that the first, a middle and the last Service are in the kernel.
    pub(super) fn assert_carries(&self, objects: Objects) {
        for number in [0, objects.services / 2, objects.services - 1] {
            let element = format!("{{ {} . tcp . 80 }}", objects.address(number));
            let words = [
                "nft",
                "get",
                "element",
                "ip",
                "portolan",
                "frontends",
                &element,
            ];
            self.machine.execute(&words, "");
        }
    }
}
