//! Opening the ports, with errors that say whose they are.

use std::io::ErrorKind;
use std::net::SocketAddr;

use portolan_dataplane::FrontendKey;
use portolan_model::Protocol;
use tokio::net::TcpListener;

use crate::failure::Failure;

/// Listens, or says which flag names a port that somebody else has.
pub(crate) async fn listen(flag: &str, address: SocketAddr) -> Result<TcpListener, Failure> {
    TcpListener::bind(address).await.map_err(|error| {
        if error.kind() != ErrorKind::AddrInUse {
            return Failure::Start(format!("{flag} {address}: {error}"));
        }
        let key = FrontendKey {
            address: address.ip(),
            port: address.port(),
            protocol: Protocol::Tcp,
        };
        let holder =
            portolan_userspace::holder(key).unwrap_or_else(|| "another program".to_owned());
        Failure::Start(format!(
            "{flag} {address} is taken by {holder}; stop it, or choose another address with {flag}"
        ))
    })
}

/// Refuses to be open to everybody unless told so.
pub(crate) fn check_exposure(address: SocketAddr, insecure: bool) -> Result<(), Failure> {
    if address.ip().is_loopback() || insecure {
        return Ok(());
    }
    Err(Failure::Usage(format!(
        "--listen {address} is reachable from outside, and there is no TLS yet: anybody could change Services; listen on 127.0.0.1, or accept that with --insecure-listen"
    )))
}

/// Refuses one port for both, which would look as if this program's own port were another's.
pub(crate) fn check_difference(api: SocketAddr, http: SocketAddr) -> Result<(), Failure> {
    if api != http || api.port() == 0 {
        return Ok(());
    }
    Err(Failure::Usage(format!(
        "--listen and --http-listen are both {api}: the API and metrics need a port each"
    )))
}
