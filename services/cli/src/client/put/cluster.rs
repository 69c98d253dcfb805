//! Clusters and their ranges, which have no call that creates or updates: what is there decides which one is made.

use ipnet::IpNet;
use portolan_proto::v1;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};
use v1::cluster_api_client::ClusterApiClient;
use v1::service_cidr_api_client::ServiceCidrApiClient;

use super::{Put, Write, mask};
use crate::client::{Client, MAX_MESSAGE, client};
use crate::object::last;

impl Write for v1::CreateClusterRequest {
    async fn write(self, client: &Client, validate_only: bool) -> Result<Put, Status> {
        let mut client = client!(ClusterApiClient, client);
        let request = v1::UpdateClusterRequest {
            update_mask: Some(said(&self)),
            cluster: self.cluster.clone(),
            validate_only,
            ..v1::UpdateClusterRequest::default()
        };
        match client.update_cluster(request).await {
            Ok(answer) => {
                let warnings = elsewhere(&self.service_cidrs, answer.get_ref());
                Ok(Put {
                    warnings,
                    ..Put::of(answer)
                })
            }
            // What was read must still be there.
            Err(status) if status.code() == Code::NotFound && !expects(&self) => {
                let request = Self {
                    validate_only,
                    ..self
                };
                client.create_cluster(request).await.map(Put::of)
            }
            Err(status) => Err(status),
        }
    }
}

impl Write for v1::ServiceCidr {
    async fn write(self, client: &Client, validate_only: bool) -> Result<Put, Status> {
        let (parent, id) = self.name.rsplit_once("/serviceCidrs/").unwrap_or_default();
        let request = v1::CreateServiceCidrRequest {
            parent: parent.to_owned(),
            service_cidr_id: id.to_owned(),
            service_cidr: Some(self.clone()),
            validate_only,
            ..v1::CreateServiceCidrRequest::default()
        };
        let mut client = client!(ServiceCidrApiClient, client);
        match client.create_service_cidr(request).await {
            Ok(answer) => Ok(Put::of(answer)),
            Err(status) if status.code() == Code::AlreadyExists => {
                let request = v1::GetServiceCidrRequest {
                    name: self.name.clone(),
                    ..v1::GetServiceCidrRequest::default()
                };
                let present = client.get_service_cidr(request).await?.into_inner();
                unchanged(present, &self)
            }
            Err(status) => Err(status),
        }
    }
}

/// Lists are said whole, be they empty; what else is left out stays as it is.
fn said(wanted: &v1::CreateClusterRequest) -> prost_types::FieldMask {
    let spec = wanted
        .cluster
        .as_ref()
        .and_then(|cluster| cluster.spec.clone());
    let spec = spec.unwrap_or_default();
    let paths = [
        ("spec.node_port_range", spec.node_port_range.is_some()),
        ("spec.dns_domain", !spec.dns_domain.is_empty()),
        ("spec.ip_families", !spec.ip_families.is_empty()),
        ("spec.endpoint_ranges", true),
        ("spec.workload_ranges", true),
    ];
    let paths = paths.into_iter().filter(|(_, is_said)| *is_said);
    mask(paths.map(|(path, _)| path))
}

fn expects(wanted: &v1::CreateClusterRequest) -> bool {
    let cluster = wanted.cluster.as_ref();
    cluster.is_some_and(|cluster| !cluster.etag.is_empty())
}

/// First ranges that a cluster which exists does not have.
fn elsewhere(wanted: &[String], present: &v1::Cluster) -> Vec<String> {
    let status = present.status.clone().unwrap_or_default();
    let has: Vec<_> = status
        .service_ranges
        .iter()
        .map(|u| net(&u.range))
        .collect();
    let absent = wanted.iter().filter(|range| !has.contains(&net(range)));
    absent
        .map(|range| {
            format!("spec.serviceCIDRs counts at creation alone: add {range} by a manifest of kind ServiceCIDR")
        })
        .collect()
}

/// A range is what it was created as.
fn unchanged(present: v1::ServiceCidr, wanted: &v1::ServiceCidr) -> Result<Put, Status> {
    let cidrs = |range: &v1::ServiceCidr| range.spec.clone().unwrap_or_default().cidrs;
    let (has, asked) = (cidrs(&present), cidrs(wanted));
    if !has.iter().map(|c| net(c)).eq(asked.iter().map(|c| net(c))) {
        let text = format!(
            "can't be changed, it is {}: add another ServiceCIDR, then `portolan delete servicecidr {} --drain`",
            has.join(", "),
            last(&present.name)
        );
        let details = ErrorDetails::with_bad_request_violation("service_cidr.spec.cidrs", &text);
        return Err(Status::with_error_details(
            Code::InvalidArgument,
            text,
            details,
        ));
    }
    Ok(Put {
        outcome: "unchanged".to_owned(),
        objects: vec![present.into()],
        warnings: Vec::new(),
    })
}

/// Two ways to write a range are one range; what is none equals only itself.
fn net(text: &str) -> Result<IpNet, &str> {
    text.parse().map_err(|_| text)
}
