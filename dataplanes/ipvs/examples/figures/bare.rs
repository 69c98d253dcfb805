//! Bare requests: all that a change has to tell the kernel, by nobody but the netlink crate.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use portolan_dataplane::Backend;
use portolan_ipvs::TABLE;
use portolan_netlink::Socket;
use portolan_netlink::ipvs::{Ipvs, RealServer, ServerId};
use portolan_netlink::nftables::{Batch, Element, Family};

use crate::objects::{second, virtual_at};

/// Bit 27; the frontend's number is beside it.
const MARK: u32 = 1 << 27;
const TCP: u8 = 6;
/// The endpoints of an element of `backends`: what is kept of each has 21 bytes.
const BACKENDS: u8 = 0x50;
const ENDPOINT: u8 = 21;

/// Beside the dataplane, on the same node.
pub(crate) struct Bare {
    nftables: Socket,
    ipvs: Ipvs,
}

/// How long a change took, by whom.
#[derive(Clone, Copy)]
pub(crate) struct Took {
    pub(crate) ipvs: Duration,
    pub(crate) nftables: Duration,
}

impl Bare {
    pub(crate) fn open() -> Self {
        Self {
            nftables: Socket::open().expect("a socket"),
            ipvs: Ipvs::open().expect("a socket"),
        }
    }

    /// The same requests as the dataplane's when a Service's second endpoint is replaced: a real server more, the former one
    /// of weight 0; elements of two sets deleted and added in one transaction, which is encoded beforehand.
    pub(crate) async fn replace(&mut self, number: u32) -> Took {
        let (old, new) = (second(number, 0), second(number, 1));
        let batch = transaction(number, &old, &new);
        let id = ServerId::Marked(Family::V4, MARK | (number + 1));
        let real = |backend: &Backend, weight| RealServer {
            address: backend.socket_addr(),
            weight,
        };
        let began = Instant::now();
        let added = self.ipvs.add_real(id, real(&new, 1)).await;
        added.expect("added");
        let drained = self.ipvs.set_real(id, real(&old, 0)).await;
        drained.expect("drained");
        let ipvs = began.elapsed();
        let began = Instant::now();
        let committed = self.nftables.commit(batch).await;
        committed.expect("committed");
        let nftables = began.elapsed();
        Took { ipvs, nftables }
    }
}

fn transaction(number: u32, old: &Backend, new: &Backend) -> Batch {
    let mut batch = Batch::new();
    let table = (Family::V4, TABLE);
    batch.delete_elements(table, "backends", [&backend(number, old)]);
    batch.delete_elements(table, "hairpin", [&hairpin(old)]);
    batch.add_elements(table, "backends", [&backend(number, new)]);
    batch.add_elements(table, "hairpin", [&hairpin(new)]);
    batch
}

fn backend(number: u32, backend: &Backend) -> Element {
    let frontend = virtual_at(number);
    let endpoint = [
        &[BACKENDS, ENDPOINT],
        &backend.endpoint.as_bytes()[..],
        &backend.weight.to_be_bytes(),
        &[0],
    ];
    let fields = [
        octets(frontend),
        [TCP, 0, 0, 0],
        port(frontend),
        octets(backend.socket_addr()),
        port(backend.socket_addr()),
    ];
    Element {
        key: fields.concat(),
        userdata: endpoint.concat(),
        ..Element::default()
    }
}

fn hairpin(backend: &Backend) -> Element {
    Element {
        key: octets(backend.socket_addr()).repeat(2),
        ..Element::default()
    }
}

fn octets(at: SocketAddr) -> [u8; 4] {
    match at {
        SocketAddr::V4(at) => at.ip().octets(),
        SocketAddr::V6(_) => unreachable!("all of it is IPv4"),
    }
}

fn port(at: SocketAddr) -> [u8; 4] {
    let [high, low] = at.port().to_be_bytes();
    [high, low, 0, 0]
}
