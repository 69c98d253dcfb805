//! Addresses, ports and protocols.

use std::fmt;
use std::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

/// A transport protocol.
#[derive(
    Copy, Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "UPPERCASE")]
pub enum Protocol {
    /// TCP.
    #[default]
    Tcp,
    /// UDP.
    Udp,
    /// SCTP.
    Sctp,
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tcp => "TCP",
            Self::Udp => "UDP",
            Self::Sctp => "SCTP",
        })
    }
}

/// An address family.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Family {
    /// IPv4.
    #[serde(rename = "IPv4")]
    V4,
    /// IPv6.
    #[serde(rename = "IPv6")]
    V6,
}

impl Family {
    /// The family of an address.
    pub fn of(address: IpAddr) -> Self {
        if address.is_ipv4() {
            Self::V4
        } else {
            Self::V6
        }
    }

    /// The family of a range.
    pub fn of_net(net: &IpNet) -> Self {
        Self::of(net.addr())
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V4 => "IPv4",
            Self::V6 => "IPv6",
        })
    }
}

/// An inclusive range of ports.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PortRange {
    /// Lowest port, at least 1.
    pub first: u16,
    /// Highest port, not below `first`.
    pub last: u16,
}

impl PortRange {
    /// Whether the port lies in the range.
    pub fn contains(&self, port: u16) -> bool {
        (self.first..=self.last).contains(&port)
    }

    /// Ports in all.
    pub fn size(&self) -> u32 {
        u32::from(self.last) - u32::from(self.first) + 1
    }
}

impl fmt::Display for PortRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.first, self.last)
    }
}

/// An address in strict form: no leading zeros (`std` refuses them), no zone, no IPv4-mapped IPv6 (KEP-4858).
pub fn parse_address(text: &str) -> Result<IpAddr, &'static str> {
    let address: IpAddr = text
        .parse()
        .map_err(|_| "must be an IPv4 or IPv6 address, such as 10.96.0.10 or fd00::10")?;
    match address {
        IpAddr::V6(v6) if v6.to_ipv4_mapped().is_some() => {
            Err("must not be an IPv4-mapped IPv6 address; write the IPv4 address")
        }
        _ => Ok(address),
    }
}

/// A range in strict form: an address as [`parse_address`] wants it, a prefix without leading zeros, no host bits.
pub fn canonical_cidr(text: &str) -> Result<IpNet, String> {
    let malformed = || "must be a CIDR, such as 10.96.0.0/16".to_owned();
    let (address, prefix) = text.split_once('/').ok_or_else(malformed)?;
    let is_plain = prefix.bytes().all(|b| b.is_ascii_digit()) && !prefix.starts_with('0');
    let length = prefix.parse().ok().filter(|_| is_plain || prefix == "0");
    let address = parse_address(address).map_err(|why| format!("{}: {why}", malformed()))?;
    let net = IpNet::new(address, length.ok_or_else(malformed)?).map_err(|_| malformed())?;
    if net.trunc() != net {
        return Err(format!(
            "has bits set behind the prefix; did you mean {}?",
            net.trunc()
        ));
    }
    Ok(net)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_canonical() {
        for (text, ok) in [
            ("10.0.0.0/8", true),
            ("0.0.0.0/0", true),
            ("10.0.0.1/32", true),
            ("fd00::/64", true),
            ("FD00::/64", true),
            ("10.0.0.0", false),
            ("10.0.0.1/8", false),
            ("010.0.0.0/8", false),
            ("10.0.00.0/8", false),
            ("10.0.0.0/08", false),
            ("10.0.0.0/+8", false),
            ("10.0.0.0/", false),
            ("10.0.0.0/33", false),
            ("::ffff:10.0.0.0/104", false),
            ("fe80::%eth0/64", false),
            ("10.0.0.0/8/8", false),
            (" 10.0.0.0/8", false),
        ] {
            assert_eq!(canonical_cidr(text).is_ok(), ok, "{text:?}");
        }
    }
}
