//! From a store's URL to open ports, and to an orderly end.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use portolan_api::node_sync::{Claimed, NodeSync, NodeSyncOptions};
use portolan_api::{Api, Health};
use portolan_store::StoreError;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_stream::StreamExt;
use tokio_stream::wrappers::TcpListenerStream;

use super::args::{Ports, Settings};
use super::control_plane::ControlPlane;
use super::http::{self, Inspected, STALE};
use super::listen::{check_difference, check_exposure};
use super::pulse::Pulse;
use super::stores::AnyStore;
use super::{grpc, listen};
use crate::failure::Failure;

/// How long streams may take to end; a silent peer must not hold the process (hyper#4170).
const DRAIN: Duration = Duration::from_secs(10);
/// Nodes come back soon, but not all at once.
const RECONNECT_AFTER_MS: u32 = 100;
const SPREAD_MS: u32 = 1000;
/// How often readiness is looked at.
const READINESS_PAUSE: Duration = Duration::from_secs(1);

/// A running server.
pub(crate) struct Server {
    address: SocketAddr,
    stop: watch::Sender<bool>,
    /// Ends only when it must not go on.
    machinery: JoinSet<Result<(), StoreError>>,
    /// Serve until told to stop.
    fronts: JoinSet<Result<(), Failure>>,
    health: Health,
    node_sync: NodeSync,
    api: Api,
}

impl Server {
    /// Opens ports and store, and starts everything.
    pub(crate) async fn start(
        store: &str,
        ports: &Ports,
        settings: &Settings,
        auto_register: bool,
        remedy: &str,
    ) -> Result<Self, Failure> {
        check_exposure(ports.listen, ports.insecure_listen)?;
        check_difference(ports.listen, ports.http_listen)?;
        let grpc = listen("--listen", ports.listen).await?;
        let http = listen("--http-listen", ports.http_listen).await?;
        let store = AnyStore::open(store).await?;
        Self::over(store, grpc, http, settings, auto_register, remedy).await
    }

    async fn over(
        store: AnyStore,
        grpc: TcpListener,
        http: TcpListener,
        settings: &Settings,
        auto_register: bool,
        remedy: &str,
    ) -> Result<Self, Failure> {
        let address = grpc.local_addr()?;
        let plane = ControlPlane::start(store, settings, remedy).await?;
        let (stop, stopped) = watch::channel(false);
        let directory = plane.directory;
        let options = NodeSyncOptions {
            replica: format!("{address} (pid {})", std::process::id()),
            auto_register,
            identity: Arc::new(Claimed),
        };
        let node_sync = NodeSync::new(directory.nodes().clone(), options);
        let api = Api::new(directory.access().clone(), directory.founder());
        let (router, health) = grpc::router(api.clone(), node_sync.clone())?;
        let mut fronts = JoinSet::new();
        let incoming = TcpListenerStream::new(grpc).map(|stream| {
            let stream = stream?;
            // Frames are small and urgent; tonic's own option is ignored with a listener of ours.
            stream.set_nodelay(true)?;
            Ok::<_, std::io::Error>(stream)
        });
        let served = router.serve_with_incoming_shutdown(incoming, wait(stopped.clone()));
        fronts.spawn(async {
            served
                .await
                .map_err(|error| Failure::Start(format!("gRPC: {error}")))
        });
        let inspected = Inspected {
            registry: plane.metrics.registry(directory.access().clone()),
            pulse: directory.pulse().clone(),
        };
        let inspection = http::serve(http, inspected, wait(stopped.clone()));
        fronts.spawn(async {
            inspection
                .await
                .map_err(|error| Failure::Start(format!("HTTP: {error}")))
        });
        let watched = readiness(health.clone(), directory.pulse().clone(), wait(stopped));
        fronts.spawn(async {
            watched.await;
            Ok(())
        });
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
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until asked to end, then ends in order: no new clients, nodes told to go elsewhere, answers finished.
    pub(crate) async fn until(mut self, end: impl Future<Output = ()>) -> Result<(), Failure> {
        let reason = tokio::select! {
            () = end => Ok(()),
            Some(done) = self.machinery.join_next() => Err(match done {
                Ok(Ok(())) => Failure::Start("a part of the control plane ended".to_owned()),
                Ok(Err(error)) => Failure::Start(error.to_string()),
                Err(panic) => Failure::Start(format!("a part of the control plane failed: {panic}")),
            }),
            Some(done) = self.fronts.join_next() => match done {
                Ok(Err(failure)) => Err(failure),
                Ok(Ok(())) => Err(Failure::Start("a listener ended".to_owned())),
                Err(panic) => Err(Failure::Start(format!("a listener failed: {panic}"))),
            },
        };
        self.health.end();
        self.node_sync.drain(RECONNECT_AFTER_MS, SPREAD_MS);
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

async fn readiness(health: Health, pulse: Pulse, stopped: impl Future<Output = ()>) {
    let mut stopped = std::pin::pin!(stopped);
    let mut known = true;
    loop {
        tokio::select! {
            () = &mut stopped => return,
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
