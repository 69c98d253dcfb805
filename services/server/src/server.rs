//! From a store's URL to open ports, and to an orderly end.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use portolan_api::node_sync::{NodeSync, NodeSyncOptions, TrustHello};
use portolan_api::{Api, Health};
use portolan_distributor::Drain;
use portolan_model::Clock;
use portolan_store::{StoreError, SystemClock};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::args::{Ports, Settings};
use crate::connections::Connections;
use crate::control_plane::ControlPlane;
use crate::error::ServerError;
use crate::http::{self, Inspected, STALE};
use crate::listen::{check_difference, check_exposure};
use crate::metrics::Metrics;
use crate::plane::Common;
use crate::pulse::Pulse;
use crate::{grpc, listen, stores};

/// How long streams may take to end; a silent peer must not hold the process (hyper#4170).
const DRAIN: Duration = Duration::from_secs(10);
/// How often readiness is looked at.
const READINESS_PAUSE: Duration = Duration::from_secs(1);

/// What a server is started with.
pub struct ServerOptions {
    /// URL of the store, as `--store` takes it.
    pub store: String,
    /// Where it listens.
    pub ports: Ports,
    /// Settings of the cluster that has to be there.
    pub settings: Settings,
    /// Unknown nodes are registered by their first Hello.
    pub auto_register: bool,
    /// What to do where settings differ from what is stored.
    pub remedy: String,
}

/// The open ports.
struct Listeners {
    grpc: TcpListener,
    http: TcpListener,
}

/// A running server.
pub struct Server {
    address: SocketAddr,
    stop: watch::Sender<bool>,
    /// Ends only when it must not go on.
    machinery: JoinSet<Result<(), StoreError>>,
    /// Serve until told to stop.
    fronts: JoinSet<Result<(), ServerError>>,
    health: Health,
    node_sync: NodeSync,
    api: Api,
}

impl Server {
    /// Opens ports and store, and starts everything.
    pub fn start(options: ServerOptions) -> BoxFuture<'static, Result<Self, ServerError>> {
        Box::pin(Self::open(options))
    }

    async fn open(options: ServerOptions) -> Result<Self, ServerError> {
        let ServerOptions {
            store,
            ports,
            settings,
            auto_register,
            remedy,
        } = options;
        check_exposure(ports.listen, ports.insecure_listen)?;
        check_difference(ports.listen, ports.http_listen)?;
        let listeners = Listeners {
            grpc: listen("--listen", ports.listen).await?,
            http: listen("--http-listen", ports.http_listen).await?,
        };
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let common = Common {
            store: stores::open(&store, clock.clone()).await?,
            clock,
            metrics: Metrics::default(),
        };
        let plane = ControlPlane::start(common.clone(), &settings, &remedy).await?;
        Self::serve(common, plane, auto_register, listeners)
    }

    /// Opens the API, node streams and metrics to clients.
    fn serve(
        common: Common,
        plane: ControlPlane,
        auto_register: bool,
        listeners: Listeners,
    ) -> Result<Self, ServerError> {
        let (address, directory) = (listeners.grpc.local_addr()?, plane.directory);
        let (clusters, pulse) = (directory.clusters().clone(), directory.pulse().clone());
        let options = NodeSyncOptions {
            replica: format!("{address} (pid {})", std::process::id()),
            auto_register,
            identity: Arc::new(TrustHello),
        };
        let node_sync = NodeSync::new(clusters.clone(), options);
        let api = Api::new(clusters.clone(), Arc::new(directory), common.clock);
        let requests = common.metrics.requests.clone();
        let (service, health) = grpc::service(&api, node_sync.clone(), requests)?;
        let metrics = common.metrics.connections.clone();
        let connections = Connections::new(portolan_process::descriptors(), metrics);
        let inspected = Inspected {
            registry: common.metrics.registry(clusters),
            pulse: pulse.clone(),
        };
        let (stop, stopped) = watch::channel(false);
        let mut fronts = JoinSet::new();
        fronts.spawn(grpc::serve(
            service,
            listeners.grpc,
            connections,
            wait(stopped.clone()),
        ));
        fronts.spawn(http::serve(
            listeners.http,
            inspected,
            wait(stopped.clone()),
        ));
        fronts.spawn(readiness(health.clone(), pulse, wait(stopped)));
        Ok(Self {
            address,
            stop,
            machinery: plane.tasks,
            fronts,
            health,
            node_sync,
            api,
        })
    }

    /// Where the API listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until asked to end, then ends in order: no new clients, nodes told to go elsewhere, answers finished.
    pub async fn until(mut self, end: impl Future<Output = ()>) -> Result<(), ServerError> {
        let reason = tokio::select! {
            () = end => Ok(()),
            Some(done) = self.machinery.join_next() => Err(match done {
                Ok(Ok(())) => ServerError::Start("a part of the control plane ended".to_owned()),
                Ok(Err(error)) => ServerError::Start(error.to_string()),
                Err(panic) => ServerError::Start(format!("a part of the control plane failed: {panic}")),
            }),
            Some(done) = self.fronts.join_next() => match done {
                Ok(Err(failure)) => Err(failure),
                Ok(Ok(())) => Err(ServerError::Start("a listener ended".to_owned())),
                Err(panic) => Err(ServerError::Start(format!("a listener failed: {panic}"))),
            },
        };
        self.health.end();
        self.node_sync.drain(Drain::SOON);
        self.api.drain();
        self.stop.send_replace(true);
        let fronts = async { while self.fronts.join_next().await.is_some() {} };
        if tokio::time::timeout(DRAIN, fronts).await.is_err() {
            tracing::warn!("some connections did not end in time, and were cut");
        }
        reason
    }
}

async fn wait(mut stopped: watch::Receiver<bool>) {
    // A sender that is gone means the same.
    let _ = stopped.wait_for(|stopped| *stopped).await;
}

async fn readiness(
    health: Health,
    pulse: Pulse,
    stopped: impl Future<Output = ()>,
) -> Result<(), ServerError> {
    let mut stopped = std::pin::pin!(stopped);
    let mut known = true;
    loop {
        tokio::select! {
            () = &mut stopped => return Ok(()),
            () = tokio::time::sleep(READINESS_PAUSE) => {}
        }
        let ready = pulse.age() < STALE;
        if ready != known {
            tracing::warn!(ready, "readiness changed with the store");
            health.set_ready(ready);
            known = ready;
        }
    }
}
