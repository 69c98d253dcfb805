//! A flow that runs through a node while something else happens there: how long its packets wait.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::time::{Duration, Instant};

use nix::unistd::gettid;
use tokio::task::JoinHandle;

use super::wires::{Ends, backends};

/// Where the backend echoes datagrams.
const ECHO: u16 = 7;
/// Between two questions.
const PAUSE: Duration = Duration::from_millis(1);
/// A packet that has not come back by then is lost.
const LOST: Duration = Duration::from_secs(2);
/// How long the first answer is waited for.
const DEADLINE: Duration = Duration::from_secs(10);
/// How often the echo looks whether it should end.
const LOOK: Duration = Duration::from_millis(100);
/// Real-time priority: other processes must not look like a stall of the kernel.
const PRIORITY: &str = "10";

/// Datagrams to and fro, one after the other, until it is finished.
pub(super) struct Flow {
    stop: Arc<AtomicBool>,
    asking: JoinHandle<io::Result<Vec<f64>>>,
    echoing: JoinHandle<io::Result<()>>,
}

impl Flow {
    /// From the client to the backend behind node `n`, on the direct path through that node.
    pub(super) fn start(ends: &Ends, n: u8) -> io::Result<Self> {
        let at = SocketAddr::from((backends(n)[0], ECHO));
        let socket = ends.backend.run(async move { UdpSocket::bind(at) })?;
        let stop = Arc::new(AtomicBool::new(false));
        let (stop_asking, stop_echoing) = (stop.clone(), stop.clone());
        let (found, finding) = channel();
        let flow = Self {
            stop,
            echoing: ends
                .backend
                .spawn(async move { echo(&socket, &stop_echoing) }),
            asking: ends
                .client
                .spawn(async move { ask(at, &stop_asking, &found) }),
        };
        // An error shows when it is finished.
        let _ = finding.recv_timeout(DEADLINE);
        Ok(flow)
    }

    /// Ends it; milliseconds that each datagram and its answer took.
    pub(super) fn finish(self, ends: &Ends) -> anyhow::Result<Vec<f64>> {
        self.stop.store(true, Ordering::Relaxed);
        let waits = ends.client.join(self.asking)?;
        ends.backend.join(self.echoing)?;
        anyhow::ensure!(!waits.is_empty(), "no datagram came back");
        Ok(waits)
    }
}

fn echo(socket: &UdpSocket, stop: &AtomicBool) -> io::Result<()> {
    prefer()?;
    socket.set_read_timeout(Some(LOOK))?;
    let mut datagram = [0; 64];
    while !stop.load(Ordering::Relaxed) {
        if let Ok((length, client)) = socket.recv_from(&mut datagram) {
            socket.send_to(&datagram[..length], client)?;
        }
    }
    Ok(())
}

fn ask(to: SocketAddr, stop: &AtomicBool, found: &Sender<()>) -> io::Result<Vec<f64>> {
    prefer()?;
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
    socket.connect(to)?;
    let (mut waits, mut answer) = (Vec::new(), [0; 64]);
    // Neighbours have to find each other first.
    socket.set_read_timeout(Some(LOOK))?;
    while socket.send(&[0]).is_ok() && socket.recv(&mut answer).is_err() {
        if stop.load(Ordering::Relaxed) {
            return Ok(waits);
        }
    }
    // Nobody listens if that took too long, which shows in the waits.
    let _ = found.send(());
    socket.set_read_timeout(Some(LOST))?;
    while !stop.load(Ordering::Relaxed) {
        let began = Instant::now();
        socket.send(&waits.len().to_be_bytes())?;
        // What is lost waited at least so long.
        let _ = socket.recv(&mut answer);
        waits.push(began.elapsed().as_secs_f64() * 1e3);
        std::thread::sleep(PAUSE);
    }
    Ok(waits)
}

/// Has this thread go before all that are no real-time threads.
fn prefer() -> io::Result<()> {
    let thread = gettid().to_string();
    let words = ["--fifo", "--pid", PRIORITY, &thread];
    let done = Command::new("chrt").args(words).status()?;
    if done.success() {
        Ok(())
    } else {
        Err(io::Error::other(
            "`chrt` can't make a thread a real-time one",
        ))
    }
}
