//! A TCP segment out of its connection's window.

use std::io::{ErrorKind, Read};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};

use crate::{ECHO, Namespace};

const FIN_SYN_RST: u8 = 0b111;
const ACK: u8 = 0b1_0000;

/// Listens beside a server for what a connection is at, to send something that it is not.
pub(crate) struct Stray {
    socket: Socket,
    server: SocketAddr,
    client: SocketAddr,
}

impl Stray {
    /// From now on.
    pub(crate) fn listen(machine: &Namespace, server: IpAddr, client: SocketAddr) -> Self {
        let server = SocketAddr::new(server, ECHO);
        machine.run(async move {
            let domain = Domain::for_address(client);
            let socket = Socket::new(domain, Type::RAW, Some(Protocol::TCP));
            let socket = socket.expect("root may open raw sockets");
            let quiet = socket.set_read_timeout(Some(Duration::from_millis(500)));
            quiet.expect("a raw socket has a timeout");
            Self {
                socket,
                server,
                client,
            }
        })
    }

    /// Sends a segment whose acknowledgement is right and whose sequence number is half the space away: who resets a
    /// connection because of it hits the server's very window.
    pub(crate) fn send(self, machine: &Namespace) {
        machine.run(async move {
            let (next, acknowledged) = self.state();
            let wild = acknowledged.wrapping_add(1 << 31);
            let segment = self.segment(wild, next);
            let to = SocketAddr::new(self.client.ip(), 0).into();
            for _ in 0..3 {
                self.socket.send_to(&segment, &to).expect("it is sent");
            }
        });
    }

    /// The sequence number that the server expects next, and the one that the client does.
    fn state(&self) -> (u32, u32) {
        let mut buffer = vec![0; 64 * 1024];
        let mut latest = None;
        loop {
            let length = match (&self.socket).read(&mut buffer) {
                Ok(length) => length,
                Err(error)
                    if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) =>
                {
                    break;
                }
                Err(error) => panic!("raw socket: {error}"),
            };
            // IPv4 packets come with their header, IPv6 ones without.
            let header = if self.client.is_ipv4() {
                usize::from(buffer[0] & 0xf) * 4
            } else {
                0
            };
            let segment = &buffer[header..length];
            let port = |at: usize| u16::from_be_bytes([segment[at], segment[at + 1]]);
            let number = |at: usize| {
                u32::from_be_bytes([
                    segment[at],
                    segment[at + 1],
                    segment[at + 2],
                    segment[at + 3],
                ])
            };
            let is_ours = port(0) == self.client.port() && port(2) == self.server.port();
            if is_ours && segment[13] & FIN_SYN_RST == 0 {
                let data = segment.len() - usize::from(segment[12] >> 4) * 4;
                let data = u32::try_from(data).expect("a segment is short");
                latest = Some((number(4).wrapping_add(data), number(8)));
            }
        }
        latest.expect("the client has sent something")
    }

    fn segment(&self, sequence: u32, acknowledgement: u32) -> Vec<u8> {
        let mut segment = Vec::new();
        segment.extend(self.server.port().to_be_bytes());
        segment.extend(self.client.port().to_be_bytes());
        segment.extend(sequence.to_be_bytes());
        segment.extend(acknowledgement.to_be_bytes());
        segment.extend([5 << 4, ACK, 0x10, 0, 0, 0, 0, 0]);
        let sum = self.checksum(&segment);
        segment[16..18].copy_from_slice(&sum.to_be_bytes());
        segment
    }

    /// RFC 9293, section 3.1: over pseudo header and segment.
    fn checksum(&self, segment: &[u8]) -> u16 {
        let mut covered = Vec::new();
        for address in [self.server.ip(), self.client.ip()] {
            match address {
                IpAddr::V4(v4) => covered.extend(v4.octets()),
                IpAddr::V6(v6) => covered.extend(v6.octets()),
            }
        }
        let length = u16::try_from(segment.len()).expect("a segment is short");
        covered.extend([0, 6]);
        covered.extend(length.to_be_bytes());
        covered.extend(segment);
        let words = covered.chunks(2);
        let words = words.map(|pair| u32::from(u16::from_be_bytes([pair[0], pair[1]])));
        let mut sum: u32 = words.sum();
        while sum > 0xffff {
            sum = (sum & 0xffff) + (sum >> 16);
        }
        !u16::try_from(sum).expect("folded to 16 bits")
    }
}
