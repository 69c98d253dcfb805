//! What the messages of the node stream are made of.

use std::net::IpAddr;

use ipnet::IpNet;
use portolan_model::{Family, Protocol, Uid};

use crate::node::v1 as wire;

/// A body that is no view: a newer server, or a broken one.
#[derive(Debug, thiserror::Error)]
pub enum ViewError {
    /// Not the message it should be.
    #[error("body of kind {kind} can't be decoded")]
    Malformed {
        /// The kind, as the wire has it.
        kind: i32,
        /// The decoder's error.
        #[source]
        source: Option<prost::DecodeError>,
    },
    /// A field has no meaning to this release.
    #[error("{0} has a value that this release does not know")]
    Unknown(&'static str),
}

/// An address as 4 or 16 bytes.
pub fn address_bytes(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(v4) => v4.octets().to_vec(),
        IpAddr::V6(v6) => v6.octets().to_vec(),
    }
}

/// An address from 4 or 16 bytes.
pub fn address(bytes: &[u8]) -> Result<IpAddr, ViewError> {
    if let Ok(v4) = <[u8; 4]>::try_from(bytes) {
        return Ok(v4.into());
    }
    <[u8; 16]>::try_from(bytes)
        .map(IpAddr::from)
        .map_err(|_| ViewError::Unknown("address"))
}

pub(super) fn addresses(list: &[Vec<u8>]) -> Result<Vec<IpAddr>, ViewError> {
    list.iter().map(|bytes| address(bytes)).collect()
}

pub(super) fn nets(list: &[IpNet]) -> Vec<String> {
    list.iter().map(ToString::to_string).collect()
}

pub(super) fn from_nets(list: &[String]) -> Result<Vec<IpNet>, ViewError> {
    list.iter()
        .map(|text| text.parse().map_err(|_| ViewError::Unknown("range")))
        .collect()
}

pub(super) fn uid(bytes: &[u8]) -> Result<Uid, ViewError> {
    Uid::from_slice(bytes).ok_or(ViewError::Unknown("uid"))
}

pub(super) fn port(number: u32) -> Result<u16, ViewError> {
    u16::try_from(number).map_err(|_| ViewError::Unknown("port"))
}

/// A family on the wire.
pub fn family(family: Family) -> wire::Family {
    match family {
        Family::V4 => wire::Family::Ipv4,
        Family::V6 => wire::Family::Ipv6,
    }
}

/// A family from the wire.
pub fn from_family(family: wire::Family) -> Result<Family, ViewError> {
    match family {
        wire::Family::Ipv4 => Ok(Family::V4),
        wire::Family::Ipv6 => Ok(Family::V6),
        wire::Family::Unspecified => Err(ViewError::Unknown("family")),
    }
}

/// A transport on the wire.
pub fn protocol(protocol: Protocol) -> wire::Protocol {
    match protocol {
        Protocol::Tcp => wire::Protocol::Tcp,
        Protocol::Udp => wire::Protocol::Udp,
        Protocol::Sctp => wire::Protocol::Sctp,
    }
}

/// A transport from the wire.
pub fn from_protocol(protocol: wire::Protocol) -> Result<Protocol, ViewError> {
    match protocol {
        wire::Protocol::Tcp => Ok(Protocol::Tcp),
        wire::Protocol::Udp => Ok(Protocol::Udp),
        wire::Protocol::Sctp => Ok(Protocol::Sctp),
        wire::Protocol::Unspecified => Err(ViewError::Unknown("protocol")),
    }
}
