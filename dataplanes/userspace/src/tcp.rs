//! TCP: accept, connect, relay.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use socket2::SockRef;
use tokio::io::copy_bidirectional_with_sizes;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};

use crate::counters::{Active, count};
use crate::pool::Candidate;
use crate::route::Route;

/// A backend in the same network answers within a millisecond; three seconds let the kernel repeat a lost SYN once.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// Pause after `accept` failed for want of descriptors or memory, which only time frees.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Buffer of one direction: large enough that a system call moves ten full segments, small enough for short
/// connections, which are most.
const BUFFER: usize = 16 * 1024;

/// Accepts until it is aborted. Connections live on by themselves.
pub(crate) async fn serve(listener: TcpListener, route: Arc<Route>) {
    loop {
        match listener.accept().await {
            Ok((client, peer)) => {
                let connections = Arc::clone(&route.shared.connections);
                // Beyond the limit connections wait here, and then in the kernel's backlog.
                let Ok(permit) = connections.acquire_owned().await else {
                    return;
                };
                let route = Arc::clone(&route);
                tokio::spawn(async move {
                    relay(client, peer.ip(), &route).await;
                    drop(permit);
                });
            }
            // The client gave up before it was accepted.
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
            Err(error) => {
                tracing::warn!(frontend = %route.key, %error, "can't accept connections");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn relay(mut client: TcpStream, source: IpAddr, route: &Route) {
    let counters = &route.shared.counters;
    count(&counters.connections);
    let _active = Active::new(&counters.connections_active);
    let Some(mut backend) = reach(source, route).await else {
        count(&counters.connections_reset);
        reset(&client);
        return;
    };
    tune(&client);
    tune(&backend);
    let relayed = copy_bidirectional_with_sizes(&mut client, &mut backend, BUFFER, BUFFER).await;
    if relayed.is_err() {
        // A clean end would make what arrived so far look complete.
        reset(&client);
        reset(&backend);
    }
}

/// A connection to one backend, or to one other if that fails: nothing was relayed yet, so nobody can tell.
async fn reach(source: IpAddr, route: &Route) -> Option<TcpStream> {
    let first = route.pick(source, None)?;
    if let Some(stream) = connect(&first, route).await {
        return Some(stream);
    }
    let second = route.pick(source, Some(&first))?;
    let stream = connect(&second, route).await?;
    count(&route.shared.counters.connect_retries);
    Some(stream)
}

async fn connect(candidate: &Candidate, route: &Route) -> Option<TcpStream> {
    let connecting = timeout(CONNECT_TIMEOUT, TcpStream::connect(candidate.address())).await;
    let error = match connecting {
        Ok(Ok(stream)) => return Some(stream),
        Ok(Err(error)) => error,
        Err(_) => io::ErrorKind::TimedOut.into(),
    };
    count(&route.shared.counters.connect_failures);
    // Want of local ports or descriptors says nothing about the backend.
    let own_fault = error.kind() == io::ErrorKind::AddrNotAvailable
        || error.raw_os_error() == Some(nix::libc::EMFILE);
    if !own_fault {
        candidate.failed(route.shared.now());
    }
    tracing::debug!(frontend = %route.key, backend = %candidate.address(), %error, "can't connect");
    None
}

/// Both ends batch by themselves, so delaying small segments only adds latency; keepalive ends relays whose peer
/// vanished without a word. Neither is worth a connection.
fn tune(stream: &TcpStream) {
    let tuned = stream
        .set_nodelay(true)
        .and_then(|()| SockRef::from(stream).set_keepalive(true));
    if let Err(error) = tuned {
        tracing::debug!(%error, "can't set socket options");
    }
}

/// Makes closing send a reset instead of a clean end. Fails only on a socket that is gone already.
fn reset(stream: &TcpStream) {
    if let Err(error) = stream.set_zero_linger() {
        tracing::debug!(%error, "can't reset a connection");
    }
}
