//! Somebody else, with a connection of its own, who wants little.

use std::time::{Duration, Instant};

use portolan_proto::v1::service_api_client::ServiceApiClient;
use portolan_proto::v1::{CreateServiceRequest, GetServiceRequest, Service};
use tonic::transport::Channel;

use crate::import::{NAMESPACE, id, service};
use crate::serve::ControlPlane;

/// Between two gets.
const PAUSE: Duration = Duration::from_millis(5);

pub(super) struct Somebody {
    api: ServiceApiClient<Channel>,
    created: usize,
}

impl Somebody {
    /// One who has connected, and created the Service that is read.
    pub(super) async fn come(server: &ControlPlane) -> anyhow::Result<Self> {
        let mut somebody = Self {
            api: ServiceApiClient::new(server.connect().await?),
            created: 0,
        };
        somebody.create().await?;
        Ok(somebody)
    }

    async fn create(&mut self) -> anyhow::Result<()> {
        let name = format!("small-{}", self.created);
        self.created += 1;
        let request = CreateServiceRequest {
            parent: NAMESPACE.to_owned(),
            service: Some(service(&name)),
            service_id: name,
            ..CreateServiceRequest::default()
        };
        self.api.create_service(request).await?;
        Ok(())
    }

    /// Creates some Services one after the other; milliseconds that it took.
    pub(super) async fn write(&mut self, count: usize) -> anyhow::Result<f64> {
        let began = Instant::now();
        for _ in 0..count {
            self.create().await?;
        }
        Ok(began.elapsed().as_secs_f64() * 1e3)
    }

    /// Gets a small Service over and over; milliseconds that each took.
    pub(super) async fn read(&mut self, until: impl Fn() -> bool) -> anyhow::Result<Vec<f64>> {
        let request = GetServiceRequest {
            name: format!("{NAMESPACE}/services/small-0"),
            ..GetServiceRequest::default()
        };
        let mut latencies = Vec::new();
        while latencies.is_empty() || !until() {
            let sent = Instant::now();
            self.api.get_service(request.clone()).await?;
            latencies.push(sent.elapsed().as_secs_f64() * 1e3);
            tokio::time::sleep(PAUSE).await;
        }
        Ok(latencies)
    }
}

/// A Service with the largest annotations that there may be, beside what else it is.
pub(super) fn large(name: &str) -> Service {
    let mut large = service(name);
    let rest = portolan_model::limits::OBJECT.value - 4096;
    large.annotations = [("example.com/large".to_owned(), "x".repeat(rest))].into();
    large
}

/// What it is called by number.
pub(super) fn large_id(number: usize) -> String {
    format!("large-{}", id(number))
}
