//! `portolan serve`: the control plane, put together.
//!
//! ```text
//! store --heads--> directory --begins, ends--> one plane per cluster:
//!
//! store --load--> Cache <--follow-- store
//!                   |  ^--publish-- committer <--queue-- Api (gRPC) , NodeSync (health), sweeper (quarantine)
//!                   '--> distributor --frames--> NodeSync
//! ```

mod args;
mod bootstrap;
mod compaction;
mod control_plane;
mod directory;
mod grpc;
mod http;
mod listen;
mod metrics;
mod plane;
mod pulse;
mod server;
mod stores;
mod usage;

pub(crate) use args::{ClusterFlags, Ports, Serve, Settings};
pub(crate) use listen::listen;
pub(crate) use server::Server;

use portolan_agent::Telemetry;

use crate::failure::Failure;

impl Serve {
    pub(crate) async fn run(self) -> Result<(), Failure> {
        let _telemetry = telemetry("info")?;
        // Clients that connect and stay idle must not keep others out.
        portolan_userspace::raise_limit();
        let settings = self.cluster.settings()?;
        let auto_register = self
            .auto_register
            .unwrap_or_else(|| self.ports.listen.ip().is_loopback());
        let remedy = "change the cluster itself";
        let server =
            Server::start(&self.store, &self.ports, &settings, auto_register, remedy).await?;
        tracing::info!(api = %server.address(), http = %self.ports.http_listen, "serving");
        server.until(portolan_agent::terminated()).await
    }
}

/// Logs and traces of a server; `default` is the filter where `RUST_LOG` says nothing.
pub(crate) fn telemetry(default: &str) -> Result<Telemetry, Failure> {
    Telemetry::start("portolan", default).map_err(|error| Failure::Start(error.to_string()))
}
