//! A client that looks all the time who serves an address, and backends that say who they are.

use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use super::objects::TARGET;
use super::wires::{Ends, reset};

/// Between two connections of the client; a change is seen so much later at most.
const LOOK: Duration = Duration::from_micros(200);
const DEADLINE: Duration = Duration::from_secs(30);
/// A connection that gets no answer in this time is given up.
const PATIENCE: Duration = Duration::from_secs(1);

/// Who answered when.
struct Seen {
    by: Ipv4Addr,
    at: Instant,
}

/// A client that asks for ever who serves an address.
pub(super) struct Watch {
    seen: Receiver<Seen>,
    stop: Arc<AtomicBool>,
}

impl Watch {
    pub(super) fn start(ends: &Ends, to: SocketAddr) -> Self {
        let (sender, seen) = channel();
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        // It ends by itself, soon after it is told to.
        drop(
            ends.client
                .spawn(async move { watch(to, &stopped, &sender) }),
        );
        Self { seen, stop }
    }

    /// Who serves at the start.
    pub(super) fn first(&self) -> anyhow::Result<Ipv4Addr> {
        let seen = self.seen.recv_timeout(DEADLINE);
        Ok(seen.context("nobody serves")?.by)
    }

    /// When a backend served first, from now on.
    pub(super) fn wait(&self, backend: Ipv4Addr) -> anyhow::Result<Instant> {
        let end = Instant::now() + DEADLINE;
        while Instant::now() < end {
            let seen = self.seen.recv_timeout(DEADLINE);
            let seen = seen.with_context(|| format!("{backend} never serves"))?;
            if seen.by == backend {
                return Ok(seen.at);
            }
        }
        bail!("{backend} never serves")
    }

    pub(super) fn finish(self) {
        self.stop.store(true, Ordering::Relaxed);
        // The client's thread lets go of its end when it has ended.
        while self.seen.recv().is_ok() {}
    }
}

/// Says who serves whenever that is another one.
fn watch(to: SocketAddr, stop: &AtomicBool, seen: &Sender<Seen>) {
    let mut last = None;
    while !stop.load(Ordering::Relaxed) {
        // Before everything is there nobody serves.
        if let Ok(by) = ask(to)
            && last.replace(by) != Some(by)
        {
            let at = Instant::now();
            if seen.send(Seen { by, at }).is_err() {
                return;
            }
        }
        std::thread::sleep(LOOK);
    }
}

fn ask(to: SocketAddr) -> io::Result<Ipv4Addr> {
    let mut stream = TcpStream::connect_timeout(&to, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut by = [0; 4];
    stream.read_exact(&mut by)?;
    reset(stream)?;
    Ok(by.into())
}

/// Every connection is told the address that it reached.
pub(super) fn serve() -> io::Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, TARGET))?;
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream?;
            if let IpAddr::V4(own) = stream.local_addr()?.ip() {
                // A client that left asks again.
                let _ = stream.write_all(&own.octets());
            }
        }
        io::Result::Ok(())
    });
    Ok(())
}
