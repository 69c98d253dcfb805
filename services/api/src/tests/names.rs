//! What resources are called, as answers and refusals say it, is what the .proto files say.

use portolan_allocator::NodeAction;
use portolan_model::NodeSpec;
use prost_reflect::DescriptorPool;
use tonic::Request;
use tonic_types::StatusExt;

use super::*;
use v1::{
    cluster_api_server::ClusterApi, endpoint_api_server::EndpointApi,
    namespace_api_server::NamespaceApi, node_api_server::NodeApi, service_api_server::ServiceApi,
    service_cidr_api_server::ServiceCidrApi, workload_api_server::WorkloadApi,
};

const CLUSTER: &str = "clusters/default";

/// Names of the resources that there are: type and name.
macro_rules! listed {
    ($server:ident; $($list:ident($request:ident $($parent:expr)?) -> $items:ident: $noun:literal),*) => {
        vec![$({
            let request = v1::$request { $(parent: $parent.to_owned(),)? ..v1::$request::default() };
            let page = $server.api.$list(Request::new(request)).await.unwrap().into_inner();
            let name = page.$items.into_iter().next().expect($noun).name;
            (concat!("portolan.dev/", $noun), name)
        }),*]
    };
}

/// A server that has one of each.
async fn populated() -> Server {
    let server = Server::start().await;
    server.put_pair("web", true).await;
    let spec = NodeSpec {
        addresses: vec!["192.0.2.1".parse().unwrap()],
        ..NodeSpec::default()
    };
    let action = NodeAction::Register {
        name: name("n1"),
        spec,
    };
    server.submit(Action::Node(action)).await;
    server
}

async fn names(server: &Server) -> Vec<(&'static str, String)> {
    listed!(server;
        list_clusters(ListClustersRequest) -> clusters: "Cluster",
        list_namespaces(ListNamespacesRequest CLUSTER) -> namespaces: "Namespace",
        list_service_cidrs(ListServiceCidrsRequest CLUSTER) -> service_cidrs: "ServiceCidr",
        list_nodes(ListNodesRequest CLUSTER) -> nodes: "Node",
        list_services(ListServicesRequest NAMESPACE) -> services: "Service",
        list_workloads(ListWorkloadsRequest NAMESPACE) -> workloads: "Workload",
        list_endpoints(ListEndpointsRequest NAMESPACE) -> endpoints: "Endpoint")
}

/// Whether a name is one of the pattern: the same collections, and something for each variable.
fn fits(pattern: &str, name: &str) -> bool {
    let (pattern, name): (Vec<_>, Vec<_>) =
        (pattern.split('/').collect(), name.split('/').collect());
    let same = |(wanted, found): (&&str, &&str)| wanted == found || wanted.starts_with('{');
    pattern.len() == name.len() && pattern.iter().zip(&name).all(same)
}

#[tokio::test]
async fn resources_are_called_by_the_patterns_of_their_types() {
    let server = populated().await;
    let pool = DescriptorPool::decode(portolan_proto::FILE_DESCRIPTOR_SET).unwrap();
    let extension = pool.get_extension_by_name("google.api.resource").unwrap();
    for (kind, name) in names(&server).await {
        let noun = kind.rsplit('/').next().unwrap();
        let message = pool
            .get_message_by_name(&format!("portolan.v1.{noun}"))
            .unwrap();
        let options = message.options();
        let said = options.get_extension(&extension);
        let resource = said.as_message().unwrap();
        let said = resource.get_field_by_name("type").unwrap();
        assert_eq!(said.as_str(), Some(kind));
        let patterns = resource.get_field_by_name("pattern").unwrap();
        let pattern = patterns.as_list().unwrap()[0].as_str().unwrap().to_owned();
        assert!(fits(&pattern, &name), "{name} is none of {pattern}");
    }
}

/// Absent, and its whole name and type are told, whichever noun it is of.
#[tokio::test]
async fn refusals_tell_whole_names_and_types() {
    let server = populated().await;
    macro_rules! absent {
        ($($get:ident($request:ident)),*) => {{
            let existing = names(&server).await;
            let mut existing = existing.into_iter();
            $({
                let (kind, name) = existing.next().unwrap();
                let name = format!("{}/none", name.rsplit_once('/').unwrap().0);
                let request = v1::$request { name: name.clone(), ..v1::$request::default() };
                let status = server.api.$get(Request::new(request)).await.unwrap_err();
                let info = status.get_details_resource_info().unwrap();
                assert_eq!((info.resource_type.as_str(), info.resource_name), (kind, name));
            })*
        }};
    }
    absent!(
        get_cluster(GetClusterRequest),
        get_namespace(GetNamespaceRequest),
        get_service_cidr(GetServiceCidrRequest),
        get_node(GetNodeRequest),
        get_service(GetServiceRequest),
        get_workload(GetWorkloadRequest),
        get_endpoint(GetEndpointRequest)
    );
}
