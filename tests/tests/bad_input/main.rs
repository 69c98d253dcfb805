//! Input that is wrong: refused with everything that is needed to put it right, and nothing else happens.

mod details;
mod invalid;
mod manifests;
mod peers;
mod requests;

use portolan_proto::v1::cluster_api_client::ClusterApiClient;
use portolan_proto::v1::{self, GetClusterRequest, ServicePort, ServiceSpec};
use portolan_tests::{Server, Store};
use tonic::transport::Channel;

const NAMESPACE: &str = "clusters/default/namespaces/default";

fn server(extra: &[&str]) -> Server<'static> {
    Server::start(None, &Store::Sqlite, extra)
}

async fn connect(server: &Server<'_>) -> Channel {
    let endpoint = Channel::from_shared(server.url()).expect("a URL");
    endpoint.connect().await.expect("the server is alive")
}

/// How far the cluster's history has come; who answers this is alive.
async fn revision(channel: &Channel) -> u64 {
    let request = GetClusterRequest {
        name: "clusters/default".to_owned(),
        ..GetClusterRequest::default()
    };
    let mut client = ClusterApiClient::new(channel.clone());
    let cluster = client.get_cluster(request).await;
    let cluster = cluster.expect("the server is alive").into_inner();
    cluster.status.expect("it has a status").head_revision
}

fn port(number: i32) -> ServicePort {
    ServicePort {
        port: number,
        ..ServicePort::default()
    }
}

fn named(name: &str, number: i32) -> ServicePort {
    ServicePort {
        name: name.to_owned(),
        ..port(number)
    }
}

fn ports(ports: &[ServicePort]) -> ServiceSpec {
    ServiceSpec {
        ports: ports.to_vec(),
        ..ServiceSpec::default()
    }
}

fn node_port(number: i32) -> ServiceSpec {
    ServiceSpec {
        r#type: v1::ServiceType::NodePort.into(),
        ports: vec![ServicePort {
            node_port: number,
            ..port(80)
        }],
        ..ServiceSpec::default()
    }
}

fn at(address: &str) -> ServiceSpec {
    ServiceSpec {
        cluster_ips: vec![address.to_owned()],
        ports: vec![port(80)],
        ..ServiceSpec::default()
    }
}

fn create(id: &str, spec: ServiceSpec) -> v1::CreateServiceRequest {
    v1::CreateServiceRequest {
        parent: NAMESPACE.to_owned(),
        service_id: id.to_owned(),
        service: Some(v1::Service {
            spec: Some(spec),
            ..v1::Service::default()
        }),
        ..v1::CreateServiceRequest::default()
    }
}
