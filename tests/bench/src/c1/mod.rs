//! C1: from a commit to the last of N nodes, and what an idle stream weighs.
//!
//! ```text
//! UpdateService --> portolan serve (SQLite) --frames--> N × node: receipt, Ack at once
//! trigger       --> floor: a bare TCP fan-out --bytes--> N × socket: receipt, as many bytes back
//! ```
//! Commits come one at a time, further apart than the server gathers changes: every one meets an idle server.

mod floor;
mod gather;
pub(crate) mod nodes;

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, ensure};
use portolan_proto::v1::service_api_client::ServiceApiClient;
use portolan_proto::v1::{
    CreateServiceRequest, Service, ServicePort, ServiceSpec, UpdateServiceRequest,
};
use tokio::task::JoinSet;
use tonic::transport::Channel;

use crate::machine::{Facts, cpu_ms, resident_kib};
use crate::report::{Cell, Target};
use crate::round::{Party, Round, Rounds, turns};
use crate::serve::{ControlPlane, Store};
use crate::stats::percentile;
pub(crate) use floor::{COMMAND as FLOOR_COMMAND, Floor, serve as serve_floor};
use gather::{Gather, now_us};

/// Nodes of each cell.
pub(crate) const NODES: [usize; 2] = [100, 1000];
/// KiB of server memory that an idle stream may take.
const STREAM_KIB: f64 = 32.0;
/// How long the last node is waited for.
const DEADLINE: Duration = Duration::from_secs(20);
const NAME: &str = "clusters/default/namespaces/default/services/web";

/// What is done.
#[derive(Clone, Copy)]
pub(crate) struct Plan {
    pub(crate) rounds: usize,
    /// Per round.
    pub(crate) commits: usize,
    /// From the last node's receipt to the next commit.
    pub(crate) pause: Duration,
}

/// Measures every cell.
pub(crate) async fn run(
    plan: Plan,
    nodes: &[usize],
    facts: &mut Facts,
) -> anyhow::Result<Vec<Cell>> {
    facts.insert("commits_per_round".to_owned(), plan.commits.to_string());
    facts.insert("pause_ms".to_owned(), plan.pause.as_millis().to_string());
    let mut cells = Vec::new();
    for &nodes in nodes {
        let cell = measure(nodes, plan).await;
        cells.push(cell.with_context(|| format!("{nodes} nodes"))?);
    }
    Ok(cells)
}

/// Everything that one cell needs, and what it saw in all rounds.
struct Fleet {
    nodes: usize,
    // Dropped in this order: streams have to end before their server.
    _streams: JoinSet<()>,
    server: ControlPlane,
    writer: Writer,
    gather: Arc<Gather>,
    floor: Floor,
    plan: Plan,
    stream_kib: f64,
    waits: Waits,
    floor_waits: Vec<f64>,
    /// Processor time of server and nodes while commits were made, in milliseconds.
    server_ms: u64,
    nodes_ms: u64,
}

/// Milliseconds until the last node had a commit.
#[derive(Default)]
struct Waits {
    /// From the time that the log carries, which is read under the lock, before the disk.
    from_commit: Vec<f64>,
    /// From just before the request was sent.
    from_request: Vec<f64>,
    /// From the answer to the request, which waits for the disk but not for nodes; below 0 if they were faster.
    from_answer: Vec<f64>,
    /// How long the answer took.
    answer: Vec<f64>,
}

/// The 99th percentile to reach, in milliseconds.
fn target(nodes: usize) -> f64 {
    if nodes <= 100 { 15.0 } else { 40.0 }
}

async fn measure(nodes: usize, plan: Plan) -> anyhow::Result<Cell> {
    let mut fleet = Fleet::start(nodes, plan).await?;
    let mut measured = Rounds::default();
    for round in 0..plan.rounds {
        let mut result = Round::default();
        for party in turns(round) {
            match party {
                Party::Ours => result.ours = fleet.commit().await?,
                Party::Floor => result.floor = fleet.fan_out().await?,
                Party::Peer => {}
            }
        }
        eprintln!("round {round}, {nodes} nodes: {result:.2?}");
        measured.0.push(result);
    }
    Ok(fleet.cell(measured))
}

impl Fleet {
    async fn start(nodes: usize, plan: Plan) -> anyhow::Result<Self> {
        let server = ControlPlane::start(&Store::Sqlite).await?;
        nodes::register(&server, nodes).await?;
        let mut writer = Writer::start(&server).await?;
        let gather = Arc::new(Gather::new(nodes));
        let resident = || resident_kib(server.pid()).context("the server's memory");
        let before = resident()?;
        let streams = nodes::connect(&server, nodes, &gather).await?;
        let stream_kib = ratio(resident()?.saturating_sub(before), nodes);
        // The first commit tells how long a message is.
        writer.write(&gather, &mut Waits::default()).await?;
        Ok(Self {
            nodes,
            plan,
            writer,
            floor: Floor::start(nodes, gather.size()).await?,
            gather,
            server,
            _streams: streams,
            stream_kib,
            waits: Waits::default(),
            floor_waits: Vec::new(),
            server_ms: 0,
            nodes_ms: 0,
        })
    }

    /// So many commits; the median, in milliseconds.
    async fn commit(&mut self) -> anyhow::Result<f64> {
        let first = self.waits.from_commit.len();
        let busy = || {
            (
                cpu_ms(self.server.pid()).unwrap_or_default(),
                cpu_ms(std::process::id()).unwrap_or_default(),
            )
        };
        let (server, nodes) = busy();
        for _ in 0..self.plan.commits {
            self.writer.write(&self.gather, &mut self.waits).await?;
            tokio::time::sleep(self.plan.pause).await;
        }
        let (server_after, nodes_after) = busy();
        self.server_ms += server_after - server;
        self.nodes_ms += nodes_after - nodes;
        Ok(percentile(&self.waits.from_commit[first..], 50))
    }

    /// As many fan-outs of the floor.
    async fn fan_out(&mut self) -> anyhow::Result<f64> {
        let first = self.floor_waits.len();
        for _ in 0..self.plan.commits {
            self.floor_waits.push(self.floor.fan_out().await?);
            tokio::time::sleep(self.plan.pause).await;
        }
        Ok(percentile(&self.floor_waits[first..], 50))
    }

    fn cell(self, rounds: Rounds) -> Cell {
        let target = target(self.nodes);
        let Waits {
            from_commit,
            from_request,
            from_answer,
            answer,
        } = &self.waits;
        let p99 = percentile(from_commit, 99);
        let deliveries = from_commit.len() * self.nodes;
        let details = [
            ("p99", p99),
            ("max", percentile(from_commit, 100)),
            ("p99 of the floor", percentile(&self.floor_waits, 99)),
            ("p50 from the request", percentile(from_request, 50)),
            ("p99 from the request", percentile(from_request, 99)),
            ("p50 of the answer", percentile(answer, 50)),
            ("p99 of the answer", percentile(answer, 99)),
            ("p50 from the answer", percentile(from_answer, 50)),
            ("p99 from the answer", percentile(from_answer, 99)),
            (
                "server CPU µs a delivery",
                ratio(self.server_ms * 1000, deliveries),
            ),
            (
                "nodes' CPU µs a delivery",
                ratio(self.nodes_ms * 1000, deliveries),
            ),
            ("KiB an idle stream", self.stream_kib),
        ];
        Cell {
            name: format!("{} nodes", self.nodes),
            unit: "ms, p50, commit → last node",
            verdict: rounds.verdict(),
            details: details.map(|(name, value)| (name.to_owned(), value)).into(),
            targets: vec![
                Target {
                    text: format!("p99 ≤ {target:.0} ms"),
                    reached: p99 <= target,
                },
                Target {
                    text: format!("≤ {STREAM_KIB:.0} KiB a stream"),
                    reached: self.stream_kib <= STREAM_KIB,
                },
            ],
        }
    }
}

/// Changes one Service, so that every node is told.
struct Writer {
    api: ServiceApiClient<Channel>,
    port: i32,
    /// Of the newest commit: nobody else commits.
    revision: u64,
}

impl Writer {
    async fn start(server: &ControlPlane) -> anyhow::Result<Self> {
        let mut api = ServiceApiClient::new(server.connect().await?);
        let request = CreateServiceRequest {
            parent: "clusters/default/namespaces/default".to_owned(),
            service: Some(service(80)),
            service_id: "web".to_owned(),
            ..CreateServiceRequest::default()
        };
        let revision = api.create_service(request).await?.into_inner().revision;
        Ok(Self {
            api,
            port: 80,
            revision,
        })
    }

    /// One commit, until the last node has it.
    async fn write(&mut self, gather: &Gather, waits: &mut Waits) -> anyhow::Result<()> {
        self.port = if self.port == 80 { 81 } else { 80 };
        self.revision += 1;
        gather.expect(self.revision);
        let request = UpdateServiceRequest {
            service: Some(Service {
                name: NAME.to_owned(),
                ..service(self.port)
            }),
            update_mask: Some(prost_types::FieldMask {
                paths: vec!["spec.ports".to_owned()],
            }),
            ..UpdateServiceRequest::default()
        };
        let sent = now_us();
        let service = self.api.update_service(request).await?.into_inner();
        ensure!(
            service.revision == self.revision,
            "revision {} is not the next one",
            service.revision
        );
        let answered = now_us();
        let arrived = tokio::time::timeout(DEADLINE, gather.complete()).await;
        let (committed, last) =
            arrived.with_context(|| format!("{} nodes have it", gather.arrived()))?;
        waits.from_commit.push(ms(last - committed));
        waits.from_request.push(ms(last - sent));
        waits.from_answer.push(ms(last - answered));
        waits.answer.push(ms(answered - sent));
        Ok(())
    }
}

fn service(port: i32) -> Service {
    let spec = ServiceSpec {
        ports: vec![ServicePort {
            port,
            ..ServicePort::default()
        }],
        ..ServiceSpec::default()
    };
    Service {
        spec: Some(spec),
        ..Service::default()
    }
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
fn ratio(sum: u64, count: usize) -> f64 {
    sum as f64 / count as f64
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
fn ms(us: i64) -> f64 {
    us as f64 / 1e3
}
