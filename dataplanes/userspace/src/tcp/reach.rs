//! A connection to a backend.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};

use crate::counters::count;
use crate::pool::Candidate;
use crate::proxy_protocol::header;
use crate::route::Route;

/// A backend in the same network answers within a millisecond; three seconds let the kernel repeat a lost SYN once.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// For all attempts of one connection together: the second one gets what the first left of it.
const BUDGET: Duration = Duration::from_secs(5);

/// A connection to one backend, or to one other if that fails: nothing was relayed yet, so nobody can tell.
pub(super) async fn reach(source: SocketAddr, route: &Route) -> Option<TcpStream> {
    let began = Instant::now();
    let first = route.pick(source.ip(), None)?;
    if let Some(stream) = try_reach(&first, source, began + CONNECT_TIMEOUT, route).await {
        return Some(stream);
    }
    let second = route.pick(source.ip(), Some(&first))?;
    let stream = try_reach(&second, source, began + BUDGET, route).await?;
    count(&route.shared.counters.connect_retries);
    Some(stream)
}

/// Counts, remembers and tells a failure: this is what passive health is made of.
async fn try_reach(
    candidate: &Candidate,
    source: SocketAddr,
    until: Instant,
    route: &Route,
) -> Option<TcpStream> {
    let connecting = timeout_at(until, connect(candidate.address(), source, route)).await;
    let error = match connecting {
        Ok(Ok(stream)) => return Some(stream),
        Ok(Err(error)) => error,
        Err(_) => io::ErrorKind::TimedOut.into(),
    };
    count(&route.shared.counters.connect_failures);
    // Want of local ports or descriptors says nothing about the backend.
    let own_fault = error.kind() == io::ErrorKind::AddrNotAvailable
        || error.raw_os_error() == Some(nix::libc::EMFILE);
    if own_fault {
        tracing::debug!(frontend = %route.key, %error, "can't open a connection");
    } else {
        route.failed(candidate, &error);
    }
    None
}

async fn connect(address: SocketAddr, source: SocketAddr, route: &Route) -> io::Result<TcpStream> {
    let mut stream = TcpStream::connect(address).await?;
    // The ends batch by themselves; delaying small segments would only add latency.
    stream.set_nodelay(true)?;
    if route.tells_clients() {
        let header = header(source, route.key.socket_addr());
        stream.write_all(&header).await?;
    }
    Ok(stream)
}
