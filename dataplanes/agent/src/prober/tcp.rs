//! TCP: established passes.

use std::net::SocketAddr;

use tokio::net::TcpStream;

use super::outcome::Outcome;

pub(super) async fn attempt(at: SocketAddr) -> Outcome {
    match TcpStream::connect(at).await {
        Ok(_) => Outcome::Pass,
        Err(error) => Outcome::of_connection(&error),
    }
}
