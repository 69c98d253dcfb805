//! Static bands: the lower part of a range is left to explicit requests while the rest has room.

/// Size of the static band of an address range (KEP-3070): min(max(16, n/16), 256), and none up to 16 addresses.
/// `size` counts network and broadcast address, too.
pub fn address_band(size: u128) -> u128 {
    if size <= 16 {
        0
    } else {
        (size / 16).clamp(16, 256)
    }
}

/// Size of the static band of a port range (KEP-3668): min(max(16, n/32), 128), and none up to 16 ports.
pub fn port_band(size: u32) -> u32 {
    if size <= 16 {
        0
    } else {
        (size / 32).clamp(16, 128)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bands_have_the_published_sizes() {
        for (prefix, size) in [
            (16, 256),
            (20, 256),
            (22, 64),
            (24, 16),
            (25, 16),
            (26, 16),
            (27, 16),
            (28, 0),
            (30, 0),
        ] {
            assert_eq!(address_band(1 << (32 - prefix)), size, "/{prefix}");
        }
        for (ports, size) in [(2768, 86), (16, 0), (17, 16), (55536, 128)] {
            assert_eq!(port_band(ports), size, "{ports} ports");
        }
    }
}
