//! Who changes what is watched: a few names again and again, so that they are deleted and created within one revision.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use portolan_proto::v1;
use portolan_proto::v1::endpoint_api_client::EndpointApiClient;
use portolan_proto::v1::service_api_client::ServiceApiClient;
use portolan_proto::v1::workload_api_client::WorkloadApiClient;
use portolan_tests::api::{NAMESPACE, Services, service};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tonic::transport::Channel;
use tonic::{Code, Status};

const NAMES: u32 = 12;

/// Creates, changes and deletes until it is told to stop: Services three at a time where that is possible, the endpoints of
/// one together, workloads one by one.
pub(crate) async fn write(server: Channel, seed: u64, stop: Arc<AtomicBool>) {
    let mut random = StdRng::seed_from_u64(seed);
    let mut services = of(&server);
    while !stop.load(Ordering::Relaxed) {
        let n = random.random_range(0..NAMES);
        let done = match random.random_range(0..6) {
            0 => create_three(&mut services, n).await,
            1 => services
                .create(&format!("s{n}"), service(80))
                .await
                .map(drop),
            2 => services.delete(&format!("s{n}")).await.map(drop),
            3 => {
                let addresses = random.random_range(0..=4);
                replace(&server, &format!("s{n}"), n, addresses).await
            }
            4 => create_workload(&server, &format!("w{n}")).await,
            _ => delete_workload(&server, &format!("w{n}")).await,
        };
        if let Err(status) = done {
            let expected = [Code::NotFound, Code::AlreadyExists];
            assert!(expected.contains(&status.code()), "{status:?}");
        }
    }
}

/// One of each that the watches are about.
pub(crate) async fn end(server: &Channel, name: &str) {
    let created = of(server).create(name, service(80)).await;
    created.expect("the last Service");
    replace(server, name, 0, 1)
        .await
        .expect("the last endpoint");
    create_workload(server, name)
        .await
        .expect("the last workload");
}

fn of(server: &Channel) -> Services {
    Services {
        client: ServiceApiClient::new(server.clone()),
    }
}

async fn create_three(services: &mut Services, n: u32) -> Result<(), Status> {
    let one = |n: u32| v1::CreateServiceRequest {
        parent: NAMESPACE.to_owned(),
        service_id: format!("s{}", n % NAMES),
        service: Some(v1::Service {
            spec: Some(service(80)),
            ..v1::Service::default()
        }),
        ..v1::CreateServiceRequest::default()
    };
    let request = v1::BatchCreateServicesRequest {
        parent: NAMESPACE.to_owned(),
        requests: (n..n + 3).map(one).collect(),
        ..v1::BatchCreateServicesRequest::default()
    };
    let created = services.client.batch_create_services(request).await;
    created.map(drop)
}

/// Gives a Service so many endpoints.
async fn replace(server: &Channel, name: &str, from: u32, addresses: u32) -> Result<(), Status> {
    let endpoint = |i: u32| v1::Endpoint {
        spec: Some(v1::EndpointSpec {
            address: format!("192.0.2.{}", 1 + i),
            ports: vec![v1::EndpointPort {
                port: 8080,
                ..v1::EndpointPort::default()
            }],
            ..v1::EndpointSpec::default()
        }),
        ..v1::Endpoint::default()
    };
    let request = v1::ReplaceEndpointsRequest {
        service: format!("{NAMESPACE}/services/{name}"),
        source: "test".to_owned(),
        endpoints: (from..from + addresses).map(endpoint).collect(),
        ..v1::ReplaceEndpointsRequest::default()
    };
    let mut client = EndpointApiClient::new(server.clone());
    client.replace_endpoints(request).await.map(drop)
}

async fn create_workload(server: &Channel, name: &str) -> Result<(), Status> {
    let spec = v1::WorkloadSpec {
        addresses: vec!["192.0.2.1".to_owned()],
        ..v1::WorkloadSpec::default()
    };
    let request = v1::CreateWorkloadRequest {
        parent: NAMESPACE.to_owned(),
        workload: Some(v1::Workload {
            spec: Some(spec),
            ..v1::Workload::default()
        }),
        workload_id: name.to_owned(),
        ..v1::CreateWorkloadRequest::default()
    };
    let mut client = WorkloadApiClient::new(server.clone());
    client.create_workload(request).await.map(drop)
}

async fn delete_workload(server: &Channel, name: &str) -> Result<(), Status> {
    let request = v1::DeleteWorkloadRequest {
        name: format!("{NAMESPACE}/workloads/{name}"),
        ..v1::DeleteWorkloadRequest::default()
    };
    let mut client = WorkloadApiClient::new(server.clone());
    client.delete_workload(request).await.map(drop)
}
