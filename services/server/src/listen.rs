//! Opening the ports, with errors that say whose they are.

use std::io::ErrorKind;
use std::net::SocketAddr;

use portolan_model::Protocol;
use tokio::net::TcpListener;

use crate::error::ServerError;

/// Listens, or says which flag names a port that somebody else has.
pub async fn listen(flag: &str, address: SocketAddr) -> Result<TcpListener, ServerError> {
    TcpListener::bind(address).await.map_err(|error| {
        if error.kind() != ErrorKind::AddrInUse {
            return ServerError::Start(format!("{flag} {address}: {error}"));
        }
        let holder = portolan_process::holder(address, Protocol::Tcp);
        let holder = holder.unwrap_or_else(|| "another program".to_owned());
        ServerError::Start(format!(
            "{flag} {address} is taken by {holder}; stop it, or choose another address with {flag}"
        ))
    })
}

/// Refuses to be open to everybody unless told so.
pub(crate) fn check_exposure(address: SocketAddr, insecure: bool) -> Result<(), ServerError> {
    if address.ip().is_loopback() || insecure {
        return Ok(());
    }
    Err(ServerError::Usage(format!(
        "--listen {address} is reachable from outside, and there is no TLS yet: anybody could change Services; listen on 127.0.0.1, or accept that with --insecure-listen"
    )))
}

/// Refuses one port for both, which would look as if this program's own port were another's.
pub(crate) fn check_difference(api: SocketAddr, http: SocketAddr) -> Result<(), ServerError> {
    if api != http || api.port() == 0 {
        return Ok(());
    }
    Err(ServerError::Usage(format!(
        "--listen and --http-listen are both {api}: the API and metrics need a port each"
    )))
}
