//! What the demo registers; doing so again changes nothing.

use std::net::{IpAddr, SocketAddr};

use portolan_proto::v1;
use portolan_proto::v1::service_api_client::ServiceApiClient;
use portolan_proto::v1::workload_api_client::WorkloadApiClient;
use tonic::transport::Channel;

use super::PORT;
use crate::NODE;

const NAMESPACE: &str = "clusters/default/namespaces/default";

/// Registers a backend as a workload.
pub(super) async fn register(
    channel: Channel,
    name: &str,
    addresses: &[IpAddr],
) -> Result<(), tonic::Status> {
    let probe = v1::Probe {
        action: Some(v1::probe::Action::HttpGet(v1::HttpGet {
            path: "/healthz".to_owned(),
            target: Some(v1::http_get::Target::Port(PORT.into())),
            ..v1::HttpGet::default()
        })),
        period_seconds: 1,
        success_threshold: 1,
        failure_threshold: 1,
        ..v1::Probe::default()
    };
    let workload = v1::Workload {
        name: format!("{NAMESPACE}/workloads/{name}"),
        labels: [("app".to_owned(), "demo".to_owned())].into(),
        spec: Some(v1::WorkloadSpec {
            addresses: addresses.iter().map(IpAddr::to_string).collect(),
            node: NODE.to_owned(),
            readiness_probe: Some(probe),
            ..v1::WorkloadSpec::default()
        }),
        ..v1::Workload::default()
    };
    let request = v1::UpdateWorkloadRequest {
        workload: Some(workload),
        allow_missing: true,
        ..Default::default()
    };
    WorkloadApiClient::new(channel)
        .update_workload(request)
        .await?;
    Ok(())
}

/// Registers the Service, at these addresses if there are any, and says where it is reached.
pub(super) async fn service(
    channel: Channel,
    addresses: &[&str],
    policy: v1::IpFamilyPolicy,
) -> Result<Vec<SocketAddr>, tonic::Status> {
    let port = v1::ServicePort {
        port: PORT.into(),
        ..v1::ServicePort::default()
    };
    let service = v1::Service {
        name: format!("{NAMESPACE}/services/demo"),
        spec: Some(v1::ServiceSpec {
            selector: [("app".to_owned(), "demo".to_owned())].into(),
            ports: vec![port],
            cluster_ips: addresses.iter().map(|one| (*one).to_owned()).collect(),
            ip_family_policy: policy.into(),
            ..v1::ServiceSpec::default()
        }),
        ..v1::Service::default()
    };
    let request = v1::UpdateServiceRequest {
        service: Some(service),
        allow_missing: true,
        ..Default::default()
    };
    let service = ServiceApiClient::new(channel)
        .update_service(request)
        .await?
        .into_inner();
    let cluster_ips = service.spec.unwrap_or_default().cluster_ips.into_iter();
    let frontends: Vec<_> = cluster_ips
        .filter_map(|address| Some(SocketAddr::new(address.parse().ok()?, PORT)))
        .collect();
    if frontends.is_empty() {
        return Err(tonic::Status::internal("the Service has no address"));
    }
    Ok(frontends)
}
