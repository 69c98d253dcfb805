//! The API's nouns, one file each: how a noun is shown and read, its RPCs as a table, and what only it can be asked.

mod cluster;
mod endpoint;
mod event;
mod namespace;
mod node;
mod rpcs;
mod service;
mod service_cidr;
mod workload;

use portolan_proto::v1;
use tonic::server::NamedService;
use tonic::service::Routes;

use crate::api::Api;

macro_rules! apis {
    ($($module:ident::$server:ident;)*) => {
        /// The full names of all APIs.
        pub const API_NAMES: &[&str] = &[$(<v1::$module::$server<Api> as NamedService>::NAME),*];

        /// All APIs, to be served.
        pub fn routes(api: &Api) -> Routes {
            Routes::default()$(.add_service(v1::$module::$server::new(api.clone())))*
        }
    };
}

apis! {
    cluster_api_server::ClusterApiServer;
    endpoint_api_server::EndpointApiServer;
    event_api_server::EventApiServer;
    namespace_api_server::NamespaceApiServer;
    node_api_server::NodeApiServer;
    service_api_server::ServiceApiServer;
    service_cidr_api_server::ServiceCidrApiServer;
    workload_api_server::WorkloadApiServer;
}
