//! Where node ports answer unless something else was asked for.

use std::net::{IpAddr, Ipv4Addr};

use portolan_model::Family;

/// The primary address of each family, as everywhere, and 127.0.0.1: a socket there needs no route that martian filters
/// forbid, which is why kube-proxy's nftables mode can't offer it. Not where the node itself is a loopback address, as other
/// nodes of the same machine would want the same ports.
pub fn also_on_loopback(addresses: &[IpAddr]) -> Vec<IpAddr> {
    let first = |family| addresses.iter().find(|a| Family::of(**a) == family);
    let primary = [Family::V4, Family::V6].into_iter().filter_map(first);
    let mut own: Vec<_> = primary.copied().collect();
    if own.iter().any(IpAddr::is_loopback) {
        return Vec::new();
    }
    own.push(Ipv4Addr::LOCALHOST.into());
    own
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_joins_the_primary_addresses() {
        let parse = |texts: &[&str]| -> Vec<IpAddr> {
            texts.iter().map(|text| text.parse().unwrap()).collect()
        };
        for (row, addresses, want) in [
            ("one", &["192.0.2.1"][..], &["192.0.2.1", "127.0.0.1"][..]),
            (
                "both families and a secondary one",
                &["2001:db8::1", "192.0.2.1", "192.0.2.2"],
                &["192.0.2.1", "2001:db8::1", "127.0.0.1"],
            ),
            ("a node on loopback", &["127.0.0.1"], &[]),
        ] {
            assert_eq!(also_on_loopback(&parse(addresses)), parse(want), "{row}");
        }
    }
}
