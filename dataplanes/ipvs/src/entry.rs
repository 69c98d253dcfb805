//! Elements of sets, and the keys they have in common.

use std::net::{IpAddr, SocketAddr};

use portolan_dataplane::FrontendKey;
use portolan_model::Protocol;
use portolan_netlink::nftables::{Element, Family, octets};

use crate::program::SetName;

/// An element of one of our sets.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Entry {
    pub(crate) family: Family,
    pub(crate) set: SetName,
    pub(crate) element: Element,
}

impl Entry {
    /// What tells it from the others: all but value and userdata.
    pub(crate) fn identity(&self) -> (Family, SetName, &[u8], Option<&Vec<u8>>, bool) {
        let element = &self.element;
        (
            self.family,
            self.set,
            &element.key,
            element.key_end.as_ref(),
            element.interval_end,
        )
    }
}

/// The kernel's number of a transport.
pub(crate) fn number(protocol: Protocol) -> u8 {
    match protocol {
        Protocol::Tcp => 6,
        Protocol::Udp => 17,
        Protocol::Sctp => 132,
    }
}

/// The transport with this number, if a Service can have it.
pub(crate) fn protocol(wanted: u8) -> Option<Protocol> {
    [Protocol::Tcp, Protocol::Udp, Protocol::Sctp]
        .into_iter()
        .find(|known| number(*known) == wanted)
}

/// Address, transport, port: each field padded to four bytes.
pub(crate) fn frontend(key: FrontendKey) -> Vec<u8> {
    let [high, low] = key.port.to_be_bytes();
    let mut bytes = octets(key.address);
    bytes.extend_from_slice(&[number(key.protocol), 0, 0, 0, high, low, 0, 0]);
    bytes
}

/// A frontend and a backend.
pub(crate) fn backend(key: FrontendKey, backend: SocketAddr) -> Vec<u8> {
    let [high, low] = backend.port().to_be_bytes();
    [
        &frontend(key)[..],
        &octets(backend.ip()),
        &[high, low, 0, 0],
    ]
    .concat()
}

/// Back, with what follows the frontend in the key.
pub(crate) fn read_frontend(family: Family, key: &[u8]) -> Option<(FrontendKey, &[u8])> {
    let (address, rest) = read_address(family, key)?;
    let ([number, 0, 0, 0, high, low, 0, 0], rest) = rest.split_first_chunk::<8>()? else {
        return None;
    };
    let key = FrontendKey {
        address,
        port: u16::from_be_bytes([*high, *low]),
        protocol: protocol(*number)?,
    };
    Some((key, rest))
}

/// Back.
pub(crate) fn read_backend(family: Family, key: &[u8]) -> Option<(FrontendKey, SocketAddr)> {
    let (frontend, rest) = read_frontend(family, key)?;
    let (address, port) = read_address(family, rest)?;
    let [high, low, 0, 0] = port else {
        return None;
    };
    let port = u16::from_be_bytes([*high, *low]);
    Some((frontend, SocketAddr::new(address, port)))
}

/// An address, with what follows it.
pub(crate) fn read_address(family: Family, bytes: &[u8]) -> Option<(IpAddr, &[u8])> {
    match family {
        Family::V4 => {
            let (address, rest) = bytes.split_first_chunk::<4>()?;
            Some(((*address).into(), rest))
        }
        Family::V6 => {
            let (address, rest) = bytes.split_first_chunk::<16>()?;
            Some(((*address).into(), rest))
        }
    }
}
