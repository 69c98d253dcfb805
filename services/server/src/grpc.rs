//! The gRPC server: every service, health and reflection on one port.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use portolan_api::node_sync::NodeSync;
use portolan_api::{API_NAMES, Api, Health, Metrics, RequestService, Requests, routes};
use portolan_proto::FILE_DESCRIPTOR_SET;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tonic::server::NamedService;
use tonic::service::Routes;
use tonic::transport::server::TcpConnectInfo;
use tonic_health::pb::health_server::HealthServer;
use tower::{Layer, ServiceExt};

use crate::accept::Acceptor;
use crate::connections::{Connections, LOOK, Place};
use crate::error::ServerError;

/// A dead peer is noticed within ten seconds, the sum of these two (kubernetes#76338: proxies ran for days on dead
/// connections).
const KEEPALIVE: Duration = Duration::from_secs(5);
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(4);
/// Requests and watches of one connection.
const STREAMS_PER_CONNECTION: u32 = 256;

/// Everything that is served, described: for reflection, and for metrics by method.
pub(super) const DESCRIPTORS: [&[u8]; 5] = [
    FILE_DESCRIPTOR_SET,
    tonic_health::pb::FILE_DESCRIPTOR_SET,
    tonic_types::pb::FILE_DESCRIPTOR_SET,
    // Each version of reflection lists both; by itself it would list only its own.
    tonic_reflection::pb::v1::FILE_DESCRIPTOR_SET,
    tonic_reflection::pb::v1alpha::FILE_DESCRIPTOR_SET,
];

/// Every service, with what every request passes around it.
pub(super) type Service = RequestService<Routes>;

/// Every service, ready to be served.
pub(super) fn service(
    api: &Api,
    node_sync: NodeSync,
    requests: Metrics,
) -> Result<(Service, Health), ServerError> {
    let names = API_NAMES.iter().copied();
    let health = Health::new(names.chain([<NodeSync as NamedService>::NAME]));
    let reflection = || {
        let builder =
            tonic_reflection::server::Builder::configure().include_reflection_service(false);
        DESCRIPTORS.iter().fold(builder, |builder, set| {
            builder.register_encoded_file_descriptor_set(set)
        })
    };
    let unusable = |error| ServerError::Start(format!("reflection: {error}"));
    let routes = routes(api)
        .add_service(HealthServer::new(health.clone()))
        .add_service(reflection().build_v1().map_err(unusable)?)
        .add_service(reflection().build_v1alpha().map_err(unusable)?)
        .add_service(node_sync);
    Ok((Requests::new(requests).layer(routes.prepare()), health))
}

/// Serves until `shutdown` is done, and then until the last connection has ended.
pub(super) async fn serve(
    service: Service,
    listener: TcpListener,
    connections: Arc<Connections>,
    shutdown: impl Future<Output = ()>,
) -> Result<(), ServerError> {
    let mut acceptor = Acceptor::new(listener, "--listen");
    let mut looks = tokio::time::interval(LOOK);
    let mut shutdown = std::pin::pin!(shutdown);
    let (tasks, stopping) = (TaskTracker::new(), CancellationToken::new());
    let transport = Arc::new(transport());
    loop {
        tokio::select! {
            () = &mut shutdown => break,
            _ = looks.tick() => connections.look(),
            (stream, peer) = next(&mut acceptor, &connections) => {
                let place = connections.admit(peer);
                let (transport, service) = (transport.clone(), service.clone());
                tasks.spawn(serve_one(transport, stream, place, service, stopping.clone()));
            }
        }
    }
    drop(acceptor);
    stopping.cancel();
    tasks.close();
    tasks.wait().await;
    Ok(())
}

/// The next connection that there is room for.
async fn next(acceptor: &mut Acceptor, connections: &Connections) -> (TcpStream, SocketAddr) {
    connections.room().await;
    acceptor.next().await
}

fn transport() -> http2::Builder<TokioExecutor> {
    let mut server = http2::Builder::new(TokioExecutor::new());
    server
        .timer(TokioTimer::new())
        .keep_alive_interval(KEEPALIVE)
        .keep_alive_timeout(KEEPALIVE_TIMEOUT)
        .max_concurrent_streams(STREAMS_PER_CONNECTION);
    server
}

async fn serve_one(
    transport: Arc<http2::Builder<TokioExecutor>>,
    stream: TcpStream,
    place: Place,
    service: Service,
    stopping: CancellationToken,
) {
    let connection = place.connection.clone();
    let info = TcpConnectInfo {
        local_addr: stream.local_addr().ok(),
        remote_addr: stream.peer_addr().ok(),
    };
    let of_request = connection.clone();
    let service = service.map_request(move |mut request: http::Request<Incoming>| {
        request.extensions_mut().insert(info.clone());
        request.extensions_mut().insert(of_request.clone());
        request
    });
    let service = TowerToHyperService::new(service);
    let served = transport.serve_connection(TokioIo::new(stream), service);
    let mut served = std::pin::pin!(served);
    let ended = tokio::select! {
        ended = &mut served => ended,
        () = connection.was_cut() => return,
        () = stopping.cancelled() => {
            served.as_mut().graceful_shutdown();
            served.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended");
    }
}
