//! C1: from a commit to the last of N nodes, and what an idle stream weighs.
//!
//! ```text
//! UpdateService --> portolan serve (SQLite) --frames--> N × node: receipt, Ack at once
//! trigger       --> floor: a bare TCP fan-out --bytes--> N × socket: receipt, as many bytes back
//! ```
//! Commits come one at a time, further apart than the server gathers changes: every one meets an idle server.

mod floor;
mod gather;
mod nodes;

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, ensure};
use portolan_proto::v1::service_api_client::ServiceApiClient;
use portolan_proto::v1::{
    CreateServiceRequest, Service, ServicePort, ServiceSpec, UpdateServiceRequest,
};
use tonic::transport::Channel;

use crate::machine::{Facts, cpu_ms, resident_kib};
use crate::report::{Cell, Target};
use crate::round::{Party, Round, Rounds, turns};
use crate::serve::{ControlPlane, Store};
use crate::stats::percentile;
use floor::Floor;
pub(crate) use floor::{COMMAND as FLOOR_COMMAND, serve as serve_floor};
use gather::{Gather, now_us};

/// Nodes, and the 99th percentile to reach in milliseconds.
const CELLS: [(usize, f64); 2] = [(100, 15.0), (1000, 40.0)];
/// KiB of server memory that an idle stream may take.
const STREAM_KIB: f64 = 32.0;
/// Between two commits: longer than the server gathers changes after a frame to 1,000 nodes (twice 10 µs a stream).
const PACE: Duration = Duration::from_millis(50);
/// How long the last node is waited for.
const DEADLINE: Duration = Duration::from_secs(20);
const NAME: &str = "clusters/default/namespaces/default/services/web";

/// Measures every cell.
pub(crate) async fn run(
    rounds: usize,
    commits: usize,
    facts: &mut Facts,
) -> anyhow::Result<Vec<Cell>> {
    facts.insert("commits_per_round".to_owned(), commits.to_string());
    facts.insert("pace_ms".to_owned(), PACE.as_millis().to_string());
    let mut cells = Vec::new();
    for (nodes, target) in CELLS {
        let cell = measure(nodes, target, rounds, commits).await;
        cells.extend(cell.with_context(|| format!("{nodes} nodes"))?);
    }
    Ok(cells)
}

/// Milliseconds of every commit of one cell, all rounds together.
#[derive(Default)]
struct Waits {
    /// Until the last node has it, from the time that the log carries (read under the lock, before the disk).
    from_commit: Vec<f64>,
    /// The same from just before the request was sent.
    from_request: Vec<f64>,
}

async fn measure(
    nodes: usize,
    target: f64,
    rounds: usize,
    commits: usize,
) -> anyhow::Result<Vec<Cell>> {
    let server = ControlPlane::start(&Store::Sqlite).await?;
    let mut writer = Writer::start(&server).await?;
    nodes::register(&server, nodes).await?;
    let idle = resident_kib(server.pid()).context("the server's memory")?;
    let gather = Arc::new(Gather::new(nodes));
    let _streams = nodes::connect(&server, nodes, &gather).await?;
    let loaded = resident_kib(server.pid()).context("the server's memory")?;
    #[expect(clippy::cast_precision_loss, reason = "small numbers")]
    let kib = (loaded as f64 - idle as f64) / nodes as f64;

    let mut waits = Waits::default();
    writer.write(&gather, &mut Waits::default()).await?;
    let mut floor = Floor::start(nodes, gather.size()).await?;
    let mut measured = Rounds::default();
    let mut cpu = 0;
    for round in 0..rounds {
        let mut result = Round::default();
        for party in turns(round) {
            match party {
                Party::Ours => {
                    let before = cpu_ms(server.pid()).unwrap_or_default();
                    let first = waits.from_commit.len();
                    for _ in 0..commits {
                        writer.write(&gather, &mut waits).await?;
                        tokio::time::sleep(PACE).await;
                    }
                    result.ours = percentile(&waits.from_commit[first..], 50);
                    cpu += cpu_ms(server.pid()).unwrap_or_default() - before;
                }
                Party::Floor => result.floor = floor.round(commits, PACE).await?,
                Party::Peer => {}
            }
        }
        eprintln!("round {round}, {nodes} nodes: {result:.2?}");
        measured.0.push(result);
    }
    #[expect(clippy::cast_precision_loss, reason = "small numbers")]
    let cpu = cpu as f64 * 1e3 / (rounds * commits * nodes) as f64;
    Ok(vec![cell(nodes, target, measured, &waits, cpu, kib)])
}

fn cell(nodes: usize, target: f64, rounds: Rounds, waits: &Waits, cpu: f64, kib: f64) -> Cell {
    let p99 = percentile(&waits.from_commit, 99);
    Cell {
        name: format!("{nodes} nodes"),
        unit: "ms, p50, commit → last node",
        verdict: rounds.verdict(),
        details: vec![
            ("p99".to_owned(), p99),
            ("max".to_owned(), percentile(&waits.from_commit, 100)),
            (
                "from the request: p50".to_owned(),
                percentile(&waits.from_request, 50),
            ),
            ("p99".to_owned(), percentile(&waits.from_request, 99)),
            ("server CPU µs a delivery".to_owned(), cpu),
            ("KiB an idle stream".to_owned(), kib),
        ],
        targets: vec![
            Target {
                text: format!("p99 ≤ {target:.0} ms"),
                reached: p99 <= target,
            },
            Target {
                text: format!("≤ {STREAM_KIB:.0} KiB a stream"),
                reached: kib <= STREAM_KIB,
            },
        ],
    }
}

/// Changes one Service, so that every node is told.
struct Writer {
    api: ServiceApiClient<Channel>,
    port: i32,
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
        api.create_service(request).await?;
        Ok(Self { api, port: 80 })
    }

    /// One commit, until the last node has it.
    async fn write(&mut self, gather: &Gather, waits: &mut Waits) -> anyhow::Result<()> {
        self.port = if self.port == 80 { 81 } else { 80 };
        gather.expect_next();
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
        self.api.update_service(request).await?;
        let arrived = tokio::time::timeout(DEADLINE, gather.complete()).await;
        let (committed, last) =
            arrived.with_context(|| format!("{} nodes have it", gather.arrived()))?;
        ensure!(committed >= sent, "one commit at a time");
        waits.from_commit.push(ms(last - committed));
        waits.from_request.push(ms(last - sent));
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
fn ms(us: i64) -> f64 {
    us as f64 / 1e3
}
