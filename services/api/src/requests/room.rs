//! Room for requests that are not yet complete, in octets: of all connections, and of each.

use std::sync::Arc;

use prometheus_client::metrics::gauge::Gauge;

use super::connection::Connection;

/// Octets of all requests that are held at once: those half sent, and those being answered.
const OF_ALL: i64 = 64 << 20;
/// Of one connection.
const OF_ONE: i64 = 16 << 20;

/// What all requests hold together. Cheap to clone.
#[derive(Clone)]
pub(super) struct Room(Gauge);

/// What one request holds; given back when dropped.
pub(super) struct Held {
    room: Room,
    connection: Option<Arc<Connection>>,
    octets: i64,
}

impl Room {
    /// Shown by a gauge.
    pub(super) fn new(held: Gauge) -> Self {
        Self(held)
    }

    /// Of a request that has not sent anything.
    pub(super) fn request(&self, connection: Option<Arc<Connection>>) -> Held {
        Held {
            room: self.clone(),
            connection,
            octets: 0,
        }
    }

    fn take(&self, octets: i64) -> bool {
        let fits = self.0.inc_by(octets) + octets <= OF_ALL;
        if !fits {
            self.0.dec_by(octets);
        }
        fits
    }
}

impl Held {
    /// Takes room for more octets; false if there is none.
    pub(super) fn take(&mut self, octets: i64) -> bool {
        let own = self.connection.as_ref();
        if !own.is_none_or(|connection| connection.hold(octets, OF_ONE)) {
            return false;
        }
        if !self.room.take(octets) {
            self.give_back(octets);
            return false;
        }
        self.octets += octets;
        true
    }

    /// Gives all of it back: what was held is complete, and somebody else's.
    pub(super) fn release(&mut self) {
        let octets = std::mem::take(&mut self.octets);
        self.room.0.dec_by(octets);
        self.give_back(octets);
    }

    fn give_back(&self, octets: i64) {
        if let Some(connection) = &self.connection {
            connection.release(octets);
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.release();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::super::connection::Crowd;
    use super::*;

    #[test]
    fn room_is_shared_and_each_connection_has_its_share() {
        let held = Gauge::default();
        let room = Room::new(held.clone());
        let one = || Connection::new(Instant::now(), Crowd::new(0));
        let connections: Vec<_> = (0..5).map(|_| one()).collect();
        let mut requests: Vec<_> = connections
            .iter()
            .map(|connection| room.request(Some(connection.clone())))
            .collect();
        assert!(
            requests[0].take(OF_ONE) && !requests[0].take(1),
            "its share"
        );
        assert!(
            !room.request(Some(connections[0].clone())).take(1),
            "of all its requests"
        );
        assert!((1..4).all(|n| requests[n].take(OF_ONE)));
        assert!(!requests[4].take(1), "of all connections");
        requests[0].release();
        assert!(requests[4].take(OF_ONE));
        drop(requests);
        assert_eq!(held.get(), 0);
    }
}
