//! Importing Services in batches, by several clients at once.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context;
use portolan_proto::v1::service_api_client::ServiceApiClient;
use portolan_proto::v1::service_port::Target;
use portolan_proto::v1::{
    BatchCreateServicesRequest, CreateServiceRequest, Service, ServicePort, ServiceSpec,
};
use tokio::task::JoinSet;

use crate::serve::ControlPlane;

/// The most that one request takes.
pub(crate) const BATCH: usize = 1_000;
/// Connections, each with one request after the other.
pub(crate) const CLIENTS: usize = 4;
pub(crate) const NAMESPACE: &str = "clusters/default/namespaces/default";

/// Creates Services with selectors by number, all of them; gives how long that took.
pub(crate) async fn import(
    server: &ControlPlane,
    numbers: Range<usize>,
) -> anyhow::Result<Duration> {
    import_of(server, numbers, service).await
}

/// The same with Services of another kind.
pub(crate) async fn import_of(
    server: &ControlPlane,
    numbers: Range<usize>,
    service: fn(&str) -> Service,
) -> anyhow::Result<Duration> {
    let starts = numbers.clone().step_by(BATCH);
    let batches = starts.map(|start| start..numbers.end.min(start + BATCH));
    let requests: Arc<Vec<_>> = Arc::new(batches.map(|batch| request(batch, service)).collect());
    let next = Arc::new(AtomicUsize::new(0));
    let mut clients = Vec::new();
    for _ in 0..CLIENTS {
        clients.push(ServiceApiClient::new(server.connect().await?));
    }
    let (mut tasks, began) = (JoinSet::new(), Instant::now());
    for mut api in clients {
        let (requests, next) = (requests.clone(), next.clone());
        tasks.spawn(async move {
            while let Some(request) = requests.get(next.fetch_add(1, Ordering::Relaxed)) {
                api.batch_create_services(request.clone()).await?;
            }
            Ok::<_, tonic::Status>(())
        });
    }
    while let Some(done) = tasks.join_next().await {
        done?.context("importing Services")?;
    }
    Ok(began.elapsed())
}

/// What a Service is called.
pub(crate) fn id(number: usize) -> String {
    format!("service-{number}")
}

/// A ClusterIP Service with a selector and one port.
pub(crate) fn service(id: &str) -> Service {
    let spec = ServiceSpec {
        selector: [("app".to_owned(), id.to_owned())].into(),
        ports: vec![ServicePort {
            port: 80,
            target: Some(Target::TargetPort(8080)),
            ..ServicePort::default()
        }],
        ..ServiceSpec::default()
    };
    Service {
        spec: Some(spec),
        ..Service::default()
    }
}

fn request(numbers: Range<usize>, service: fn(&str) -> Service) -> BatchCreateServicesRequest {
    let entry = |number| {
        let id = id(number);
        CreateServiceRequest {
            service: Some(service(&id)),
            service_id: id,
            ..CreateServiceRequest::default()
        }
    };
    BatchCreateServicesRequest {
        parent: NAMESPACE.to_owned(),
        requests: numbers.map(entry).collect(),
        ..BatchCreateServicesRequest::default()
    }
}
