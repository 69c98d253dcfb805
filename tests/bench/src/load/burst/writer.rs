//! Who writes endpoints, as fast as the server takes them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use anyhow::Context;
use portolan_proto::v1::endpoint_api_client::EndpointApiClient;
use portolan_proto::v1::{
    Endpoint, EndpointPort, EndpointSpec, ReplaceEndpointsRequest, Service, ServicePort,
    ServiceSpec,
};
use tokio::task::JoinSet;
use tonic::transport::Channel;

use crate::import::{NAMESPACE, id};
use crate::serve::ControlPlane;

/// Endpoints of a Service.
pub(super) const EACH: usize = 10;
/// Requests at once: as many as are committed together.
const AT_ONCE: usize = 64;
const CONNECTIONS: usize = 4;

/// A ClusterIP Service without a selector.
pub(super) fn service(_id: &str) -> Service {
    let spec = ServiceSpec {
        ports: vec![ServicePort {
            port: 80,
            ..ServicePort::default()
        }],
        ..ServiceSpec::default()
    };
    Service {
        spec: Some(spec),
        ..Service::default()
    }
}

/// Replaces endpoints of Services that are there.
pub(super) struct Writer {
    connections: Vec<EndpointApiClient<Channel>>,
    services: usize,
}

impl Writer {
    pub(super) async fn start(server: &ControlPlane, services: usize) -> anyhow::Result<Self> {
        let mut connections = Vec::new();
        for _ in 0..CONNECTIONS {
            connections.push(EndpointApiClient::new(server.connect().await?));
        }
        Ok(Self {
            connections,
            services,
        })
    }

    /// Gives every Service its endpoints of a version, none of which is one of another version; the last revision.
    pub(super) async fn replace_all(&self, version: usize) -> anyhow::Result<u64> {
        self.write(self.services, move |number| {
            let addresses = (0..EACH).map(|which| address(number, which, version));
            request(number, addresses)
        })
        .await
    }

    /// Replaces one endpoint after the other, of one Service after the other; the last revision.
    pub(super) async fn churn(&self, count: usize) -> anyhow::Result<u64> {
        let services = self.services;
        self.write(count, move |index| {
            let (number, round) = (index % services, index / services);
            // One more of them in each round is of another version.
            let version = |which| 1 + (round + EACH - which) / EACH;
            let addresses = (0..EACH).map(|which| address(number, which, version(which)));
            request(number, addresses)
        })
        .await
    }

    /// So many requests; the highest revision.
    async fn write(
        &self,
        count: usize,
        request: impl Fn(usize) -> ReplaceEndpointsRequest + Clone + Send + 'static,
    ) -> anyhow::Result<u64> {
        let next = Arc::new(AtomicUsize::new(0));
        let mut tasks = JoinSet::new();
        for client in 0..AT_ONCE {
            let mut api = self.connections[client % CONNECTIONS].clone();
            let (next, request) = (next.clone(), request.clone());
            tasks.spawn(async move {
                let mut last = 0;
                loop {
                    let index = next.fetch_add(1, Relaxed);
                    if index >= count {
                        return Ok::<_, tonic::Status>(last);
                    }
                    let answer = api.replace_endpoints(request(index)).await?;
                    last = answer.into_inner().revision;
                }
            });
        }
        let mut last = 0;
        while let Some(done) = tasks.join_next().await {
            last = last.max(done?.context("replacing endpoints")?);
        }
        Ok(last)
    }
}

fn request(number: usize, addresses: impl Iterator<Item = String>) -> ReplaceEndpointsRequest {
    let endpoint = |address| Endpoint {
        spec: Some(EndpointSpec {
            address,
            ports: vec![EndpointPort {
                port: 8080,
                ..EndpointPort::default()
            }],
            ..EndpointSpec::default()
        }),
        ..Endpoint::default()
    };
    ReplaceEndpointsRequest {
        service: format!("{NAMESPACE}/services/{}", id(number)),
        source: "bench".to_owned(),
        endpoints: addresses.map(endpoint).collect(),
        ..ReplaceEndpointsRequest::default()
    }
}

/// An address of its own for each, in 11.0.0.0/8.
fn address(number: usize, which: usize, version: usize) -> String {
    let index = (version % 16) * 1_000_000 + number * EACH + which;
    format!("11.{}.{}.{}", index >> 16, (index >> 8) & 255, index & 255)
}
