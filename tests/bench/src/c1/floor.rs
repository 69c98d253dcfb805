//! The floor: the same number of bytes to as many sockets, from a process that does nothing else.
//!
//! ```text
//! bench --a byte--> floor server --time, bytes--> N sockets of the bench: receipt --a few bytes back, as an Ack-->
//! ```

use std::net::{Ipv4Addr, SocketAddr};
use std::process::Stdio;
use std::sync::Arc;

use anyhow::Context;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::tcp::OwnedReadHalf;
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};
use tokio::task::JoinSet;

use super::gather::{Gather, now_us};
use super::{DEADLINE, ms};

/// The hidden command that serves it.
pub(crate) const COMMAND: &str = "floor-server";
/// A framed Ack.
const ACK: [u8; 24] = [0; 24];

/// The server's side: waits for all sockets, then writes to each of them for every byte of the one that came first.
pub(crate) async fn serve(sockets: usize, size: usize) -> anyhow::Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    println!("{}", listener.local_addr()?);
    let (mut go, _) = listener.accept().await?;
    let (mut writers, mut readers) = (Vec::with_capacity(sockets), JoinSet::new());
    for _ in 0..sockets {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let (reader, writer) = stream.into_split();
        readers.spawn(discard(reader));
        writers.push(writer);
    }
    let mut message = vec![0; size.max(8)];
    while go.read_u8().await.is_ok() {
        message[..8].copy_from_slice(&now_us().to_be_bytes());
        for writer in &mut writers {
            writer.write_all(&message).await?;
        }
    }
    Ok(())
}

/// Reads Acks, as a server has to.
async fn discard(mut reader: OwnedReadHalf) {
    let mut ack = ACK;
    while reader.read_exact(&mut ack).await.is_ok() {}
}

/// The bench's side.
pub(crate) struct Floor {
    _server: Child,
    go: TcpStream,
    gather: Arc<Gather>,
    _sockets: JoinSet<()>,
}

impl Floor {
    pub(crate) async fn start(sockets: usize, size: usize) -> anyhow::Result<Self> {
        let mut server = Command::new(std::env::current_exe()?)
            .args([COMMAND, &sockets.to_string(), &size.to_string()])
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let said = server.stdout.take().context("it is piped")?;
        let address = BufReader::new(said)
            .lines()
            .next_line()
            .await?
            .context("the floor's server says nothing")?;
        let address: SocketAddr = address.parse()?;
        let go = TcpStream::connect(address).await?;
        go.set_nodelay(true)?;
        let gather = Arc::new(Gather::new(sockets));
        let mut tasks = JoinSet::new();
        for _ in 0..sockets {
            let stream = TcpStream::connect(address).await?;
            stream.set_nodelay(true)?;
            tasks.spawn(receive(stream, size.max(8), gather.clone()));
        }
        Ok(Self {
            _server: server,
            go,
            gather,
            _sockets: tasks,
        })
    }

    /// One fan-out: milliseconds until the last socket has it.
    pub(crate) async fn fan_out(&mut self) -> anyhow::Result<f64> {
        self.gather.expect(0);
        self.go.write_u8(0).await?;
        let (sent, last) = tokio::time::timeout(DEADLINE, self.gather.complete())
            .await
            .context("the floor")?;
        Ok(ms(last - sent))
    }
}

async fn receive(mut stream: TcpStream, size: usize, gather: Arc<Gather>) {
    let mut message = vec![0; size];
    while stream.read_exact(&mut message).await.is_ok() {
        let sent = message
            .first_chunk()
            .map_or(0, |bytes| i64::from_be_bytes(*bytes));
        gather.receive(now_us(), sent, size);
        if stream.write_all(&ACK).await.is_err() {
            return;
        }
    }
}
