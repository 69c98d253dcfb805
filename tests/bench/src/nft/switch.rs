//! The floor of E1: the same packets, sent to another backend by one transaction of bare netlink.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Instant;

use anyhow::Context;
use portolan_lab::Namespace;
use portolan_netlink::Socket;
use portolan_netlink::nftables::{Batch, Element, Family};

use super::e1::{PAUSE, ms, other};
use super::objects::{PORT, TARGET};
use super::watch::Watch;
use super::wires::{Ends, backends, forget_closed};

const WAY: u8 = 2;
const ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 32, 0, 80);
const RULES: &str = "table ip bare {
 map backends { type ipv4_addr . inet_service : ipv4_addr . inet_service; }
 chain prerouting { type nat hook prerouting priority dstnat; dnat to ip daddr . tcp dport map @backends; }
}";

/// A node with nothing but one map.
pub(super) struct Bare {
    machine: Namespace,
    socket: Option<Socket>,
    /// Where connections go.
    held: Option<Ipv4Addr>,
}

impl Bare {
    pub(super) fn new(ends: &Ends) -> anyhow::Result<Self> {
        let machine = Namespace::new("bare");
        ends.join(WAY, &machine);
        machine.execute(&["nft", "-f", "-"], RULES);
        forget_closed(&machine);
        let socket = machine.run(async { Socket::open() })?;
        let mut bare = Self {
            machine,
            socket: Some(socket),
            held: None,
        };
        bare.switch(backends(WAY)[0])?;
        Ok(bare)
    }

    /// Milliseconds of each change until the new backend serves.
    pub(super) fn round(&mut self, ends: &Ends, writes: usize) -> anyhow::Result<Vec<f64>> {
        let watch = Watch::start(ends, SocketAddr::from((ADDRESS, PORT)));
        let mut next = other(watch.first()?, WAY);
        let mut waits = Vec::with_capacity(writes);
        for _ in 0..writes {
            std::thread::sleep(PAUSE);
            let began = Instant::now();
            self.switch(next)?;
            waits.push(ms(watch.wait(next)? - began));
            next = other(next, WAY);
        }
        watch.finish();
        Ok(waits)
    }

    fn switch(&mut self, to: Ipv4Addr) -> anyhow::Result<()> {
        let mut socket = self.socket.take().context("one change at a time")?;
        let batch = switch(self.held.replace(to), to);
        let (socket, done) = self.machine.run(async move {
            let done = socket.commit(batch).await;
            (socket, done)
        });
        self.socket = Some(socket);
        Ok(done?)
    }
}

fn switch(from: Option<Ipv4Addr>, to: Ipv4Addr) -> Batch {
    let table = (Family::V4, "bare");
    let [high, low] = PORT.to_be_bytes();
    let [target_high, target_low] = TARGET.to_be_bytes();
    let element = |to: Ipv4Addr| Element {
        key: [&ADDRESS.octets()[..], &[high, low, 0, 0]].concat(),
        value: Some([&to.octets()[..], &[target_high, target_low, 0, 0]].concat()),
        ..Element::default()
    };
    let mut batch = Batch::new();
    if let Some(from) = from {
        batch.delete_elements(table, "backends", [&element(from)]);
    }
    batch.add_elements(table, "backends", [&element(to)]);
    batch
}
