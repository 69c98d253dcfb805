//! TCP: accept, reach a backend, relay.

mod flow;
mod pipe;
mod reach;
mod relay;
mod vanished;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;

use crate::counters::{Active, count};
use crate::route::Route;
use crate::shares::Room;
use crate::workers::Place;
pub(crate) use pipe::Pipes;
use reach::reach;

/// Pause after `accept` failed for want of descriptors or memory, which only time frees.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Accepts until it is aborted. Connections live on by themselves.
pub(crate) async fn serve(listener: TcpListener, route: Arc<Route>, home: Place) {
    loop {
        let spawned = match listener.accept().await {
            Ok((client, peer)) => {
                // Beyond the limits connections wait here, and then in the kernel's backlog.
                let Ok(room) = route.room().await else {
                    return;
                };
                spawn(client, peer, room, &route, home)
            }
            Err(error) => Err(error),
        };
        match spawned {
            Ok(()) => {}
            // The client gave up before it was accepted.
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
            Err(error) => {
                tracing::warn!(frontend = %route.key, %error, "can't accept connections");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Relays a connection on the worker that has fewest.
fn spawn(
    client: TcpStream,
    peer: SocketAddr,
    room: Room,
    route: &Arc<Route>,
    home: Place,
) -> io::Result<()> {
    let workers = &route.shared.workers;
    let taken = workers.take(home);
    let place = taken.place;
    let client = if place == home {
        client
    } else {
        // Its events have to arrive there, too.
        let moved = client.into_std()?;
        let _there = workers.handle(place).enter();
        TcpStream::from_std(moved)?
    };
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
    Ok(())
}

async fn carry(mut client: TcpStream, source: SocketAddr, route: &Route) {
    let counters = &route.shared.counters;
    count(&counters.connections);
    let _active = Active::new(&counters.connections_active);
    let Some(mut backend) = reach(source, route).await else {
        count(&counters.connections_reset);
        reset(&client);
        return;
    };
    let relayed = relay::relay(&mut client, &mut backend, &route.shared).await;
    if relayed.is_err() {
        // A clean end would make what arrived so far look complete.
        reset(&client);
        reset(&backend);
    }
}

/// Makes closing send a reset instead of a clean end. Fails only on a socket that is gone already.
fn reset(stream: &TcpStream) {
    if let Err(error) = stream.set_zero_linger() {
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
