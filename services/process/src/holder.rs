//! Who has a port: best effort, for messages.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use portolan_model::Protocol;

/// States of /proc/net/{tcp,udp} in which a socket keeps a port from us: `TCP_LISTEN`, and `TCP_CLOSE` as UDP's only one.
const HOLDING: [&str; 2] = ["0A", "07"];

/// Name and process id of the program whose socket overlaps. Other users' processes stay unnamed without root.
pub fn holder(address: SocketAddr, protocol: Protocol) -> Option<String> {
    let tables = match protocol {
        Protocol::Tcp => ["/proc/net/tcp", "/proc/net/tcp6"],
        Protocol::Udp => ["/proc/net/udp", "/proc/net/udp6"],
        Protocol::Sctp => return None,
    };
    let inode = tables.iter().find_map(|table| {
        let text = fs::read_to_string(table).ok()?;
        text.lines()
            .find_map(|line| inode_of(line, address).map(str::to_owned))
    })?;
    let link = format!("socket:[{inode}]");
    let processes = fs::read_dir("/proc").ok()?.flatten();
    let pid = processes
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| name.bytes().all(|b| b.is_ascii_digit()))
        .find(|pid| has_link(pid, &link))?;
    let name = fs::read_to_string(format!("/proc/{pid}/comm")).ok()?;
    Some(format!("{} (pid {pid})", name.trim_end()))
}

fn has_link(pid: &str, link: &str) -> bool {
    let Ok(descriptors) = fs::read_dir(format!("/proc/{pid}/fd")) else {
        return false;
    };
    descriptors
        .flatten()
        .filter_map(|entry| fs::read_link(entry.path()).ok())
        .any(|target| target.as_os_str() == link)
}

/// The inode in a line of /proc/net/tcp (`sl local rem st … inode …`) if its socket overlaps with the wanted address.
fn inode_of(line: &str, wanted: SocketAddr) -> Option<&str> {
    let fields: Vec<_> = line.split_ascii_whitespace().collect();
    let (local, state, inode) = (fields.get(1)?, fields.get(3)?, fields.get(9)?);
    let (address, port) = local.split_once(':')?;
    let address = parse(address)?.to_canonical();
    let overlaps = address == wanted.ip() || address.is_unspecified();
    let holds = HOLDING.contains(state) && u16::from_str_radix(port, 16) == Ok(wanted.port());
    (overlaps && holds).then_some(*inode)
}

/// The kernel prints addresses as 32-bit words in host order.
fn parse(hex: &str) -> Option<IpAddr> {
    let words = hex.as_bytes().chunks(8);
    let bytes: Vec<u8> = words
        .map(|word| u32::from_str_radix(std::str::from_utf8(word).ok()?, 16).ok())
        .collect::<Option<Vec<u32>>>()?
        .into_iter()
        .flat_map(u32::to_ne_bytes)
        .collect();
    let v4 = <[u8; 4]>::try_from(bytes.as_slice()).map(|b| Ipv4Addr::from(b).into());
    v4.or_else(|_| <[u8; 16]>::try_from(bytes).map(|b| Ipv6Addr::from(b).into()))
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_holder_of_a_socket_is_this_program() {
        for (row, bound) in [("exact", "127.0.0.1:0"), ("wildcard", "0.0.0.0:0")] {
            let listener = std::net::TcpListener::bind(bound).unwrap();
            let port = listener.local_addr().unwrap().port();
            let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
            let found = holder(address, Protocol::Tcp).unwrap();
            let want = format!("(pid {})", std::process::id());
            assert!(found.ends_with(&want), "{row}: {found}");
            drop(listener);
            assert_eq!(holder(address, Protocol::Tcp), None, "{row}: free again");
        }
    }
}
