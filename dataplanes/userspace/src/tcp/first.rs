//! What a backend is sent before anything else.

use std::io::{self, Read};
use std::net::SocketAddr;

use socket2::Socket;

use super::flow::with_scratch;
use crate::proxy_protocol::header;
use crate::route::Route;

/// A header, where backends expect one, and what the client sent already. Most clients speak first, and what they said is
/// there when they are accepted; of others nothing is waited for.
pub(super) struct First(pub(super) Vec<u8>);

impl First {
    pub(super) fn read(mut client: &Socket, source: SocketAddr, route: &Route) -> io::Result<Self> {
        let mut first = if route.tells_clients() {
            header(source, route.key.socket_addr())
        } else {
            Vec::new()
        };
        with_scratch(|scratch| match client.read(scratch) {
            // The end, if it is that, is read again.
            Ok(read) => {
                first.extend_from_slice(&scratch[..read]);
                Ok(Self(first))
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(Self(first)),
            Err(error) => Err(error),
        })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
