//! A client's connection, from its acceptance to its end.

use std::net::SocketAddr;
use std::sync::Arc;

use socket2::Socket;

use super::first::First;
use super::reach::reach;
use super::relay::{Outcome, Relay, reset};
use super::stream::Stream;
use crate::counters::{count, uncount};
use crate::route::Route;
use crate::shares::Room;
use crate::workers::Taken;

/// What it takes up while it lives.
pub(super) struct Connection {
    route: Arc<Route>,
    taken: Taken,
    _room: Room,
}

impl Connection {
    pub(super) fn new(route: Arc<Route>, taken: Taken, room: Room) -> Self {
        count(&route.engine.counters.connections);
        count(&route.engine.counters.connections_active);
        Self {
            route,
            taken,
            _room: room,
        }
    }

    /// Relays it. Once it showed that it lasts it moves to where there are fewer.
    pub(super) async fn carry(mut self, client: Socket, source: SocketAddr) {
        let Some(mut relay) = self.open(client, source).await else {
            return;
        };
        let mut place = None;
        let lasts = || {
            place = self.taken.better();
            place.is_some()
        };
        let outcome = relay.run(&self.route.engine, lasts).await;
        match (outcome, place) {
            (Ok(Outcome::Lasts), Some(place)) => {
                relay.leave();
                let workers = &self.route.engine.workers;
                let there = workers.handle(place).clone();
                self.taken = workers.take(place);
                there.spawn(self.settle(relay));
            }
            (Ok(_), _) => {}
            (Err(_), _) => relay.reset(),
        }
    }

    /// Relays to the end where it moved to.
    async fn settle(self, mut relay: Relay) {
        let settled = match relay.arrive() {
            Ok(()) => relay.run(&self.route.engine, || false).await,
            Err(error) => Err(error),
        };
        if settled.is_err() {
            relay.reset();
        }
    }

    /// With a backend; resets the client if there is none.
    async fn open(&self, client: Socket, source: SocketAddr) -> Option<Relay> {
        let reached = match First::read(&client, source, &self.route) {
            Ok(first) => reach(source, first, &self.route).await,
            // The client is gone already.
            Err(_) => None,
        };
        let Some((backend, up)) = reached else {
            count(&self.route.engine.counters.connections_reset);
            reset(&client);
            return None;
        };
        match Stream::connected(client) {
            Ok(client) => Some(Relay::new(client, backend, up)),
            Err(error) => {
                tracing::debug!(frontend = %self.route.key, %error, "can't watch a connection");
                reset(backend.socket());
                None
            }
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        uncount(&self.route.engine.counters.connections_active);
    }
}
