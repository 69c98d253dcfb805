//! The keys that elements have in common: fields of whole words of four bytes, in network order.

use std::net::IpAddr;

use portolan_dataplane::FrontendKey;
use portolan_model::Protocol;
use portolan_netlink::nftables::{Family, octets};

/// The kernel's number of a transport.
pub fn number(protocol: Protocol) -> u8 {
    match protocol {
        Protocol::Tcp => 6,
        Protocol::Udp => 17,
        Protocol::Sctp => 132,
    }
}

/// The transport with this number, if a Service can have it.
pub fn protocol(wanted: u8) -> Option<Protocol> {
    [Protocol::Tcp, Protocol::Udp, Protocol::Sctp]
        .into_iter()
        .find(|known| number(*known) == wanted)
}

/// The key of a frontend: address, transport, port.
pub fn frontend(key: FrontendKey) -> Vec<u8> {
    let [high, low] = key.port.to_be_bytes();
    let mut bytes = octets(key.address);
    bytes.extend_from_slice(&[number(key.protocol), 0, 0, 0, high, low, 0, 0]);
    bytes
}

/// Reads what [`frontend`] wrote, with what follows it in the key.
pub fn read_frontend(family: Family, key: &[u8]) -> Option<(FrontendKey, &[u8])> {
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

/// Reads an address, with what follows it.
pub fn read_address(family: Family, bytes: &[u8]) -> Option<(IpAddr, &[u8])> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frontend_is_read_back_with_what_follows_it() {
        for (name, address, protocol, family) in [
            ("IPv4", "10.96.0.1", Protocol::Tcp, Family::V4),
            ("IPv6", "fd00::1", Protocol::Udp, Family::V6),
            ("SCTP", "10.96.0.2", Protocol::Sctp, Family::V4),
        ] {
            let key = FrontendKey {
                address: address.parse().unwrap(),
                port: 8080,
                protocol,
            };
            let bytes = [&frontend(key)[..], &[1, 2, 3, 4]].concat();
            let read = read_frontend(family, &bytes);
            assert_eq!(read, Some((key, &[1, 2, 3, 4][..])), "{name}");
        }
    }

    #[test]
    fn what_is_no_frontend_is_none() {
        let key = frontend(FrontendKey {
            address: [10, 96, 0, 1].into(),
            port: 80,
            protocol: Protocol::Tcp,
        });
        let with = |at: usize, byte| {
            let mut key = key.clone();
            key[at] = byte;
            key
        };
        for (name, bytes) in [
            ("cut short", key[..11].to_vec()),
            ("no transport of a Service", with(4, 1)),
            ("padding that is none", with(5, 1)),
            ("nothing", Vec::new()),
        ] {
            assert_eq!(read_frontend(Family::V4, &bytes), None, "{name}");
        }
    }
}
