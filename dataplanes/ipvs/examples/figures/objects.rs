//! The Services of all who are measured.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use portolan_dataplane::testing::{backend, frontend};
use portolan_dataplane::{Backend, Frontend, FrontendKey};
use portolan_model::Protocol;

/// How many.
pub(crate) const SERVICES: u32 = 10_000;

fn address(high: u8, number: u32) -> IpAddr {
    Ipv4Addr::from(u32::from_be_bytes([high, 0, 0, 0]) + number).into()
}

pub(crate) fn virtual_at(number: u32) -> SocketAddr {
    SocketAddr::new(address(10, number), 80)
}

pub(crate) fn real_at(number: u32) -> SocketAddr {
    SocketAddr::new(address(100, number), 8080)
}

/// The second endpoint of a Service; each version has another.
pub(crate) fn second(number: u32, version: u8) -> Backend {
    let at = real_at(number * 2 + 1 + u32::from(version) * 4_000_000);
    backend(2 + version, at)
}

/// With two endpoints.
pub(crate) fn service(number: u32, version: u8) -> (FrontendKey, Frontend) {
    let at = virtual_at(number);
    let key = FrontendKey {
        address: at.ip(),
        port: at.port(),
        protocol: Protocol::Tcp,
    };
    let backends = [backend(1, real_at(number * 2)), second(number, version)];
    (key, frontend(1, &backends))
}
