//! Ours: the real server, over gRPC.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context;
use portolan_proto::v1::service_api_client::ServiceApiClient;
use portolan_proto::v1::service_port::Target;
use portolan_proto::v1::{CreateServiceRequest, Service, ServicePort, ServiceSpec, ServiceType};
use tokio::task::JoinSet;
use tonic::transport::Channel;

use super::Workload;
use crate::serve::{ControlPlane, Store};
use crate::stats::percentile;

/// Below the 55,536 ports of the range, so that picking one stays what it is in a cluster that has room.
const NODE_PORTS: usize = 50_000;

/// What the clients of one cell saw.
pub(super) struct Created {
    pub(super) rate: f64,
    pub(super) p50_ms: f64,
    pub(super) p99_ms: f64,
}

/// Creates Services with so many clients, for so long or until there are enough.
pub(super) async fn create(
    store: &Store,
    workload: Workload,
    clients: usize,
    length: Duration,
) -> anyhow::Result<Created> {
    let server = ControlPlane::start(store).await?;
    let left = Arc::new(AtomicUsize::new(match workload {
        Workload::ClusterIp => usize::MAX,
        Workload::NodePort => NODE_PORTS,
    }));
    let mut ready = Vec::new();
    for number in 0..clients {
        let mut client = Client {
            api: ServiceApiClient::new(server.connect().await?),
            number,
            workload,
            left: left.clone(),
        };
        // The first use of a connection is no part of what is measured.
        client.create("first").await?;
        ready.push(client);
    }
    let mut tasks = JoinSet::new();
    let began = Instant::now();
    for client in ready {
        tasks.spawn(client.run(length));
    }
    let mut latencies = Vec::new();
    while let Some(done) = tasks.join_next().await {
        latencies.extend(done??);
    }
    let took = began.elapsed().as_secs_f64();
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    let rate = latencies.len() as f64 / took;
    Ok(Created {
        rate,
        p50_ms: percentile(&latencies, 50),
        p99_ms: percentile(&latencies, 99),
    })
}

struct Client {
    api: ServiceApiClient<Channel>,
    number: usize,
    workload: Workload,
    left: Arc<AtomicUsize>,
}

impl Client {
    /// One create after the other; gives how long each took, in milliseconds.
    async fn run(mut self, length: Duration) -> anyhow::Result<Vec<f64>> {
        let (began, mut latencies) = (Instant::now(), Vec::new());
        while began.elapsed() < length && self.take() {
            let sent = Instant::now();
            self.create(&latencies.len().to_string()).await?;
            latencies.push(sent.elapsed().as_secs_f64() * 1e3);
        }
        Ok(latencies)
    }

    fn take(&self) -> bool {
        self.left
            .try_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
                left.checked_sub(1)
            })
            .is_ok()
    }

    async fn create(&mut self, number: &str) -> anyhow::Result<()> {
        let id = format!("service-{}-{number}", self.number);
        let kind = match self.workload {
            Workload::ClusterIp => ServiceType::ClusterIp,
            Workload::NodePort => ServiceType::NodePort,
        };
        let spec = ServiceSpec {
            r#type: kind.into(),
            selector: [("app".to_owned(), id.clone())].into(),
            ports: vec![ServicePort {
                port: 80,
                target: Some(Target::TargetPort(8080)),
                ..ServicePort::default()
            }],
            ..ServiceSpec::default()
        };
        let request = CreateServiceRequest {
            parent: "clusters/default/namespaces/default".to_owned(),
            service: Some(Service {
                spec: Some(spec),
                ..Service::default()
            }),
            service_id: id,
            ..CreateServiceRequest::default()
        };
        self.api
            .create_service(request)
            .await
            .context("creating a Service")?;
        Ok(())
    }
}
