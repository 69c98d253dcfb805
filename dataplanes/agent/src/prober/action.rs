//! What a probe does.

use std::net::SocketAddr;

use portolan_model::view::WorkloadView;
use portolan_model::{ProbeAction, ProbePort};

use super::outcome::Outcome;
use super::{grpc, http, tcp};

/// One probe, without a time limit: always at the workload's own first address.
pub(super) async fn attempt(view: &WorkloadView) -> Outcome {
    let Some(address) = view.addresses.first().copied() else {
        return Outcome::Fail("the workload has no address".to_owned());
    };
    match &view.probe.action {
        ProbeAction::HttpGet {
            port: ProbePort::Number(port),
            path,
            host,
            headers,
        } => {
            let get = http::Get {
                at: SocketAddr::new(address, *port),
                path,
                host,
                headers,
            };
            get.attempt().await
        }
        ProbeAction::TcpConnect {
            port: ProbePort::Number(port),
        } => tcp::attempt(SocketAddr::new(address, *port)).await,
        ProbeAction::GrpcCheck { port, service } => {
            grpc::attempt(SocketAddr::new(address, *port), service).await
        }
        // Names are resolved by the server.
        ProbeAction::HttpGet { .. } | ProbeAction::TcpConnect { .. } => {
            Outcome::Unknown("the probe's port has no number".to_owned())
        }
    }
}
