//! The gRPC server: every service, health and reflection on one port.

use std::time::Duration;

use portolan_api::node_sync::NodeSync;
use portolan_api::{Api, Health, Metrics, Requests};
use portolan_process::trace;
use portolan_proto::FILE_DESCRIPTOR_SET;
use portolan_proto::v1::cluster_api_server::ClusterApiServer;
use portolan_proto::v1::endpoint_api_server::EndpointApiServer;
use portolan_proto::v1::event_api_server::EventApiServer;
use portolan_proto::v1::namespace_api_server::NamespaceApiServer;
use portolan_proto::v1::node_api_server::NodeApiServer;
use portolan_proto::v1::service_api_server::ServiceApiServer;
use portolan_proto::v1::service_cidr_api_server::ServiceCidrApiServer;
use portolan_proto::v1::workload_api_server::WorkloadApiServer;
use tokio::net::TcpListener;
use tokio_stream::StreamExt;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::server::NamedService;
use tonic::transport::Server;
use tonic::transport::server::Router;
use tonic_health::pb::health_server::HealthServer;
use tower::layer::util::{Identity, Stack};

use crate::error::ServerError;

/// A dead peer is noticed within ten seconds, the sum of these two (kubernetes#76338: proxies ran for days on dead
/// connections).
const KEEPALIVE: Duration = Duration::from_secs(5);
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(4);
/// Requests and watches of one connection.
const STREAMS_PER_CONNECTION: u32 = 256;
/// Names that follow readiness.
const SERVICES: [&str; 9] = [
    ClusterApiServer::<Api>::NAME,
    EndpointApiServer::<Api>::NAME,
    EventApiServer::<Api>::NAME,
    NamespaceApiServer::<Api>::NAME,
    NodeApiServer::<Api>::NAME,
    ServiceApiServer::<Api>::NAME,
    ServiceCidrApiServer::<Api>::NAME,
    WorkloadApiServer::<Api>::NAME,
    <NodeSync as NamedService>::NAME,
];

/// Everything that is served, described: for reflection, and for metrics by method.
pub(super) const DESCRIPTORS: [&[u8]; 5] = [
    FILE_DESCRIPTOR_SET,
    tonic_health::pb::FILE_DESCRIPTOR_SET,
    tonic_types::pb::FILE_DESCRIPTOR_SET,
    // Each version of reflection lists both; by itself it would list only its own.
    tonic_reflection::pb::v1::FILE_DESCRIPTOR_SET,
    tonic_reflection::pb::v1alpha::FILE_DESCRIPTOR_SET,
];

/// What is around every service.
type Layers = Stack<Requests, Identity>;

/// Every service, ready to be served.
pub(super) fn router(
    api: Api,
    node_sync: NodeSync,
    requests: Metrics,
) -> Result<(Router<Layers>, Health), ServerError> {
    let health = Health::new(SERVICES);
    let reflection = || {
        let builder =
            tonic_reflection::server::Builder::configure().include_reflection_service(false);
        DESCRIPTORS.iter().fold(builder, |builder, set| {
            builder.register_encoded_file_descriptor_set(set)
        })
    };
    let unusable = |error| ServerError::Start(format!("reflection: {error}"));
    let router = Server::builder()
        .http2_keepalive_interval(Some(KEEPALIVE))
        .http2_keepalive_timeout(Some(KEEPALIVE_TIMEOUT))
        .max_concurrent_streams(Some(STREAMS_PER_CONNECTION))
        .trace_fn(span)
        .layer(Requests::new(requests))
        .add_service(HealthServer::new(health.clone()))
        .add_service(reflection().build_v1().map_err(unusable)?)
        .add_service(reflection().build_v1alpha().map_err(unusable)?)
        .add_service(ClusterApiServer::new(api.clone()))
        .add_service(ServiceCidrApiServer::new(api.clone()))
        .add_service(NamespaceApiServer::new(api.clone()))
        .add_service(ServiceApiServer::new(api.clone()))
        .add_service(WorkloadApiServer::new(api.clone()))
        .add_service(EndpointApiServer::new(api.clone()))
        .add_service(NodeApiServer::new(api.clone()))
        .add_service(EventApiServer::new(api))
        .add_service(node_sync);
    Ok((router, health))
}

/// Serves until `shutdown` is done.
pub(super) async fn serve(
    router: Router<Layers>,
    listener: TcpListener,
    shutdown: impl Future<Output = ()>,
) -> Result<(), ServerError> {
    let incoming = TcpListenerStream::new(listener).map(|stream| {
        let stream = stream?;
        // Frames are small and urgent; tonic's own option is ignored with a listener of ours.
        stream.set_nodelay(true)?;
        Ok::<_, std::io::Error>(stream)
    });
    let served = router
        .serve_with_incoming_shutdown(incoming, shutdown)
        .await;
    served.map_err(|error| ServerError::Start(format!("gRPC: {error}")))
}

/// One span a request, below the caller's if it sent its trace context.
fn span(request: &http::Request<()>) -> tracing::Span {
    let span = tracing::debug_span!("rpc", method = request.uri().path(), otel.kind = "server");
    if let Some(parent) = trace::sent(request.headers()) {
        trace::adopt(&span, &parent);
    }
    span
}
