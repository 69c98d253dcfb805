//! Taking connections in, without ever giving up.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};

/// The pause after an error: a process without free descriptors gets none by asking again at once.
const PAUSE: Duration = Duration::from_millis(100);
/// Errors in a row that are not told, so that a log holds one line in ten seconds.
const UNTOLD: u32 = 100;

/// Accepts, and tells in the log why it can't.
pub(super) struct Acceptor {
    listener: TcpListener,
    flag: &'static str,
    failures: u32,
}

impl Acceptor {
    /// Of a listener that was opened for a flag.
    pub(super) fn new(listener: TcpListener, flag: &'static str) -> Self {
        Self {
            listener,
            flag,
            failures: 0,
        }
    }

    /// The next connection and its peer. Nothing is lost when it is dropped before it is done.
    pub(super) async fn next(&mut self) -> (TcpStream, SocketAddr) {
        loop {
            match self.accept().await {
                Ok(accepted) => {
                    self.failures = 0;
                    return accepted;
                }
                Err(error) => {
                    if self.failures % UNTOLD == 0 {
                        tracing::warn!(flag = self.flag, %error, "connections are not accepted");
                    }
                    self.failures = self.failures.wrapping_add(1);
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
