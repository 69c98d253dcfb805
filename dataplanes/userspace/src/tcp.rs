//! TCP: accept, reach a backend, relay.

mod first;
mod flow;
mod pipe;
mod reach;
mod relay;
mod stream;
mod vanished;

use std::io;
use std::net::SocketAddr;
use std::os::fd::RawFd;
use std::sync::Arc;
use std::time::Duration;

use nix::libc::{SOCK_CLOEXEC, SOCK_NONBLOCK};
use socket2::Socket;
use tokio::io::Interest;
use tokio::time::sleep;

use crate::counters::{Active, count};
use crate::route::Route;
use crate::shares::Room;
use crate::sys::Watched;
use crate::workers::Place;
use first::First;
pub(crate) use pipe::Pipes;
use reach::reach;
use stream::Stream;

/// Pause after `accept` failed for want of descriptors or memory, which only time frees.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Accepts until it is aborted. Connections live on by themselves.
pub(crate) async fn serve(listener: Watched, route: Arc<Route>, home: Place) {
    loop {
        let error = match accept(&listener).await {
            Ok((client, peer)) => {
                // Beyond the limits connections wait here, and then in the kernel's backlog.
                let Ok(room) = route.room().await else {
                    return;
                };
                spawn(client, peer, room, &route, home);
                continue;
            }
            Err(error) => error,
        };
        // Otherwise the client gave up before it was accepted.
        if error.kind() != io::ErrorKind::ConnectionAborted {
            tracing::warn!(frontend = %route.key, %error, "can't accept connections");
            sleep(ACCEPT_PAUSE).await;
        }
    }
}

async fn accept(listener: &Watched) -> io::Result<(Socket, SocketAddr)> {
    let socket = listener.socket();
    let accept = |_: &RawFd| socket.accept4(SOCK_CLOEXEC | SOCK_NONBLOCK);
    let registration = listener.registration()?;
    let (client, peer) = registration.async_io(Interest::READABLE, accept).await?;
    let peer = peer.as_socket().ok_or(io::ErrorKind::ConnectionAborted)?;
    Ok((client, peer))
}

/// Relays a connection on the worker that has fewest. It is registered only there.
fn spawn(client: Socket, peer: SocketAddr, room: Room, route: &Arc<Route>, home: Place) {
    let workers = &route.shared.workers;
    let taken = workers.take(home);
    let place = taken.place;
    let route = Arc::clone(route);
    let carrying = async move {
        carry(client, peer, &route).await;
        drop((room, taken));
    };
    if place == home {
        tokio::spawn(carrying);
    } else {
        workers.handle(place).spawn(carrying);
    }
}

async fn carry(client: Socket, source: SocketAddr, route: &Route) {
    let counters = &route.shared.counters;
    count(&counters.connections);
    let _active = Active::new(&counters.connections_active);
    let reached = match First::read(&client, source, route) {
        Ok(first) => reach(source, first, route).await,
        // The client is gone already.
        Err(_) => None,
    };
    let Some((mut backend, up)) = reached else {
        count(&counters.connections_reset);
        reset(&client);
        return;
    };
    let relayed = match Stream::connected(client) {
        Ok(mut client) => {
            let relayed = relay::relay(&mut client, &mut backend, up, &route.shared).await;
            relayed.inspect_err(|_| reset(client.socket()))
        }
        Err(error) => Err(error),
    };
    if relayed.is_err() {
        // A clean end would make what arrived so far look complete.
        reset(backend.socket());
    }
}

/// Makes closing send a reset instead of a clean end. Fails only on a socket that is gone already.
fn reset(socket: &Socket) {
    if let Err(error) = socket.set_linger(Some(Duration::ZERO)) {
        tracing::debug!(%error, "can't reset a connection");
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use portolan_dataplane::FrontendKey;
    use portolan_dataplane::testing::{backend, frontend};
    use portolan_model::Protocol;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};
    use tokio::time::timeout;

    use super::*;
    use crate::carried::Carried;
    use crate::route::Shared;
    use crate::workers::Workers;

    const DEADLINE: Duration = Duration::from_secs(20);
    /// Connections at once: 62 for whoever comes, and a reserve of 2, of which a Service has 1.
    const ROOM: usize = 64;

    /// A backend that answers each connection with a byte, and ends it with the client.
    async fn answering() -> SocketAddr {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    stream.write_all(b"!").await?;
                    stream.read_to_end(&mut Vec::new()).await
                });
            }
        });
        address
    }

    fn at(last: u8) -> FrontendKey {
        let [_, _, second, third] = std::process::id().to_be_bytes();
        FrontendKey {
            address: Ipv4Addr::new(127, 128 + second % 64, third, last).into(),
            port: 8080,
            protocol: Protocol::Tcp,
        }
    }

    /// A client that was answered.
    async fn served(key: FrontendKey) -> TcpStream {
        let asking = async {
            let mut client = TcpStream::connect(key.socket_addr()).await?;
            client.read_u8().await.map(|_| client)
        };
        timeout(DEADLINE, asking).await.expect("in time").unwrap()
    }

    #[tokio::test]
    async fn a_service_that_takes_all_room_leaves_others_a_little() {
        let (_threads, workers) = Workers::start();
        let shared = Arc::new(Shared::with_room(ROOM, workers, Vec::new()));
        let only = answering().await;
        let of = |service| Arc::new(frontend(service, &[backend(1, only)]));
        let carry = |last, service| Carried::new(at(last), of(service), &shared).unwrap();
        // Two frontends of one Service, and one of another.
        let _carried = [carry(241, 1), carry(242, 1), carry(243, 2)];
        let mut greedy = Vec::new();
        for n in 0..63 {
            greedy.push(served(at([241, 242][n % 2])).await);
        }
        let mut waiting = TcpStream::connect(at(241).socket_addr()).await.unwrap();
        for _ in 0..3 {
            drop(served(at(243)).await);
        }
        let mut byte = [0];
        let error = waiting.try_read(&mut byte).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::WouldBlock, "it has to wait");
        drop(greedy);
        let answer = timeout(DEADLINE, waiting.read_u8()).await;
        assert_eq!(answer.expect("its turn has come").unwrap(), b'!');
    }
}
