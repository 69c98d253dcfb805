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
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::sleep;

use crate::counters::{Active, count};
use crate::route::Route;
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
                let connections = Arc::clone(&route.shared.connections);
                // Beyond the limit connections wait here, and then in the kernel's backlog.
                let Ok(permit) = connections.acquire_owned().await else {
                    return;
                };
                spawn(client, peer, permit, &route, home)
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
    permit: OwnedSemaphorePermit,
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
        drop((permit, taken));
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
