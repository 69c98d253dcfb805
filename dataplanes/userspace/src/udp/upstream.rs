//! The socket of a session.

use std::io;
use std::mem::MaybeUninit;
use std::net::SocketAddr;

use nix::sys::epoll::{Epoll, EpollEvent, EpollFlags};
use socket2::{Domain, Socket, Type};

use crate::sys::disconnect;

/// Where a session is found when its socket is ready. Another session may have it then: a read in vain is all it costs.
pub(super) type Slot = usize;

/// Connected, so that the kernel tells its replies apart and an ICMP error belongs to it alone. It stays registered for its
/// slot whoever's session it is.
#[derive(Debug)]
pub(super) struct Upstream {
    pub(super) socket: Socket,
    pub(super) slot: Slot,
    domain: Domain,
}

impl Upstream {
    pub(super) fn open(address: SocketAddr, slot: Slot, sockets: &Epoll) -> io::Result<Self> {
        let domain = Domain::for_address(address);
        let socket = Socket::new(domain, Type::DGRAM.nonblocking(), None)?;
        let data = u64::try_from(slot).expect("far fewer");
        // Told once: what still arrives at a socket that rests must not be told again and again.
        let flags = EpollFlags::EPOLLIN | EpollFlags::EPOLLET;
        sockets.add(&socket, EpollEvent::new(flags, data))?;
        Ok(Self {
            socket,
            slot,
            domain,
        })
    }

    pub(super) fn connect(&self, address: SocketAddr) -> io::Result<()> {
        self.socket.connect(&address.into())
    }

    /// From now on nothing arrives, as nobody's datagrams are for it.
    pub(super) fn rest(&self) -> io::Result<()> {
        disconnect(&self.socket)
    }

    /// Whether it can be used for this address after its rest. What arrived before, an ICMP error included, is thrown away.
    pub(super) fn is_fit_for(&self, address: SocketAddr) -> bool {
        let mut rest = [MaybeUninit::uninit(); 1];
        loop {
            match self.socket.recv(&mut rest) {
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {}
                Err(error) => {
                    let is_empty = error.kind() == io::ErrorKind::WouldBlock;
                    return is_empty && self.domain == Domain::for_address(address);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, UdpSocket};

    use nix::sys::epoll::EpollCreateFlags;

    use super::*;

    #[test]
    fn after_a_rest_only_what_is_for_the_new_session_arrives() {
        let backend = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = backend.local_addr().unwrap();
        let sockets = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC).unwrap();
        let upstream = Upstream::open(address, 0, &sockets).unwrap();
        let mut buffer = [0; 16];
        let mut peer = || {
            upstream.connect(address).unwrap();
            upstream.socket.send(b"?").unwrap();
            backend.recv_from(&mut buffer).unwrap().1
        };
        let before = peer();
        backend.send_to(b"late", before).unwrap();
        upstream.rest().unwrap();
        backend.send_to(b"later", before).unwrap();
        assert!(!upstream.is_fit_for("[::1]:53".parse().unwrap()));
        assert!(upstream.is_fit_for(address));
        let after = peer();
        // The refusal of what came too late.
        while backend.send_to(b"yes", after).is_err() {}
        let mut answer = [MaybeUninit::new(0); 16];
        assert_eq!(upstream.socket.recv(&mut answer).unwrap(), 3);
        let more = upstream.socket.recv(&mut answer).unwrap_err();
        assert_eq!(more.kind(), io::ErrorKind::WouldBlock);
    }
}
