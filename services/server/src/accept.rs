//! Taking connections in, without ever giving up.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::net::{TcpListener, TcpStream};

/// The pause after an error: a process without free descriptors gets none by asking again at once.
const PAUSE: Duration = Duration::from_millis(100);
/// How often the same trouble is told.
const TELL: Duration = Duration::from_secs(10);

/// Accepts, and tells in the log why it can't.
pub(super) struct Acceptor {
    listener: TcpListener,
    flag: &'static str,
    told: Option<Instant>,
}

impl Acceptor {
    /// Of a listener that was opened for a flag.
    pub(super) fn new(listener: TcpListener, flag: &'static str) -> Self {
        Self {
            listener,
            flag,
            told: None,
        }
    }

    /// The next connection and its peer. Nothing is lost when it is dropped before it is done.
    pub(super) async fn next(&mut self) -> (TcpStream, SocketAddr) {
        loop {
            match self.accept().await {
                Ok(accepted) => return accepted,
                Err(error) => {
                    if self.told.is_none_or(|told| told.elapsed() > TELL) {
                        tracing::warn!(flag = self.flag, %error, "connections are not accepted");
                        self.told = Some(Instant::now());
                    }
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    async fn accept(&self) -> std::io::Result<(TcpStream, SocketAddr)> {
        let (stream, peer) = self.listener.accept().await?;
        // Frames are small and urgent.
        stream.set_nodelay(true)?;
        Ok((stream, peer))
    }
}
