//! The PROXY protocol, version 2: tells a backend whose connection it is.
//!
//! Opt-in, and named on the plugin's command line: a backend that does not expect the header takes it for its client's
//! first bytes, and what a Service's backends expect is not part of what nodes are told about it.

use std::net::SocketAddr;
use std::str::FromStr;

use portolan_dataplane::ServiceRef;

/// Every header of version 2 starts with it.
const SIGNATURE: [u8; 12] = *b"\r\n\r\n\0\r\nQUIT\n";

/// Version 2, command PROXY.
const PROXY: u8 = 0x21;

const TCP_OVER_IPV4: u8 = 0x11;
const TCP_OVER_IPV6: u8 = 0x21;

/// Services whose backends expect the header: `namespace/name`, or `namespace/name:port` for one port by its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProxyProtocol {
    service: String,
    port: Option<String>,
}

/// Not the name of a Service.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` does not name a Service; write NAMESPACE/NAME, or NAMESPACE/NAME:PORT with the port's name"
)]
pub struct NotAService(String);

impl FromStr for ProxyProtocol {
    type Err = NotAService;

    fn from_str(text: &str) -> Result<Self, NotAService> {
        let (service, port) = match text.split_once(':') {
            Some((service, port)) => (service, Some(port.to_owned())),
            None => (text, None),
        };
        let parts: Vec<_> = service.split('/').collect();
        let is_named = parts.len() == 2 && parts.iter().all(|part| !part.is_empty());
        if is_named && port.as_ref().is_none_or(|port| !port.is_empty()) {
            let service = service.to_owned();
            Ok(Self { service, port })
        } else {
            Err(NotAService(text.to_owned()))
        }
    }
}

impl ProxyProtocol {
    /// Whether it names this port of a Service.
    pub(crate) fn names(&self, port: &ServiceRef) -> bool {
        self.service == format!("{}/{}", port.namespace, port.name)
            && self.port.as_ref().is_none_or(|name| *name == port.port)
    }
}

/// The header of a connection from `client` to the address that it asked for.
pub(crate) fn header(client: SocketAddr, asked: SocketAddr) -> Vec<u8> {
    let mut addresses = Vec::with_capacity(36);
    let family = match (client, asked) {
        (SocketAddr::V4(client), SocketAddr::V4(asked)) => {
            addresses.extend(client.ip().octets());
            addresses.extend(asked.ip().octets());
            TCP_OVER_IPV4
        }
        (client, asked) => {
            for address in [client, asked] {
                addresses.extend(match address {
                    SocketAddr::V4(address) => address.ip().to_ipv6_mapped().octets(),
                    SocketAddr::V6(address) => address.ip().octets(),
                });
            }
            TCP_OVER_IPV6
        }
    };
    addresses.extend(client.port().to_be_bytes());
    addresses.extend(asked.port().to_be_bytes());
    let length = u16::try_from(addresses.len()).expect("at most 36 bytes");
    let mut header = SIGNATURE.to_vec();
    header.extend([PROXY, family]);
    header.extend(length.to_be_bytes());
    header.extend(addresses);
    header
}

#[cfg(test)]
mod tests {
    use portolan_dataplane::testing::frontend;

    use super::*;

    #[test]
    fn headers_are_those_of_the_specification() {
        let v4 = header(
            ([192, 0, 2, 7], 0x1234).into(),
            ([10, 96, 0, 10], 80).into(),
        );
        let mut want = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c".to_vec();
        want.extend([192, 0, 2, 7, 10, 96, 0, 10, 0x12, 0x34, 0, 80]);
        assert_eq!(v4, want);
        let v6 = header(
            "[2001:db8::7]:1".parse().unwrap(),
            "[fd00::a]:80".parse().unwrap(),
        );
        assert_eq!(v6.len(), 16 + 36);
        assert_eq!(v6[12..16], [0x21, 0x21, 0, 36]);
        assert_eq!(v6[16..20], [0x20, 0x01, 0x0d, 0xb8]);
        assert_eq!(v6[48..], [0, 1, 0, 80]);
    }

    #[test]
    fn services_are_named_as_a_whole_or_by_port() {
        let port = frontend(1, &[]).service;
        for (text, names) in [
            ("default/service-1", Some(true)),
            ("default/service-1:main", Some(true)),
            ("default/service-1:other", Some(false)),
            ("default/service-11", Some(false)),
            ("other/service-1", Some(false)),
            ("service-1", None),
            ("default/", None),
            ("default/service-1:", None),
            ("a/b/c", None),
        ] {
            let parsed = text.parse::<ProxyProtocol>().ok();
            assert_eq!(parsed.map(|p| p.names(&port)), names, "{text}");
        }
    }
}
