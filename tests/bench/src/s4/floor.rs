//! The floor: as many bytes over as many sockets, from a process that does nothing else.

use std::net::{Ipv4Addr, SocketAddr};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::Context;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};
use tokio::task::JoinSet;

/// The hidden command that serves it.
pub(crate) const COMMAND: &str = "byte-server";

/// The server's side: a length comes in, so many bytes go out.
pub(crate) async fn serve() -> anyhow::Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    println!("{}", listener.local_addr()?);
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        tokio::spawn(answer(stream));
    }
}

async fn answer(mut stream: TcpStream) {
    let mut bytes = Vec::new();
    while let Ok(length) = stream.read_u32().await {
        bytes.resize(usize::try_from(length).unwrap_or_default(), 0);
        if stream.write_all(&bytes).await.is_err() {
            return;
        }
    }
}

/// The bench's side.
pub(super) struct Floor {
    _server: Child,
    address: SocketAddr,
}

impl Floor {
    pub(super) async fn start() -> anyhow::Result<Self> {
        let mut server = Command::new(std::env::current_exe()?)
            .arg(COMMAND)
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let said = server.stdout.take().context("it is piped")?;
        let address = BufReader::new(said).lines().next_line().await?;
        let address = address
            .context("the floor's server says nothing")?
            .parse()?;
        Ok(Self {
            _server: server,
            address,
        })
    }

    /// So many clients pull so many bytes, over and over; gives how long each time took, in milliseconds.
    pub(super) async fn pull(
        &self,
        clients: usize,
        size: usize,
        length: Duration,
    ) -> anyhow::Result<Vec<f64>> {
        let mut tasks = JoinSet::new();
        let wanted = u32::try_from(size)?;
        for _ in 0..clients {
            let mut stream = TcpStream::connect(self.address).await?;
            stream.set_nodelay(true)?;
            tasks.spawn(async move {
                let (began, mut took, mut bytes) = (Instant::now(), Vec::new(), vec![0; size]);
                while began.elapsed() < length {
                    let sent = Instant::now();
                    stream.write_u32(wanted).await?;
                    stream.read_exact(&mut bytes).await?;
                    took.push(sent.elapsed().as_secs_f64() * 1e3);
                }
                Ok::<_, std::io::Error>(took)
            });
        }
        let mut all = Vec::new();
        while let Some(done) = tasks.join_next().await {
            all.extend(done??);
        }
        Ok(all)
    }
}
