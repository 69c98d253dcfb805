//! TCP: established passes.

use std::net::SocketAddr;

use tokio::net::TcpStream;

use super::action::connection_failed;
use super::threshold::Outcome;

pub(super) async fn attempt(at: SocketAddr) -> Outcome {
    match TcpStream::connect(at).await {
        Ok(_) => Outcome::Pass,
        Err(error) => connection_failed(&error),
    }
}
