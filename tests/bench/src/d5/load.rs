//! Clients and the backend.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::stats::percentile;

/// A client's first byte says what it wants of the backend.
const DISCARD: u8 = b'd';
const ECHO: u8 = b'e';
const ONCE: u8 = b'o';

const BLOCK: usize = 256 * 1024;
/// A small request, and its answer.
const MESSAGE: usize = 128;
const DEADLINE: Duration = Duration::from_secs(20);

/// The server behind all relays.
pub(super) struct Backend {
    pub(super) at: SocketAddr,
    received: Arc<AtomicU64>,
}

impl Backend {
    pub(super) async fn start() -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let at = listener.local_addr()?;
        let received = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&received);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&counted)));
            }
        });
        Ok(Self { at, received })
    }

    /// Bytes a second that arrive of some streams, and how many that were.
    pub(super) async fn stream(
        &self,
        to: SocketAddr,
        streams: usize,
        length: Duration,
    ) -> anyhow::Result<(f64, u64)> {
        let mut sending = JoinSet::new();
        for _ in 0..streams {
            let mut stream = TcpStream::connect(to).await?;
            stream.write_all(&[DISCARD]).await?;
            sending.spawn(async move {
                let block = vec![0x5a; BLOCK];
                while stream.write_all(&block).await.is_ok() {}
            });
        }
        // What is in flight then is in flight at the end, too.
        tokio::time::sleep(Duration::from_millis(100)).await;
        let (began, before) = (Instant::now(), self.received.load(Ordering::Relaxed));
        tokio::time::sleep(length).await;
        let arrived = self.received.load(Ordering::Relaxed) - before;
        let rate = float(arrived) / began.elapsed().as_secs_f64();
        sending.shutdown().await;
        Ok((rate, arrived))
    }
}

async fn serve(mut stream: TcpStream, received: Arc<AtomicU64>) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut message = [0; MESSAGE];
    match stream.read_u8().await? {
        DISCARD => {
            let mut block = vec![0; BLOCK];
            loop {
                let read = stream.read(&mut block).await?;
                if read == 0 {
                    return Ok(());
                }
                received.fetch_add(read as u64, Ordering::Relaxed);
            }
        }
        ECHO => loop {
            stream.read_exact(&mut message).await?;
            stream.write_all(&message).await?;
        },
        _ => stream.write_all(&message).await,
    }
}

/// Connections a second that are opened, asked once, answered, and closed by the backend.
pub(super) async fn short(to: SocketAddr, clients: usize, length: Duration) -> anyhow::Result<f64> {
    let began = Instant::now();
    let mut asking = JoinSet::new();
    for _ in 0..clients {
        asking.spawn(async move {
            let mut done = 0_u64;
            while began.elapsed() < length {
                once(to).await?;
                done += 1;
            }
            Ok::<_, anyhow::Error>(done)
        });
    }
    let mut done = 0;
    while let Some(one) = asking.join_next().await {
        done += one??;
    }
    Ok(float(done) / began.elapsed().as_secs_f64())
}

async fn once(to: SocketAddr) -> anyhow::Result<()> {
    let asking = async {
        let mut stream = TcpStream::connect(to).await?;
        stream.write_all(&[ONCE]).await?;
        let mut answer = Vec::with_capacity(MESSAGE + 1);
        stream.read_to_end(&mut answer).await?;
        io::Result::Ok(answer.len())
    };
    let length = tokio::time::timeout(DEADLINE, asking).await??;
    anyhow::ensure!(length == MESSAGE, "{length} bytes are an incomplete answer");
    Ok(())
}

/// A connection whose messages come back.
pub(super) struct Echo(TcpStream);

impl Echo {
    pub(super) async fn open(to: SocketAddr) -> anyhow::Result<Self> {
        let mut stream = TcpStream::connect(to).await?;
        stream.set_nodelay(true)?;
        stream.write_all(&[ECHO]).await?;
        let mut echo = Self(stream);
        echo.ask().await?;
        Ok(echo)
    }

    async fn ask(&mut self) -> anyhow::Result<()> {
        let mut message = [0x5a; MESSAGE];
        self.0.write_all(&message).await?;
        let answer = self.0.read_exact(&mut message);
        tokio::time::timeout(DEADLINE, answer)
            .await
            .context("no answer")??;
        Ok(())
    }
}

/// The 50th and 99th percentile of so many round trips of one connection, in microseconds.
pub(super) async fn round_trips(to: SocketAddr, count: usize) -> anyhow::Result<[f64; 2]> {
    let mut echo = Echo::open(to).await?;
    let mut taken = Vec::with_capacity(count);
    for _ in 0..count {
        let began = Instant::now();
        echo.ask().await?;
        taken.push(began.elapsed().as_secs_f64() * 1e6);
    }
    Ok([percentile(&taken, 50), percentile(&taken, 99)])
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
pub(super) fn float(count: u64) -> f64 {
    count as f64
}
