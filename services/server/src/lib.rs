//! `portolan serve`: the control plane, put together. It decides nothing; it is the one crate that names SQL stores.
//!
//! ```text
//! store --heads--> directory --begins, ends--> one plane per cluster:
//!
//! store --load--> Cache <--follow-- store
//!                   |  ^--publish-- committer <--queue-- Api (gRPC) , NodeSync (health), sweeper (quarantine)
//!                   '--> distributor --frames--> NodeSync
//! ```
//!
//! What this crate offers is boxed: rustc compiles an `async fn` where it is polled first, and that would be the program,
//! whole, when nothing else is left to build.
//!
//! Start reading at [`Server`].

mod accept;
mod args;
mod bootstrap;
mod compaction;
mod connections;
mod control_plane;
mod directory;
mod error;
mod grpc;
mod http;
mod listen;
mod metrics;
mod plane;
mod pulse;
mod server;
mod stores;
mod usage;

pub use args::{ClusterFlags, Ports, Serve, Settings};
pub use error::ServerError;
pub use listen::listen;
pub use server::{Server, ServerOptions};

use futures_util::future::BoxFuture;
use portolan_process::Telemetry;

impl Serve {
    /// Serves until the process is asked to end.
    pub fn run(self) -> BoxFuture<'static, Result<(), ServerError>> {
        Box::pin(self.serve())
    }

    async fn serve(self) -> Result<(), ServerError> {
        let _telemetry = telemetry("info")?;
        // Clients that connect and stay idle must not keep others out.
        portolan_process::raise_limit();
        let settings = self.cluster.settings()?;
        let auto_register = self
            .auto_register
            .unwrap_or_else(|| self.ports.listen.ip().is_loopback());
        let http = self.ports.http_listen;
        let server = Server::start(ServerOptions {
            store: self.store,
            ports: self.ports,
            settings,
            auto_register,
            remedy: "change the cluster itself".to_owned(),
        })
        .await?;
        tracing::info!(api = %server.address(), %http, "serving");
        server.until(portolan_process::terminated()).await
    }
}

/// Logs and traces of a server; `default` is the filter where `RUST_LOG` says nothing.
pub fn telemetry(default: &str) -> Result<Telemetry, ServerError> {
    Telemetry::start("portolan", default).map_err(|error| ServerError::Start(error.to_string()))
}
