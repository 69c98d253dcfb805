//! A connection to a backend.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use nix::libc::{EINPROGRESS, EMFILE};
use socket2::{Domain, Socket, Type};
use tokio::time::{Instant, timeout_at};

use super::first::First;
use super::flow::Flow;
use super::stream::{Stream, write};
use crate::counters::count;
use crate::pool::Candidate;
use crate::route::Route;

/// A backend in the same network answers within a millisecond; three seconds let the kernel repeat a lost SYN once.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// For all attempts of one connection together: the second one gets what the first left of it.
const BUDGET: Duration = Duration::from_secs(5);

/// A connection to a backend, and how many of the first bytes it has.
type Connected = (Stream, usize);

/// A connection to one backend, or to one other if that fails: nothing was relayed yet, so nobody can tell. With it the
/// direction to it, which begins with the first bytes.
pub(super) async fn reach(
    source: SocketAddr,
    first: First,
    route: &Route,
) -> Option<(Stream, Flow)> {
    let began = Instant::now();
    let candidate = route.pick(source.ip(), None)?;
    let until = began + CONNECT_TIMEOUT;
    let mut reached = try_reach(&candidate, &first, until, route).await;
    if reached.is_none() {
        let other = route.pick(source.ip(), Some(&candidate))?;
        reached = try_reach(&other, &first, began + BUDGET, route).await;
        if reached.is_some() {
            count(&route.engine.counters.connect_retries);
        }
    }
    reached.map(|(stream, sent)| (stream, Flow::up(first.0, sent)))
}

/// Counts, remembers and tells a failure: this is what passive health is made of.
async fn try_reach(
    candidate: &Candidate,
    first: &First,
    until: Instant,
    route: &Route,
) -> Option<Connected> {
    let error = match connect(candidate.address(), first, until).await {
        Ok(connected) => return Some(connected),
        Err(error) => error,
    };
    count(&route.engine.counters.connect_failures);
    // Want of local ports or descriptors says nothing about the backend.
    let own_fault =
        error.kind() == io::ErrorKind::AddrNotAvailable || error.raw_os_error() == Some(EMFILE);
    if own_fault {
        tracing::debug!(frontend = %route.key, %error, "can't open a connection");
    } else {
        route.failed(candidate, &error);
    }
    None
}

/// A backend on the same machine is connected once the call returns, and gets the first bytes before anything is waited for.
async fn connect(address: SocketAddr, first: &First, until: Instant) -> io::Result<Connected> {
    let socket = begin(address, first)?;
    let sent = if first.is_empty() {
        Err(io::ErrorKind::WouldBlock.into())
    } else {
        write(&socket, &first.0, false)
    };
    match sent {
        Ok(sent) => Ok((Stream::connected(socket)?, sent)),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
            let connecting = Stream::connecting(socket);
            Ok((timeout_at(until, connecting).await??, 0))
        }
        Err(error) => Err(error),
    }
}

/// Begins to connect. Where bytes follow at once, they carry the acknowledgement that ends the handshake, as in HAProxy:
/// one segment less. It goes alone if they do not (Linux leaves the mode with the handshake, `tcp_rcv_synsent_state_process`).
fn begin(address: SocketAddr, first: &First) -> io::Result<Socket> {
    let kind = Type::STREAM.nonblocking();
    let socket = Socket::new(Domain::for_address(address), kind, None)?;
    if !first.is_empty() {
        socket.set_tcp_quickack(false)?;
    }
    match socket.connect(&address.into()) {
        Err(error) if error.raw_os_error() != Some(EINPROGRESS) => Err(error),
        _ => Ok(socket),
    }
}
