//! Sockets at exact addresses, and what their errors mean.

use std::io;

use nix::errno::Errno;
use nix::sys::socket::setsockopt;
use nix::sys::socket::sockopt::{RcvBuf, RcvBufForce};
use portolan_dataplane::{Frontend, FrontendKey, Rejected, RejectionCode};
use portolan_model::Protocol;
use socket2::{Domain, Socket, Type};

/// Connections the kernel completes ahead of `accept`; it lowers this to `net.core.somaxconn`.
pub(crate) const BACKLOG: i32 = 4096;

/// Octets of a UDP frontend's buffer, which the kernel doubles for what it adds: about 10,000 small datagrams. Only what
/// waits takes memory, and `net.ipv4.udp_mem` bounds that for all sockets together.
const BURST: usize = 4 << 20;

/// A socket bound to exactly this address and port, listening if it is TCP. `is_virtual`: no device has the address.
pub(crate) fn bind(key: FrontendKey, is_virtual: bool) -> io::Result<Socket> {
    let address = key.socket_addr();
    let kind = match key.protocol {
        Protocol::Tcp => Type::STREAM,
        Protocol::Udp => Type::DGRAM,
        Protocol::Sctp => return Err(io::ErrorKind::Unsupported.into()),
    };
    let socket = Socket::new(Domain::for_address(address), kind.nonblocking(), None)?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
        // Unlike inet_bind, inet6_bind looks for the very address on a device; one that a local route alone makes
        // ours has to be bound freely.
        socket.set_freebind_v6(is_virtual)?;
    }
    if key.protocol == Protocol::Tcp {
        // Otherwise connections in TIME_WAIT would keep the port after a restart. UDP has none, and there the option
        // would let two programs share the port.
        socket.set_reuse_address(true)?;
    }
    if key.protocol == Protocol::Udp {
        take_bursts(&socket);
    }
    socket.bind(&address.into())?;
    if key.protocol == Protocol::Tcp {
        // Accepted ones have it from here: the ends batch by themselves; delaying small segments would only add latency.
        socket.set_tcp_nodelay(true)?;
        socket.listen(BACKLOG)?;
    }
    Ok(socket)
}

/// Room for datagrams that arrive faster than they are forwarded. With `CAP_NET_ADMIN` it may be larger than
/// `net.core.rmem_max`, to which the kernel lowers it otherwise.
fn take_bursts(socket: &Socket) {
    let forced = setsockopt(socket, RcvBufForce, &BURST);
    let taken = forced.or_else(|_| setsockopt(socket, RcvBuf, &BURST));
    if let Err(error) = taken {
        tracing::debug!(%error, "a socket keeps the usual buffer");
    }
}

/// Another program has the port.
pub(crate) fn is_in_use(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::AddrInUse
}

/// Why a frontend has no socket; `holder` has its port if another program does.
pub(crate) fn rejected(
    key: FrontendKey,
    frontend: &Frontend,
    error: &io::Error,
    holder: Option<String>,
) -> Rejected {
    let errno = error.raw_os_error().map(Errno::from_raw);
    let (code, remedy) = match errno {
        Some(Errno::EADDRINUSE) => {
            let holder = holder.unwrap_or_else(|| "another program".to_owned());
            let remedy = format!(
                "{holder} has that port, at this address or at all of them; stop it, bind it to an address of its \
                 own, or give the Service another port"
            );
            (RejectionCode::PortInUse, remedy)
        }
        Some(Errno::EACCES | Errno::EPERM) => (RejectionCode::PermissionDenied, privilege(key)),
        Some(Errno::EADDRNOTAVAIL | Errno::EAFNOSUPPORT) => {
            let remedy = "the address is not local to this node; run the plugin as root, so that it makes the \
                          ServiceCIDR local, or take a ServiceCIDR within 127.0.0.0/8, which is local on Linux";
            (RejectionCode::FamilyUnavailable, remedy.to_owned())
        }
        Some(Errno::EMFILE | Errno::ENFILE | Errno::ENOBUFS | Errno::ENOMEM) => {
            let remedy = "the node is out of sockets or memory; raise the plugin's limit of open files (LimitNOFILE=)";
            (RejectionCode::LimitExceeded, remedy.to_owned())
        }
        _ => (
            RejectionCode::Internal,
            "the socket could not be opened; the agent tries again".to_owned(),
        ),
    };
    Rejected {
        key,
        code,
        message: format!("{} at {key}: {error}: {remedy}", frontend.service),
    }
}

fn privilege(key: FrontendKey) -> String {
    let binary = std::env::current_exe()
        .map_or_else(|_| "BINARY".to_owned(), |path| path.display().to_string());
    format!(
        "ports below net.ipv4.ip_unprivileged_port_start need a privilege; run `setcap cap_net_bind_service=+ep \
         {binary}`, or `sysctl net.ipv4.ip_unprivileged_port_start={}`, or give the Service a port from 1024 on",
        key.port
    )
}

#[cfg(test)]
mod tests {
    use portolan_dataplane::testing::frontend;

    use super::*;
    use crate::sys::overflowed;

    #[test]
    fn a_burst_is_taken_as_far_as_the_kernel_allows_and_the_rest_is_counted() {
        const SENT: u32 = 20_000;
        let key = FrontendKey {
            address: [127, 96, 7, 11].into(),
            port: 40_007,
            protocol: Protocol::Udp,
        };
        let socket = bind(key, false).unwrap();
        let most = std::fs::read_to_string("/proc/sys/net/core/rmem_max").unwrap();
        let most: usize = most.trim().parse().unwrap();
        assert!(socket.recv_buffer_size().unwrap() >= 2 * most.min(BURST));
        let client = std::net::UdpSocket::bind((std::net::Ipv4Addr::LOCALHOST, 0)).unwrap();
        for _ in 0..SENT {
            client.send_to(b"?", key.socket_addr()).unwrap();
        }
        let socket = std::net::UdpSocket::from(socket);
        let mut taken = 0;
        while socket.recv(&mut [0; 8]).is_ok() {
            taken += 1;
        }
        assert!(taken < SENT, "no buffer holds them all");
        assert_eq!(taken + overflowed(&socket).unwrap(), SENT);
    }

    #[test]
    fn every_error_has_a_code_and_a_remedy() {
        let key = FrontendKey {
            address: [127, 96, 0, 10].into(),
            port: 80,
            protocol: Protocol::Tcp,
        };
        for (errno, code, remedy) in [
            (Errno::EADDRINUSE, RejectionCode::PortInUse, "nginx (pid 7)"),
            (
                Errno::EACCES,
                RejectionCode::PermissionDenied,
                "setcap cap_net_bind_service=+ep",
            ),
            (
                Errno::EADDRNOTAVAIL,
                RejectionCode::FamilyUnavailable,
                "root",
            ),
            (Errno::EMFILE, RejectionCode::LimitExceeded, "LimitNOFILE="),
            (Errno::EIO, RejectionCode::Internal, "tries again"),
        ] {
            let holder = Some("nginx (pid 7)".to_owned());
            let rejected = rejected(key, &frontend(1, &[]), &errno.into(), holder);
            assert_eq!(rejected.code, code, "{errno}");
            for part in ["default/service-1:main at 127.96.0.10:80/TCP", remedy] {
                assert!(
                    rejected.message.contains(part),
                    "{errno}: {}",
                    rejected.message
                );
            }
        }
    }
}
