//! What is measured, in a process of its own.

use std::net::SocketAddr;

use anyhow::ensure;
use portolan_dataplane::testing::{backend, frontend};
use portolan_dataplane::{Dataplane, FrontendKey, Plan};
use portolan_model::Protocol;
use portolan_userspace::UserspaceDataplane;
use tokio::net::{TcpListener, TcpStream};

/// The userspace dataplane with one frontend and one backend, until the process is ended.
pub(crate) async fn relay(udp: bool, at: SocketAddr, to: SocketAddr) -> anyhow::Result<()> {
    let mut dataplane = UserspaceDataplane::new();
    let key = FrontendKey {
        address: at.ip(),
        port: at.port(),
        protocol: if udp { Protocol::Udp } else { Protocol::Tcp },
    };
    let plan = Plan {
        put: vec![(key, frontend(1, &[backend(1, to)]).into())],
        ..Plan::default()
    };
    let applied = dataplane.apply(&plan).await;
    ensure!(applied.rejected.is_empty(), "{applied:?}");
    std::future::pending().await
}

/// Connections to the backend for connections from clients, kept and never read: what two sockets weigh.
pub(crate) async fn hold(at: SocketAddr, to: SocketAddr) -> anyhow::Result<()> {
    let listener = TcpListener::bind(at).await?;
    let mut held = Vec::new();
    loop {
        let (client, _) = listener.accept().await?;
        held.push((client, TcpStream::connect(to).await?));
    }
}
