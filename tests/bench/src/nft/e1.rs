//! E1: from a write to the API to the first packet that the new backend serves.
//!
//! ```text
//!  ReplaceEndpoints --> portolan serve (SQLite, 10,000 Services) --stream--> portolan-nftables --> kernel of the node
//!  client: a connection every fraction of a millisecond -------- node --------> backend that says who it is
//! ```

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use anyhow::Context;
use portolan_lab::Namespace;
use portolan_proto::v1::endpoint_api_client::EndpointApiClient;
use portolan_proto::v1::service_api_client::ServiceApiClient;
use portolan_proto::v1::{
    CreateServiceRequest, Endpoint, EndpointPort, EndpointSpec, ReplaceEndpointsRequest, Service,
    ServicePort, ServiceSpec,
};
use tempfile::TempDir;
use tonic::transport::Channel;

use super::cli::Writing;
use super::node::Agent;
use super::objects::{PORT, TARGET};
use super::switch::Bare;
use super::watch::{Watch, serve};
use super::wires::{Ends, backends, forget_closed};
use super::{at_most, named};
use crate::import::{NAMESPACE, import};
use crate::machine::Facts;
use crate::report::Cell;
use crate::round::{Party, Round, Rounds, turns};
use crate::serve::{ControlPlane, Store};
use crate::stats::percentile;

/// Services besides the one that changes.
const SERVICES: usize = 10_000;
/// Between two writes.
pub(super) const PAUSE: Duration = Duration::from_millis(50);
/// The way by the dataplane.
const OURS: u8 = 1;
/// Within the range that the control plane allocates from, and that the client routes to the node.
const ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 16, 0, 80);
const SERVICE_CIDR: &str = "10.16.0.0/12";

/// Measures the only cell.
pub(super) fn run(plan: &Writing, facts: &mut Facts) -> anyhow::Result<Vec<Cell>> {
    facts.insert("services".to_owned(), SERVICES.to_string());
    facts.insert("writes_a_round".to_owned(), plan.writes.to_string());
    let ends = Ends::new();
    ends.backend.run(async { serve() })?;
    let mut real = Real::start(&ends)?;
    let mut bare = Bare::new(&ends)?;
    let (mut rounds, mut answers) = (Rounds::default(), Vec::new());
    let (mut ours, mut floor) = (Vec::new(), Vec::new());
    for number in 0..plan.rounds {
        let mut round = Round::default();
        for party in turns(number) {
            match party {
                Party::Ours => {
                    let waits = real.round(&ends, plan.writes, &mut answers)?;
                    round.ours = percentile(&waits, 50);
                    ours.extend(waits);
                }
                Party::Floor => {
                    let waits = bare.round(&ends, plan.writes)?;
                    round.floor = percentile(&waits, 50);
                    floor.extend(waits);
                }
                Party::Peer => {}
            }
        }
        eprintln!("round {number}: {round:.2?}");
        rounds.0.push(round);
    }
    let p99 = percentile(&ours, 99);
    Ok(vec![Cell {
        name: format!("{SERVICES} Services"),
        unit: "ms, p50, write → first packet",
        verdict: rounds.verdict(),
        details: named([
            ("p99", p99),
            ("max", percentile(&ours, 100)),
            ("p99 of the floor", percentile(&floor, 99)),
            ("p50 of the answer to the write", percentile(&answers, 50)),
            ("p99 of the answer to the write", percentile(&answers, 99)),
        ]),
        targets: vec![at_most("p99", p99, 10.0, "ms")],
    }])
}

/// The control plane and the agent, on one node.
struct Real {
    // Dropped in this order.
    _agent: Agent,
    api: Option<EndpointApiClient<Channel>>,
    _server: ControlPlane,
    machine: Namespace,
    _state: TempDir,
}

impl Real {
    fn start(ends: &Ends) -> anyhow::Result<Self> {
        let machine = Namespace::new("node");
        ends.join(OURS, &machine);
        machine.sysctl("ipv4/ip_local_port_range", "20000 60999");
        let (server, api) = machine.run(async {
            let server = ControlPlane::start_with(&Store::Sqlite, SERVICE_CIDR).await?;
            let channel = server.connect().await?;
            // First of all: the others are given any addresses that are free.
            create(channel.clone()).await?;
            import(&server, 0..SERVICES).await?;
            Ok::<_, anyhow::Error>((server, EndpointApiClient::new(channel)))
        })?;
        let state = tempfile::tempdir()?;
        let agent = Agent::start(&machine, server.api(), &state)?;
        let mut real = Self {
            _agent: agent,
            api: Some(api),
            _server: server,
            machine,
            _state: state,
        };
        // Until everything is programmed.
        let watch = Watch::start(ends, SocketAddr::from((ADDRESS, PORT)));
        real.write(backends(OURS)[0])?;
        watch.wait(backends(OURS)[0])?;
        watch.finish();
        forget_closed(&real.machine);
        Ok(real)
    }

    /// Milliseconds of each write until the new backend serves.
    fn round(
        &mut self,
        ends: &Ends,
        writes: usize,
        answers: &mut Vec<f64>,
    ) -> anyhow::Result<Vec<f64>> {
        let watch = Watch::start(ends, SocketAddr::from((ADDRESS, PORT)));
        let mut waits = Vec::with_capacity(writes);
        let mut next = other(watch.first()?, OURS);
        for _ in 0..writes {
            std::thread::sleep(PAUSE);
            let began = Instant::now();
            answers.push(self.write(next)?);
            waits.push(ms(watch.wait(next)? - began));
            next = other(next, OURS);
        }
        watch.finish();
        Ok(waits)
    }

    /// Milliseconds until the write is answered.
    fn write(&mut self, to: Ipv4Addr) -> anyhow::Result<f64> {
        let mut api = self.api.take().context("one write at a time")?;
        let (api, took) = self.machine.run(async move {
            let began = Instant::now();
            let answered = api.replace_endpoints(endpoints(to)).await;
            let took = began.elapsed();
            (api, answered.map(|_| ms(took)))
        });
        self.api = Some(api);
        Ok(took?)
    }
}

async fn create(channel: Channel) -> anyhow::Result<()> {
    let spec = ServiceSpec {
        cluster_ips: vec![ADDRESS.to_string()],
        ports: vec![ServicePort {
            port: i32::from(PORT),
            ..ServicePort::default()
        }],
        ..ServiceSpec::default()
    };
    let request = CreateServiceRequest {
        parent: NAMESPACE.to_owned(),
        service: Some(Service {
            spec: Some(spec),
            ..Service::default()
        }),
        service_id: "watched".to_owned(),
        ..CreateServiceRequest::default()
    };
    ServiceApiClient::new(channel)
        .create_service(request)
        .await?;
    Ok(())
}

fn endpoints(to: Ipv4Addr) -> ReplaceEndpointsRequest {
    let spec = EndpointSpec {
        address: to.to_string(),
        ports: vec![EndpointPort {
            port: i32::from(TARGET),
            ..EndpointPort::default()
        }],
        ..EndpointSpec::default()
    };
    ReplaceEndpointsRequest {
        service: format!("{NAMESPACE}/services/watched"),
        source: "bench".to_owned(),
        endpoints: vec![Endpoint {
            spec: Some(spec),
            ..Endpoint::default()
        }],
        ..ReplaceEndpointsRequest::default()
    }
}

/// The other backend of a way.
pub(super) fn other(backend: Ipv4Addr, way: u8) -> Ipv4Addr {
    let [first, second] = backends(way);
    if backend == first { second } else { first }
}

/// Milliseconds.
pub(super) fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}
