//! Workloads, nodes and endpoints of a cluster.

use std::net::IpAddr;

use portolan_proto::v1;
use portolan_tests::api::block_on;
use tonic::transport::Channel;
use tonic::{Response, Status};
use v1::endpoint_api_client::EndpointApiClient;
use v1::node_api_client::NodeApiClient;
use v1::workload_api_client::WorkloadApiClient;

use crate::cluster::{Cluster, texts};
use crate::specs::with_more;

impl Cluster {
    pub(crate) fn workloads(&self) -> WorkloadApiClient<Channel> {
        WorkloadApiClient::new(self.channel.clone())
    }

    pub(crate) fn nodes(&self) -> NodeApiClient<Channel> {
        NodeApiClient::new(self.channel.clone())
    }

    pub(crate) fn endpoint_api(&self) -> EndpointApiClient<Channel> {
        EndpointApiClient::new(self.channel.clone())
    }

    /// Writes a workload with labels and addresses.
    pub(crate) fn workload(&self, name: &str, labels: &[(&str, &str)], addresses: &[&str]) {
        self.workload_with(name, labels, addresses, |_| ());
    }

    /// The same, with more in its specification.
    pub(crate) fn workload_with(
        &self,
        name: &str,
        labels: &[(&str, &str)],
        addresses: &[&str],
        more: impl FnOnce(&mut v1::WorkloadSpec),
    ) {
        let spec = v1::WorkloadSpec {
            addresses: texts(addresses),
            ..v1::WorkloadSpec::default()
        };
        let labels = labels.iter().map(|&(k, v)| (k.to_owned(), v.to_owned()));
        let workload = v1::Workload {
            name: format!("{}/workloads/{name}", self.namespace()),
            labels: labels.collect(),
            spec: Some(with_more(spec, more)),
            ..v1::Workload::default()
        };
        let request = v1::UpdateWorkloadRequest {
            workload: Some(workload),
            allow_missing: true,
            ..v1::UpdateWorkloadRequest::default()
        };
        block_on(self.workloads().update_workload(request)).expect("a workload");
    }

    /// Registers a node in a zone.
    pub(crate) fn node(&self, name: &str, address: &str, zone: &str) {
        let spec = v1::NodeSpec {
            addresses: texts(&[address]),
            zone: zone.to_owned(),
            ..v1::NodeSpec::default()
        };
        let request = v1::CreateNodeRequest {
            parent: self.name.clone(),
            node: Some(v1::Node {
                spec: Some(spec),
                ..v1::Node::default()
            }),
            node_id: name.to_owned(),
            ..v1::CreateNodeRequest::default()
        };
        block_on(self.nodes().create_node(request)).expect("a node");
    }

    /// Removes a node.
    pub(crate) fn delete_node(&self, name: &str) {
        let request = v1::DeleteNodeRequest {
            name: format!("{}/nodes/{name}", self.name),
            ..v1::DeleteNodeRequest::default()
        };
        block_on(self.nodes().delete_node(request)).expect("it goes");
    }

    /// Deletes a workload.
    pub(crate) fn delete_workload(&self, name: &str) {
        let request = v1::DeleteWorkloadRequest {
            name: format!("{}/workloads/{name}", self.namespace()),
            ..v1::DeleteWorkloadRequest::default()
        };
        block_on(self.workloads().delete_workload(request)).expect("it goes");
    }

    /// Writes a Service's endpoints by hand.
    pub(crate) fn write_endpoints(
        &self,
        service: &str,
        source: &str,
        specs: Vec<v1::EndpointSpec>,
    ) -> Result<v1::ReplaceEndpointsResponse, Status> {
        let endpoint = |spec| v1::Endpoint {
            spec: Some(spec),
            ..v1::Endpoint::default()
        };
        let request = v1::ReplaceEndpointsRequest {
            service: self.service_name(service),
            source: source.to_owned(),
            endpoints: specs.into_iter().map(endpoint).collect(),
            ..v1::ReplaceEndpointsRequest::default()
        };
        block_on(self.endpoint_api().replace_endpoints(request)).map(Response::into_inner)
    }

    /// The endpoints of a Service, in order of address.
    pub(crate) fn endpoints(&self, service: &str) -> Vec<v1::EndpointSpec> {
        let request = v1::ListEndpointsRequest {
            parent: self.namespace(),
            page_size: 1000,
            service: service.to_owned(),
            ..v1::ListEndpointsRequest::default()
        };
        let list = block_on(self.endpoint_api().list_endpoints(request)).expect("a list");
        let list = list.into_inner().endpoints.into_iter();
        let mut specs: Vec<_> = list.map(|e| e.spec.expect("a specification")).collect();
        specs.sort_by_key(|spec| spec.address.parse::<IpAddr>().expect("an address"));
        specs
    }
}
