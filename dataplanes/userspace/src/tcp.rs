//! TCP: accept, reach a backend, relay.

mod connection;
mod first;
mod flow;
pub(crate) mod pipe;
mod reach;
mod relay;
mod stream;
mod vanished;

use std::fmt::{self, Display, Formatter};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use nix::libc::{SOCK_CLOEXEC, SOCK_NONBLOCK};
use portolan_dataplane::FrontendKey;
use portolan_model::Protocol;
use socket2::Socket;
use tokio::time::sleep;

use crate::route::Route;
use crate::shares::Room;
use crate::sys::Watched;
use crate::tproxy::routes::Routes;
use crate::workers::Place;
use connection::Connection;
use relay::reset;

/// Pause after `accept` failed for want of descriptors or memory, which only time frees.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Connections accepted in a row that stay at home: about half a millisecond's work. Those behind them are better off elsewhere.
/// With 16 a processor of two is idle for an eighth of the time when one frontend has all short connections; with none a
/// frontend with few clients takes a fifth more processor time.
const STAYING: u32 = 8;

/// Whose connections a listener accepts.
pub(crate) enum Accepts {
    /// A frontend's own.
    Of(Arc<Route>),
    /// Those of all frontends that have none of their own.
    All(Arc<Routes>),
}

impl Accepts {
    /// Where a connection goes, with room for it; `None` if it has to be refused. Beyond the limits those of one frontend wait
    /// here, and then in the kernel's backlog. Where all come together they would have the others wait.
    async fn admit(&self, client: &Socket) -> Option<(Arc<Route>, Room)> {
        match self {
            Self::Of(route) => Some((Arc::clone(route), route.room().await.ok()?)),
            Self::All(routes) => {
                let at = client.local_addr().ok()?.as_socket()?;
                let route = routes.at(&FrontendKey {
                    address: at.ip(),
                    port: at.port(),
                    protocol: Protocol::Tcp,
                })?;
                let room = route.room().now_or_never()?.ok()?;
                Some((route, room))
            }
        }
    }
}

impl Display for Accepts {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Of(route) => route.key.fmt(f),
            Self::All(_) => f.write_str("all"),
        }
    }
}

/// Accepts until it is aborted. Connections live on by themselves.
pub(crate) async fn serve(listener: Watched, accepts: Accepts, home: Place) {
    let mut in_a_row = 0;
    loop {
        let error = match accept(&listener, &mut in_a_row).await {
            Ok((client, peer)) => {
                let Some((route, room)) = accepts.admit(&client).await else {
                    reset(&client);
                    continue;
                };
                let workers = &route.engine.workers;
                let is_behind = in_a_row > STAYING;
                let place = if is_behind {
                    workers.emptiest(home)
                } else {
                    home
                };
                let connection = Connection::new(Arc::clone(&route), workers.take(place), room);
                let carrying = connection.carry(client, peer);
                if place == home {
                    tokio::spawn(carrying);
                } else {
                    workers.send(place, carrying);
                }
                continue;
            }
            Err(error) => error,
        };
        // Otherwise the client gave up before it was accepted.
        if error.kind() != io::ErrorKind::ConnectionAborted {
            tracing::warn!(frontend = %accepts, %error, "can't accept connections");
            sleep(ACCEPT_PAUSE).await;
        }
    }
}

/// The next connection, and how many there were since the last wait.
async fn accept(listener: &Watched, in_a_row: &mut u32) -> io::Result<(Socket, SocketAddr)> {
    let registration = listener.registration()?;
    let socket = listener.socket();
    loop {
        let mut guard = registration.readable().await?;
        let Ok(accepted) = guard.try_io(|_| socket.accept4(SOCK_CLOEXEC | SOCK_NONBLOCK)) else {
            *in_a_row = 0;
            continue;
        };
        let (client, peer) = accepted?;
        *in_a_row = in_a_row.saturating_add(1);
        let peer = peer.as_socket().ok_or(io::ErrorKind::ConnectionAborted)?;
        return Ok((client, peer));
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
    use crate::engine::Engine;
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
        let engine = Arc::new(Engine::with_room(ROOM, workers, Vec::new()));
        let only = answering().await;
        let of = |service| Arc::new(frontend(service, &[backend(1, only)]));
        let carry = |last, service| Carried::new(at(last), of(service), &engine, None).unwrap();
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
