//! Which call of which API serves a kind.

use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use portolan_proto::v1;
use tonic::Status;
use v1::cluster_api_client::ClusterApiClient;
use v1::endpoint_api_client::EndpointApiClient;
use v1::namespace_api_client::NamespaceApiClient;
use v1::node_api_client::NodeApiClient;
use v1::service_api_client::ServiceApiClient;
use v1::service_cidr_api_client::ServiceCidrApiClient;
use v1::workload_api_client::WorkloadApiClient;

use super::{Change, Client, MAX_MESSAGE, PAGE, client};
use crate::kind::Kind;
use crate::object::Object;

/// A page of resources, and the token of the next.
type Page = (Vec<Object>, String);

/// What a watch brings until its connection ends.
type Changes = BoxStream<'static, Result<Change, Status>>;

fn impossible(kind: Kind, what: &str) -> Status {
    Status::unimplemented(format!("a {} can't be {what}", kind.noun()))
}

/// The field `parent` is named only where the request has one.
macro_rules! readable {
    ($($kind:ident: $api:ident.$list:ident($list_request:ident $($parent:ident)?).$items:ident, $get:ident($get_request:ident);)*) => {
        impl Client {
            pub(super) async fn page(&self, kind: Kind, in_parent: String, page_token: String) -> Result<Page, Status> {
                match kind {$(
                    Kind::$kind => {
                        let mut request = v1::$list_request::default();
                        $(request.$parent = in_parent;)?
                        request.page_size = PAGE;
                        request.page_token = page_token;
                        let page = client!($api, self).$list(request).await?.into_inner();
                        let objects = page.$items.into_iter().map(Object::from).collect();
                        Ok((objects, page.next_page_token))
                    }
                )*}
            }

            pub(super) async fn fetch(&self, kind: Kind, name: String) -> Result<Object, Status> {
                match kind {$(
                    Kind::$kind => {
                        let mut request = v1::$get_request::default();
                        request.name = name;
                        Ok(client!($api, self).$get(request).await?.into_inner().into())
                    }
                )*}
            }
        }
    };
}

readable! {
    Service: ServiceApiClient.list_services(ListServicesRequest parent).services, get_service(GetServiceRequest);
    Namespace: NamespaceApiClient.list_namespaces(ListNamespacesRequest parent).namespaces, get_namespace(GetNamespaceRequest);
    Workload: WorkloadApiClient.list_workloads(ListWorkloadsRequest parent).workloads, get_workload(GetWorkloadRequest);
    Endpoint: EndpointApiClient.list_endpoints(ListEndpointsRequest parent).endpoints, get_endpoint(GetEndpointRequest);
    Node: NodeApiClient.list_nodes(ListNodesRequest parent).nodes, get_node(GetNodeRequest);
    ServiceCidr: ServiceCidrApiClient.list_service_cidrs(ListServiceCidrsRequest parent).service_cidrs, get_service_cidr(GetServiceCidrRequest);
    Cluster: ClusterApiClient.list_clusters(ListClustersRequest).clusters, get_cluster(GetClusterRequest);
}

macro_rules! watchable {
    ($($kind:ident: $api:ident.$watch:ident($request:ident).$object:ident;)*) => {
        impl Client {
            /// Follows a kind from after a revision, or from what is there now.
            pub(crate) async fn watch(&self, kind: Kind, parent: String, from_revision: u64) -> Result<Changes, Status> {
                match kind {
                    $(Kind::$kind => {
                        let request = v1::$request { parent, from_revision, ..v1::$request::default() };
                        let stream = client!($api, self).$watch(request).await?.into_inner();
                        Ok(stream.map(|message| message.map(|message| Change {
                            event: message.r#type(),
                            object: message.$object.map(Object::from),
                            revision: message.revision,
                        })).boxed())
                    })*
                    kind => Err(impossible(kind, "watched")),
                }
            }
        }
    };
}

watchable! {
    Service: ServiceApiClient.watch_services(WatchServicesRequest).service;
    Namespace: NamespaceApiClient.watch_namespaces(WatchNamespacesRequest).namespace;
    Workload: WorkloadApiClient.watch_workloads(WatchWorkloadsRequest).workload;
    Endpoint: EndpointApiClient.watch_endpoints(WatchEndpointsRequest).endpoint;
    Node: NodeApiClient.watch_nodes(WatchNodesRequest).node;
    ServiceCidr: ServiceCidrApiClient.watch_service_cidrs(WatchServiceCidrsRequest).service_cidr;
}

/// What a delete may say besides the name.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct DeleteOptions {
    /// Of a namespace or a cluster: delete what is in it, too.
    pub(crate) force: bool,
    /// Of a `ServiceCIDR`: allocate nothing more from it, and remove it once it is not in use.
    pub(crate) drain: bool,
    /// Check everything, change nothing.
    pub(crate) validate_only: bool,
}

/// The options that a kind's request has are named after it.
macro_rules! removable {
    ($($kind:ident: $api:ident.$delete:ident($request:ident $($option:ident)*);)*) => {
        impl Client {
            /// Deletes one resource.
            pub(crate) async fn delete(&self, kind: Kind, name: String, options: DeleteOptions) -> Result<(), Status> {
                match kind {
                    $(Kind::$kind => {
                        let request = v1::$request {
                            name,
                            validate_only: options.validate_only,
                            $($option: options.$option,)*
                            ..v1::$request::default()
                        };
                        client!($api, self).$delete(request).await.map(|_| ())
                    })*
                }
            }
        }
    };
}

removable! {
    Service: ServiceApiClient.delete_service(DeleteServiceRequest);
    Namespace: NamespaceApiClient.delete_namespace(DeleteNamespaceRequest force);
    Workload: WorkloadApiClient.delete_workload(DeleteWorkloadRequest);
    Endpoint: EndpointApiClient.delete_endpoint(DeleteEndpointRequest);
    Node: NodeApiClient.delete_node(DeleteNodeRequest);
    ServiceCidr: ServiceCidrApiClient.delete_service_cidr(DeleteServiceCidrRequest drain);
    Cluster: ClusterApiClient.delete_cluster(DeleteClusterRequest force);
}
