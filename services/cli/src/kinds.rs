//! Every kind: a row in the table, and a file that says what it has of its own (how its specification stands in YAML, what
//! its status says, and its columns).

pub(crate) mod cluster;
pub(crate) mod endpoint;
pub(crate) mod namespace;
pub(crate) mod node;
pub(crate) mod probe;
pub(crate) mod service;
pub(crate) mod service_cidr;
pub(crate) mod workload;

/// What `get` says of its words.
pub(crate) const GET: &str = "KIND[,KIND...] [NAME...], or KIND/NAME...; kinds: services, workloads, endpoints, nodes, namespaces, servicecidrs, clusters, events, all";
/// What `describe` says of its words. An endpoint is described by its document alone.
pub(crate) const DESCRIBE: &str = "KIND NAME..., or KIND/NAME...; kinds: service, workload, node, namespace, servicecidr, cluster";

/// Every kind, a row each. `kinds!(each)` hands the rows to the macro `each`, which makes of them what is the same for
/// every kind.
///
/// - `called`: the words of people, of which the singular stands first (`service/web`), then plural, short names and
///   aliases; where it lives, and the part of a path in front of its name; `apiVersion` and `kind` of its document.
/// - `message`: the field that requests hold it in, its specification, and which common fields it has besides those that
///   all have. Who has labels has annotations.
/// - `calls`: the API, and its calls. `parent` is named where a list has one, `force` and `drain` where a delete has them.
/// - `applied`: its stage, since what comes later may need what comes earlier; and the request that a manifest becomes.
///   `by` names the call that creates and updates, and what its mask says; kinds without one are written in `client/put`.
///   `from` names the versions of its document whose fields make up the resource; others are read in `manifest`.
macro_rules! kinds {
    ($each:ident) => {
        $each! {
            Service {
                called("service" "services" "svc"; Namespace "services"; "v1" "Service")
                message(service: ServiceSpec; generation etag labels)
                calls(service_api_client::ServiceApiClient: get_service(GetServiceRequest), list_services(ListServicesRequest parent).services,
                    delete_service(DeleteServiceRequest), watch_services(WatchServicesRequest).service)
                applied(2 as Service(Service) by update_service(UpdateServiceRequest "*") from "v1")
            }
            Namespace {
                called("namespace" "namespaces" "ns"; Cluster "namespaces"; "portolan/v1" "Namespace")
                message(namespace: NamespaceSpec; generation etag labels)
                calls(namespace_api_client::NamespaceApiClient: get_namespace(GetNamespaceRequest), list_namespaces(ListNamespacesRequest parent).namespaces,
                    delete_namespace(DeleteNamespaceRequest force), watch_namespaces(WatchNamespacesRequest).namespace)
                applied(1 as Namespace(UpdateNamespaceRequest))
            }
            Workload {
                called("workload" "workloads" "wl" "pod" "pods" "po"; Namespace "workloads"; "portolan/v1" "Workload")
                message(workload: WorkloadSpec; generation etag labels)
                calls(workload_api_client::WorkloadApiClient: get_workload(GetWorkloadRequest), list_workloads(ListWorkloadsRequest parent).workloads,
                    delete_workload(DeleteWorkloadRequest), watch_workloads(WatchWorkloadsRequest).workload)
                applied(3 as Workload(Workload) by update_workload(UpdateWorkloadRequest "*") from "portolan/v1")
            }
            Endpoint {
                called("endpoint" "endpoints" "ep"; Namespace "endpoints"; "portolan/v1" "Endpoint")
                message(endpoint: EndpointSpec;)
                calls(endpoint_api_client::EndpointApiClient: get_endpoint(GetEndpointRequest), list_endpoints(ListEndpointsRequest parent).endpoints,
                    delete_endpoint(DeleteEndpointRequest), watch_endpoints(WatchEndpointsRequest).endpoint)
                applied(4 as Endpoints(ReplaceEndpointsRequest))
            }
            Node {
                called("node" "nodes" "no"; Cluster "nodes"; "portolan/v1" "Node")
                message(node: NodeSpec; generation etag labels)
                calls(node_api_client::NodeApiClient: get_node(GetNodeRequest), list_nodes(ListNodesRequest parent).nodes,
                    delete_node(DeleteNodeRequest), watch_nodes(WatchNodesRequest).node)
                applied(1 as Node(Node) by update_node(UpdateNodeRequest) from "portolan/v1")
            }
            ServiceCidr {
                called("servicecidr" "servicecidrs"; Cluster "serviceCidrs"; "portolan/v1" "ServiceCIDR")
                message(service_cidr: ServiceCidrSpec; generation)
                calls(service_cidr_api_client::ServiceCidrApiClient: get_service_cidr(GetServiceCidrRequest), list_service_cidrs(ListServiceCidrsRequest parent).service_cidrs,
                    delete_service_cidr(DeleteServiceCidrRequest drain), watch_service_cidrs(WatchServiceCidrsRequest).service_cidr)
                applied(1 as ServiceCidr(ServiceCidr) from "networking.k8s.io/v1" "portolan/v1")
            }
            Cluster {
                called("cluster" "clusters"; Server "clusters"; "portolan/v1" "Cluster")
                message(cluster: ClusterSpec; generation etag)
                calls(cluster_api_client::ClusterApiClient: get_cluster(GetClusterRequest), list_clusters(ListClustersRequest).clusters,
                    delete_cluster(DeleteClusterRequest force))
                applied(0 as Cluster(CreateClusterRequest))
            }
        }
    };
}
pub(crate) use kinds;
