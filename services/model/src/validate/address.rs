//! Addresses that nothing can be at: of endpoints, workloads and nodes alike (decision 13).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Refuses an address that never can be one of an endpoint, a workload or a node, whatever a cluster's ranges say.
/// Loopback is none of these: whether it may be is for the ranges to say.
pub fn usable(address: IpAddr) -> Result<(), String> {
    let what = match address {
        IpAddr::V4(v4) => never_v4(v4),
        IpAddr::V6(v6) => never_v6(v6),
    };
    what.map_or(Ok(()), |what| {
        Err(format!("{address} is {what}: nothing can be reached there"))
    })
}

fn never_v4(address: Ipv4Addr) -> Option<&'static str> {
    match address.octets() {
        [0, 0, 0, 0] => Some("the unspecified address"),
        [0, ..] => Some("in 0.0.0.0/8, which stands for this network (RFC 1122)"),
        [255, 255, 255, 255] => Some("the broadcast address"),
        [169, 254, ..] => Some("a link-local address"),
        [224..=239, ..] => Some("a multicast address"),
        [240..=255, ..] => Some("in 240.0.0.0/4, which is reserved (RFC 1112)"),
        _ => None,
    }
}

fn never_v6(address: Ipv6Addr) -> Option<&'static str> {
    if address.is_unspecified() {
        return Some("the unspecified address");
    }
    if address.is_multicast() {
        return Some("a multicast address");
    }
    if address.is_unicast_link_local() {
        return Some("a link-local address");
    }
    let hidden = match address.segments() {
        [0, 0, 0, 0, 0, 0, ..] if !address.is_loopback() => {
            return Some("in ::/96, IPv4-compatible and out of use (RFC 4291)");
        }
        // NAT64 (RFC 6052), and 6to4 (RFC 3056).
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] => within(high, low),
        _ => return None,
    };
    let is_never = never_v4(hidden).is_some() || hidden.is_loopback();
    is_never.then_some("another form of an IPv4 address that nothing can be reached at")
}

fn within(high: u16, low: u16) -> Ipv4Addr {
    let [[a, b], [c, d]] = [high.to_be_bytes(), low.to_be_bytes()];
    Ipv4Addr::new(a, b, c, d)
}

#[cfg(test)]
mod tests {
    use super::usable;

    #[test]
    fn an_address_that_nothing_can_be_at_is_refused_in_whatever_form() {
        for (address, said) in [
            ("0.0.0.0", "unspecified"),
            ("0.0.0.5", "this network"),
            ("224.0.0.1", "multicast"),
            ("239.255.255.255", "multicast"),
            ("169.254.169.254", "link-local"),
            ("240.0.0.1", "reserved"),
            ("255.255.255.255", "broadcast"),
            ("::", "unspecified"),
            ("ff02::1", "multicast"),
            ("fe80::1", "link-local"),
            ("::127.0.0.1", "IPv4-compatible"),
            ("::10.0.0.1", "IPv4-compatible"),
            ("64:ff9b::7f00:1", "another form"),
            ("64:ff9b::e000:1", "another form"),
            ("2002:7f00:1::", "another form"),
        ] {
            let refused = usable(address.parse().unwrap());
            assert!(refused.is_err_and(|why| why.contains(said)), "{address}");
        }
        for address in [
            "10.0.0.1",
            "127.0.0.1",
            "1.0.0.0",
            "223.255.255.255",
            "100.64.0.1",
            "::1",
            "fd00::1",
            "2001:db8::1",
            "64:ff9b::a00:1",
            "2002:a00:1::1",
        ] {
            assert_eq!(usable(address.parse().unwrap()), Ok(()), "{address}");
        }
    }
}
