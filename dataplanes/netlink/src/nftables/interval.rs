//! Ranges of addresses as sets of plain intervals have them.

use std::net::IpAddr;

use ipnet::IpNet;

use super::Element;

/// The first address of each range, and the first behind it; in order. The ranges are of one family and may overlap.
pub fn intervals(nets: &[IpNet]) -> Vec<Element> {
    let element = |address: IpAddr, interval_end| Element {
        key: octets(address),
        interval_end,
        ..Element::default()
    };
    let mut elements: Vec<_> = IpNet::aggregate(&nets.to_vec())
        .iter()
        .flat_map(|net| {
            let first = element(net.network(), false);
            let end = behind(net.broadcast()).map(|end| element(end, true));
            [Some(first), end].into_iter().flatten()
        })
        .collect();
    elements.sort_unstable();
    // Where one range ends and another begins the kernel takes both; aggregated ones have a gap between them.
    elements
}

/// An address as keys have it: in network byte order.
pub fn octets(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(v4) => v4.octets().to_vec(),
        IpAddr::V6(v6) => v6.octets().to_vec(),
    }
}

fn behind(last: IpAddr) -> Option<IpAddr> {
    match last {
        IpAddr::V4(last) => u32::from(last)
            .checked_add(1)
            .map(|next| IpAddr::V4(next.into())),
        IpAddr::V6(last) => u128::from(last)
            .checked_add(1)
            .map(|next| IpAddr::V6(next.into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nets(texts: &[&str]) -> Vec<IpNet> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn ranges_are_disjoint_and_their_ends_marked() {
        for (name, texts, wanted) in [
            ("one", &["10.0.0.0/8"][..], &["10.0.0.0", "<11.0.0.0"][..]),
            (
                "one within another",
                &["10.0.0.0/8", "10.1.0.0/16"],
                &["10.0.0.0", "<11.0.0.0"],
            ),
            (
                "neighbours",
                &["10.0.0.0/9", "10.128.0.0/9"],
                &["10.0.0.0", "<11.0.0.0"],
            ),
            ("to the end", &["255.0.0.0/8"], &["255.0.0.0"]),
            ("everything", &["0.0.0.0/0"], &["0.0.0.0"]),
        ] {
            let texts = intervals(&nets(texts)).into_iter().map(|element| {
                let key: [u8; 4] = element.key.try_into().unwrap();
                let end = if element.interval_end { "<" } else { "" };
                format!("{end}{}", IpAddr::from(key))
            });
            assert_eq!(texts.collect::<Vec<_>>(), wanted, "{name}");
        }
    }
}
