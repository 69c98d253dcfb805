//! Packets that the kernel itself sends, by a timer: how long a node forwards nothing.
//!
//! A process that asks and waits ([`super::flow`]) also waits for its processor, which a kernel without preemption gives to nobody
//! while it clears a large table. Packets that come from outside don't: they are forwarded in interrupts. So each end hands its
//! kernel a stock of datagrams, whose queue (HTB) lets one go at each tick, from a timer on the processor that this end is pinned to;
//! the other end's kernel notes when each arrived.

use std::io::{self, IoSliceMut};
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{JoinHandle, spawn};
use std::time::Duration;

use nix::sys::socket::sockopt::{Priority, RcvBufForce, ReceiveTimestampns, SndBufForce};
use nix::sys::socket::{ControlMessageOwned, MsgFlags, SockaddrIn, recvmsg, setsockopt};
use portolan_lab::Namespace;

use super::wires::{Ends, backends, client};
use crate::affinity::pin;

/// Where datagrams arrive.
const PORT: u16 = 9;
/// Bytes of a packet with its headers.
const PACKET: usize = 100;
/// Of them the headers of Ethernet, IPv4 and UDP.
const HEADERS: usize = 14 + 20 + 8;
/// Between two packets of a direction: 100 bytes at `RATE`.
const TICK: Duration = Duration::from_micros(500);
const RATE: &str = "1600kbit";
/// The queue's class, as `tc` and as a packet's priority (`TC_H_MAJ` is the queue).
const CLASS: (&str, i32) = ("1:1", 0x1_0001);
/// Packets that wait in a sender's queue, or for an arrival to look at them. A sender is woken when half of them are left, so it
/// may wait half a second for its processor. More would themselves be much for the hypervisor to back.
const STOCK: usize = 2_000;
/// Bytes that the kernel counts for one (`skb->truesize`).
const COUNTED: usize = 768;
/// Half of their sum: the kernel doubles what is asked for.
const BYTES: usize = STOCK * COUNTED / 2;
/// Packets that do not count: ends have to find each other, and queues to fill.
const FIRST: usize = 100;
/// How long those are waited for.
const DEADLINE: Duration = Duration::from_secs(10);
/// How often both look whether they should end.
const LOOK: Duration = Duration::from_millis(100);

/// A flow in each direction, until it is finished.
pub(super) struct Paced {
    stop: Arc<AtomicBool>,
    sending: Vec<JoinHandle<io::Result<()>>>,
    arriving: Vec<JoinHandle<io::Result<Vec<Duration>>>>,
}

impl Paced {
    /// Through node `n`, on the direct path.
    pub(super) fn start(ends: &Ends, n: u8) -> io::Result<Self> {
        let mut flow = Self {
            stop: Arc::default(),
            sending: Vec::new(),
            arriving: Vec::new(),
        };
        let (client, backend) = (client(n), backends(n)[0]);
        let runs = [
            flow.direction(n, (&ends.client, &ends.backend), backend, 0)?,
            flow.direction(n, (&ends.backend, &ends.client), client, 1)?,
        ];
        for runs in runs {
            // What went wrong shows when it is finished.
            let _ = runs.recv_timeout(DEADLINE);
        }
        Ok(flow)
    }

    fn direction(
        &mut self,
        n: u8,
        (from, to): (&Namespace, &Namespace),
        address: Ipv4Addr,
        cpu: usize,
    ) -> io::Result<Receiver<()>> {
        let device = format!("node{n}");
        from.ip(&format!("link set {device} txqueuelen {STOCK}\n"));
        let queue = format!(
            "qdisc add dev {device} root handle 1: htb\n\
             class add dev {device} parent 1: classid {} htb rate {RATE} burst {PACKET} cburst {PACKET}\n",
            CLASS.0
        );
        from.execute(&["tc", "-batch", "-"], &queue);
        let at = SocketAddr::from((address, PORT));
        let arrival = to.run(async move { UdpSocket::bind(at) })?;
        setsockopt(&arrival, ReceiveTimestampns, &true)?;
        setsockopt(&arrival, RcvBufForce, &BYTES)?;
        let stop = self.stop.clone();
        let (runs, running) = channel();
        self.arriving
            .push(spawn(move || arrive(&arrival, &stop, &runs)));
        let any = (Ipv4Addr::UNSPECIFIED, 0);
        let departure = from.run(async move { UdpSocket::bind(any) })?;
        departure.connect(at)?;
        setsockopt(&departure, Priority, &CLASS.1)?;
        setsockopt(&departure, SndBufForce, &BYTES)?;
        let stop = self.stop.clone();
        self.sending
            .push(spawn(move || depart(&departure, cpu, &stop)));
        Ok(running)
    }

    /// Ends it; milliseconds beyond a tick between two packets that arrived one after the other, in both directions.
    pub(super) fn finish(self) -> anyhow::Result<Vec<f64>> {
        self.stop.store(true, Ordering::Relaxed);
        for sending in self.sending {
            joined(sending)?;
        }
        let mut waits = Vec::new();
        for arriving in self.arriving {
            let times = joined(arriving)?;
            anyhow::ensure!(times.len() > 1, "no packet of the timer's came through");
            let gaps = times.windows(2).map(|pair| pair[1].saturating_sub(pair[0]));
            waits.extend(gaps.map(|gap| gap.saturating_sub(TICK).as_secs_f64() * 1e3));
        }
        Ok(waits)
    }
}

fn joined<T>(thread: JoinHandle<io::Result<T>>) -> io::Result<T> {
    let ended = thread.join();
    ended.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// Keeps the queue full: a send waits until the stock has room again.
fn depart(socket: &UdpSocket, cpu: usize, stop: &AtomicBool) -> io::Result<()> {
    pin(cpu)?;
    socket.set_write_timeout(Some(LOOK))?;
    while !stop.load(Ordering::Relaxed) {
        // Refused until neighbours have found each other, and where there is no room.
        let _ = socket.send(&[0; PACKET - HEADERS]);
    }
    Ok(())
}

/// When the kernel received each, from when it runs evenly.
fn arrive(socket: &UdpSocket, stop: &AtomicBool, runs: &Sender<()>) -> io::Result<Vec<Duration>> {
    socket.set_read_timeout(Some(LOOK))?;
    let mut times = Vec::new();
    let mut control = nix::cmsg_space!(nix::sys::time::TimeSpec);
    let mut datagram = [0; PACKET];
    while !stop.load(Ordering::Relaxed) {
        let mut parts = [IoSliceMut::new(&mut datagram)];
        let flags = MsgFlags::empty();
        let fd = socket.as_raw_fd();
        let Ok(message) = recvmsg::<SockaddrIn>(fd, &mut parts, Some(&mut control), flags) else {
            continue;
        };
        for part in message.cmsgs()? {
            if let ControlMessageOwned::ScmTimestampns(time) = part {
                times.push(Duration::from(time));
            }
        }
        if times.len() == FIRST {
            // Nobody listens if that took too long.
            let _ = runs.send(());
        }
    }
    times.drain(..FIRST.min(times.len()));
    Ok(times)
}
