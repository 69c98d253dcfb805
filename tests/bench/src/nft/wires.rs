//! Who talks through a node, and how they are joined.
//!
//! ```text
//!  client 172.16.N.2 -- 172.16.N.1 node N 172.17.N.1 -- 172.17.N.2, .3 backend
//! ```

use std::fmt::Write;
use std::io;
use std::net::{Ipv4Addr, TcpStream};

use nix::libc::linger;
use nix::sys::socket::{setsockopt, sockopt::Linger};
use portolan_lab::Namespace;

/// A client and a backend with any number of nodes between them, each a way of its own.
pub(super) struct Ends {
    pub(super) client: Namespace,
    pub(super) backend: Namespace,
}

/// Addresses of the backend behind node `n`.
pub(super) fn backends(n: u8) -> [Ipv4Addr; 2] {
    [2, 3].map(|last| Ipv4Addr::new(172, 17, n, last))
}

/// Address of the client in front of node `n`.
pub(super) fn client(n: u8) -> Ipv4Addr {
    Ipv4Addr::new(172, 16, n, 2)
}

impl Ends {
    pub(super) fn new() -> Self {
        Self {
            client: Namespace::new("client"),
            backend: Namespace::new("backend"),
        }
    }

    /// Puts a node between them, by which the client reaches the backend and the virtual addresses of block `n`.
    pub(super) fn join(&self, n: u8, node: &Namespace) {
        let mut lines = String::new();
        for (end, name, net) in [
            (&self.client, "client", format!("172.16.{n}")),
            (&self.backend, "backend", format!("172.17.{n}")),
        ] {
            write!(
                lines,
                "link add name {name} type veth peer name node{n} netns {}\n\
                 link set dev {name} up\naddr add {net}.1/24 dev {name}\n",
                end.path()
            )
            .expect("a String has room");
        }
        node.ip(&lines);
        node.sysctl("ipv4/ip_forward", "1");
        self.client.ip(&format!(
            "link set node{n} up\naddr add 172.16.{n}.2/24 dev node{n}\n\
             route add 172.17.{n}.0/24 via 172.16.{n}.1\nroute add 10.{}.0.0/12 via 172.16.{n}.1\n",
            n << 4
        ));
        self.backend.ip(&format!(
            "link set node{n} up\naddr add 172.17.{n}.2/24 dev node{n}\naddr add 172.17.{n}.3/24 dev node{n}\n\
             route add 172.16.{n}.0/24 via 172.17.{n}.1\n"
        ));
    }
}

/// Tens of thousands of closed connections would fill the table of the whole machine.
pub(super) fn forget_closed(node: &Namespace) {
    node.sysctl("netfilter/nf_conntrack_tcp_timeout_close", "1");
}

/// Closes a connection by a reset, which leaves nothing behind on either side.
pub(super) fn reset(stream: TcpStream) -> io::Result<()> {
    let reset = linger {
        l_onoff: 1,
        l_linger: 0,
    };
    setsockopt(&stream, Linger, &reset)?;
    drop(stream);
    Ok(())
}
