//! Where node ports answer.

use std::net::IpAddr;
use std::str::FromStr;

use ipnet::IpNet;
use nix::ifaddrs::getifaddrs;
use tracing::warn;

use crate::ArgsError;

/// An address, or a range that stands for those addresses in it that the node has.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum NodePortAddress {
    /// Taken as it is.
    One(IpAddr),
    /// Every address of the node in a range, as `--nodeport-addresses` of kube-proxy has it.
    Range(IpNet),
}

impl FromStr for NodePortAddress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let one = text.parse().map(Self::One);
        one.or_else(|_| text.parse().map(|range: IpNet| Self::Range(range.trunc())))
            .map_err(|_| "give an address, or a range such as 192.0.2.0/24".to_owned())
    }
}

/// What was given, with each range's addresses in its place.
pub(crate) fn select(given: &[NodePortAddress], own: &[IpAddr]) -> Result<Vec<IpAddr>, ArgsError> {
    let mut selected = Vec::new();
    for one in given {
        let addresses: Vec<IpAddr> = match *one {
            NodePortAddress::One(address) => vec![address],
            NodePortAddress::Range(range) => {
                let inside = own.iter().filter(|own| selects(range, **own));
                inside.copied().collect()
            }
        };
        if let (NodePortAddress::Range(range), true) = (one, addresses.is_empty()) {
            warn!(%range, "no address of this node is in this range of --node-port-address");
        }
        for address in addresses {
            if !selected.contains(&address) {
                selected.push(address);
            }
        }
    }
    // Nothing would mean the default to the server: ports would be open where nobody asked for it.
    if selected.is_empty() && !given.is_empty() {
        return Err(ArgsError::NodePortAddress);
    }
    Ok(selected)
}

/// A wide range such as `0.0.0.0/0` is about the addresses by which others reach the node: not loopback, and not those
/// that mean something on one link only.
fn selects(range: IpNet, address: IpAddr) -> bool {
    let link_local = match address {
        IpAddr::V4(address) => address.is_link_local(),
        IpAddr::V6(address) => address.is_unicast_link_local(),
    };
    let special = link_local || (address.is_loopback() && !range.addr().is_loopback());
    range.contains(&address) && !special
}

/// All that this machine's interfaces have now.
pub(crate) fn of_interfaces() -> Vec<IpAddr> {
    let interfaces = getifaddrs().into_iter().flatten();
    let addresses = interfaces.filter_map(|interface| {
        let address = interface.address?;
        let v4 = address.as_sockaddr_in().map(|v4| IpAddr::from(v4.ip()));
        v4.or_else(|| address.as_sockaddr_in6().map(|v6| v6.ip().into()))
    });
    addresses.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(texts: &[&str]) -> Vec<IpAddr> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn ranges_select_what_the_node_has() {
        let own = addresses(&[
            "192.0.2.1",
            "192.0.2.9",
            "198.51.100.1",
            "2001:db8::1",
            "fe80::1",
            "169.254.1.1",
            "127.0.0.1",
            "::1",
        ]);
        let rows: &[(&str, &[&str], &[&str])] = &[
            ("nothing is the server's default", &[], &[]),
            (
                "an address that is not there (yet)",
                &["203.0.113.1"],
                &["203.0.113.1"],
            ),
            ("loopback by itself", &["127.0.0.1"], &["127.0.0.1"]),
            ("a range", &["192.0.2.0/24"], &["192.0.2.1", "192.0.2.9"]),
            (
                "host bits do not matter",
                &["192.0.2.77/24"],
                &["192.0.2.1", "192.0.2.9"],
            ),
            ("a range of one", &["192.0.2.9/32"], &["192.0.2.9"]),
            (
                "each once, in the order given",
                &["192.0.2.9", "192.0.2.0/24"],
                &["192.0.2.9", "192.0.2.1"],
            ),
            (
                "all of IPv4",
                &["0.0.0.0/0"],
                &["192.0.2.1", "192.0.2.9", "198.51.100.1"],
            ),
            ("all of IPv6", &["::/0"], &["2001:db8::1"]),
            (
                "both families",
                &["198.51.100.0/24", "2001:db8::/32"],
                &["198.51.100.1", "2001:db8::1"],
            ),
            (
                "a family that is not there",
                &["198.51.100.0/24", "2001:db9::/32"],
                &["198.51.100.1"],
            ),
            ("loopback by its range", &["127.0.0.0/8"], &["127.0.0.1"]),
        ];
        for (name, given, expected) in rows {
            let given: Vec<_> = given.iter().map(|text| text.parse().unwrap()).collect();
            assert_eq!(select(&given, &own).unwrap(), addresses(expected), "{name}");
        }
        let elsewhere = ["203.0.113.0/24".parse().unwrap()];
        let refused = select(&elsewhere, &own);
        assert!(
            matches!(refused, Err(ArgsError::NodePortAddress)),
            "{refused:?}"
        );
    }

    #[test]
    fn what_is_neither_address_nor_range_is_refused() {
        for text in ["", "node-1", "192.0.2.0/33", "192.0.2.1:80", "primary"] {
            assert!(text.parse::<NodePortAddress>().is_err(), "{text}");
        }
    }

    #[test]
    fn every_machine_has_loopback() {
        let found = of_interfaces();
        assert!(found.iter().any(IpAddr::is_loopback), "{found:?}");
    }
}
