//! P4: the agent is killed and starts again under live traffic: how long until it has taken over what it finds, what it
//! writes, and whom that disturbs.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use portolan_dataplane::Views;
use portolan_model::Name;
use portolan_subscriber::testing::Connection;
use portolan_subscriber::{Config, Description, Subscriber};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::cli::Restarting;
use super::node::{Agent, Node};
use super::objects::{NODE, Objects, PORT, TARGET, change, welcome};
use super::wires::{Ends, backends};
use super::{LARGE, at_most, bare, named};
use crate::machine::Facts;
use crate::report::Cell;
use crate::round::{Party, Round, Rounds, turns};
use portolan_proto::node::v1::welcome::Mode;

/// The way of the connections.
const WAY: u8 = 1;
/// Connections that live through every restart.
const CONNECTIONS: usize = 200;
/// How long one of them may take to answer.
const DEADLINE: Duration = Duration::from_secs(10);

/// A node that carries Services and connections.
struct Restarts {
    node: Node,
    ends: Ends,
    /// With its stream, which it would open again otherwise.
    agent: Option<(Agent, Connection)>,
    connections: Option<Vec<TcpStream>>,
    revision: u64,
    writes: u32,
    lost: usize,
}

/// Measures the only cell.
pub(super) fn run(plan: &Restarting, facts: &mut Facts) -> anyhow::Result<Vec<Cell>> {
    facts.insert("connections".to_owned(), CONNECTIONS.to_string());
    let objects = Objects {
        block: WAY,
        services: LARGE,
        real: backends(WAY),
    };
    let mut restarts = Restarts::new(objects)?;
    let mut measured = Rounds::default();
    for number in 0..plan.rounds {
        let mut round = Round::default();
        for party in turns(number) {
            match party {
                Party::Ours => round.ours = restarts.restart(objects)?,
                Party::Floor => round.floor = restarts.remember()?,
                Party::Peer => round.peer = Some(bare::list(&restarts.node.machine)?),
            }
        }
        eprintln!("round {number}: {round:.1?}");
        measured.0.push(round);
    }
    let verdict = measured.verdict();
    let (writes, lost) = (f64::from(restarts.writes), restarts.lost);
    let lost = f64::from(u32::try_from(lost)?);
    let targets = vec![
        at_most("adopted", verdict.ours.median, 1_000.0, "ms"),
        at_most("kernel writes", writes, 0.0, ""),
        at_most("connections lost", lost, 0.0, ""),
    ];
    Ok(vec![Cell {
        name: format!("{LARGE} Services"),
        unit: "ms, start → adopted",
        verdict,
        details: named([("kernel writes", writes), ("connections lost", lost)]),
        targets,
    }])
}

impl Restarts {
    fn new(objects: Objects) -> anyhow::Result<Self> {
        let mut node = Node::new()?;
        let ends = Ends::new();
        ends.join(WAY, &node.machine);
        ends.backend.run(serve())?;
        let agent = node.start_with(objects)?;
        let to = SocketAddr::from((objects.address(0), PORT));
        let connections = ends.client.run(connect(to))?;
        Ok(Self {
            node,
            ends,
            agent: Some(agent),
            connections: Some(connections),
            revision: 1,
            writes: 0,
            lost: 0,
        })
    }

    /// Milliseconds from the process's start until it calls the server, which it does when what it remembers is programmed.
    fn restart(&mut self, objects: Objects) -> anyhow::Result<f64> {
        let (agent, _stream) = self.agent.take().context("it runs")?;
        agent.kill(&self.node.machine)?;
        let before = self.node.generation()?;
        let began = Instant::now();
        let (agent, connection) = self.node.start()?;
        let took = began.elapsed().as_secs_f64() * 1e3;
        self.writes += self.node.generation()? - before;
        let resume = connection.hello.resume.as_ref();
        let held = resume.map_or(0, |resume| resume.revision);
        ensure!(
            held == self.revision,
            "it remembers revision {held}, not {}",
            self.revision
        );
        // It goes on from there: one more change, so that no restart finds what the one before found.
        self.revision += 1;
        let version = u32::try_from(self.revision)?;
        let moved = objects.endpoint(1 + version % 1000, 1, version);
        let frames = vec![
            welcome(Mode::Resume, self.revision),
            change(self.revision, vec![moved]),
        ];
        let (connection, ack) = self.node.tell(connection, frames, self.revision);
        ensure!(ack.rejected.is_empty(), "rejected: {:?}", ack.rejected);
        self.agent = Some((agent, connection));
        let connections = self.connections.take().context("they live")?;
        let open = connections.len();
        let left = self.ends.client.run(ask_all(connections));
        self.lost += open - left.len();
        self.connections = Some(left);
        Ok(took)
    }

    /// The floor: milliseconds to read the same file and to work out what should be programmed.
    fn remember(&self) -> anyhow::Result<f64> {
        let copy = tempfile::tempdir()?;
        for entry in std::fs::read_dir(self.node.state.path())? {
            let entry = entry?;
            std::fs::copy(entry.path(), copy.path().join(entry.file_name()))?;
        }
        let state_dir = copy.path().to_owned();
        self.node.machine.run(async move {
            let began = Instant::now();
            let (subscriber, mut updates) = Subscriber::start(Config {
                server: "http://127.0.0.1:1".to_owned(),
                cluster: "default".to_owned(),
                node: NODE.to_owned(),
                description: Description::default(),
                agent_version: String::new(),
                state_dir,
                accept_store: false,
            })
            .await?;
            let update = updates.recv().await.context("nothing is remembered")?;
            let mut views = Views::default();
            views.apply(update.upserts, update.removed);
            let desired = views.desired_all(&Name::trusted(NODE));
            let took = began.elapsed();
            ensure!(
                desired.len() == LARGE as usize,
                "{} are remembered",
                desired.len()
            );
            drop(subscriber);
            Ok(took.as_secs_f64() * 1e3)
        })
    }
}

/// Echoes on every connection to the backend.
async fn serve() -> std::io::Result<()> {
    let listener = TcpListener::bind(("0.0.0.0", TARGET)).await?;
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let (mut read, mut write) = stream.split();
                tokio::io::copy(&mut read, &mut write).await
            });
        }
    });
    Ok(())
}

async fn connect(to: SocketAddr) -> anyhow::Result<Vec<TcpStream>> {
    let mut connections = Vec::with_capacity(CONNECTIONS);
    for _ in 0..CONNECTIONS {
        connections.push(TcpStream::connect(to).await?);
    }
    let left = ask_all(connections).await;
    ensure!(
        left.len() == CONNECTIONS,
        "only {} connections answer",
        left.len()
    );
    Ok(left)
}

/// Those that answer.
async fn ask_all(connections: Vec<TcpStream>) -> Vec<TcpStream> {
    let mut left = Vec::with_capacity(connections.len());
    for mut stream in connections {
        let asked = async {
            stream.write_all(b"?").await?;
            stream.read_u8().await
        };
        if matches!(tokio::time::timeout(DEADLINE, asked).await, Ok(Ok(b'?'))) {
            left.push(stream);
        }
    }
    left
}
