//! Elements of our sets, and the keys that only this dataplane has.

use std::net::SocketAddr;

use portolan_dataplane::FrontendKey;
use portolan_netlink::nftables::{Family, octets};
use portolan_nft::key::{frontend, read_address, read_frontend};

use crate::program::SetName;

pub(crate) type Entry = portolan_nft::Entry<SetName>;
pub(crate) type Difference = portolan_nft::Difference<SetName>;
pub(crate) type Ranges = portolan_nft::Ranges<SetName>;

/// The key of an element of `backends`: a frontend and a backend.
pub(crate) fn backend(key: FrontendKey, backend: SocketAddr) -> Vec<u8> {
    let [high, low] = backend.port().to_be_bytes();
    [
        &frontend(key)[..],
        &octets(backend.ip()),
        &[high, low, 0, 0],
    ]
    .concat()
}

/// Reads what [`backend`] wrote.
pub(crate) fn read_backend(family: Family, key: &[u8]) -> Option<(FrontendKey, SocketAddr)> {
    let (frontend, rest) = read_frontend(family, key)?;
    let (address, port) = read_address(family, rest)?;
    let [high, low, 0, 0] = port else {
        return None;
    };
    let port = u16::from_be_bytes([*high, *low]);
    Some((frontend, SocketAddr::new(address, port)))
}
