//! Clients of the kit's servers.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpSocket, TcpStream, UdpSocket};
use tokio::time::timeout;

use portolan_model::Protocol;

use crate::FrontendKey;

/// Everything in here takes milliseconds; this is for machines that are busy with something else.
const DEADLINE: Duration = Duration::from_secs(20);

/// A silent loss must not take the whole deadline where trying again is allowed.
const PATIENCE: Duration = Duration::from_millis(500);

/// Fails rather than waits for ever.
pub(super) async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    timeout(DEADLINE, future)
        .await
        .unwrap_or_else(|_| panic!("{what} takes too long"))
}

/// Who answers a new client.
pub(super) async fn ask(key: FrontendKey) -> io::Result<String> {
    let address = key.socket_addr();
    if key.protocol == Protocol::Tcp {
        return Ok(Conversation::open(address).await?.with);
    }
    soon("an answer", Datagrams::open(address).await?.ask(b"")).await
}

/// Who answers a new client at this IPv4 address.
pub(super) async fn ask_from(key: FrontendKey, source: IpAddr) -> io::Result<String> {
    let source = SocketAddr::new(source, 0);
    if key.protocol == Protocol::Tcp {
        let socket = TcpSocket::new_v4()?;
        socket.bind(source)?;
        let stream = soon("a connection", socket.connect(key.socket_addr())).await?;
        return Ok(Conversation::greeted(stream).await?.with);
    }
    let socket = UdpSocket::bind(source).await?;
    socket.connect(key.socket_addr()).await?;
    soon("an answer", Datagrams(socket).ask(b"")).await
}

/// A TCP connection to a server that greeted.
pub(super) struct Conversation {
    stream: BufReader<TcpStream>,
    pub(super) with: String,
}

impl Conversation {
    pub(super) async fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = soon("a connection", TcpStream::connect(address)).await?;
        Self::greeted(stream).await
    }

    async fn greeted(stream: TcpStream) -> io::Result<Self> {
        let opening = async {
            let mut stream = BufReader::new(stream);
            let mut line = String::new();
            stream.read_line(&mut line).await?;
            match line.strip_suffix('\n') {
                Some(with) => Ok(Self {
                    stream,
                    with: with.to_owned(),
                }),
                None => Err(io::ErrorKind::UnexpectedEof.into()),
            }
        };
        soon("a greeting", opening).await
    }

    /// Sends and receives at the same time, so that payloads may be longer than all buffers.
    pub(super) async fn echo(&mut self, payload: &[u8]) -> io::Result<Vec<u8>> {
        let mut echoed = vec![0; payload.len()];
        let (mut read, mut write) = tokio::io::split(&mut self.stream);
        let both = async {
            tokio::try_join!(write.write_all(payload), read.read_exact(&mut echoed))?;
            Ok::<_, io::Error>(())
        };
        soon("an echo", both).await?;
        Ok(echoed)
    }

    /// Sends the end, and returns what the server says after it.
    pub(super) async fn finish(mut self) -> io::Result<String> {
        self.stream.shutdown().await?;
        let mut rest = String::new();
        soon("the end", self.stream.read_to_string(&mut rest)).await?;
        Ok(rest)
    }
}

/// A UDP client with one source port.
pub(super) struct Datagrams(UdpSocket);

impl Datagrams {
    pub(super) async fn open(address: SocketAddr) -> io::Result<Self> {
        let any: SocketAddr = if address.is_ipv4() {
            ([0; 4], 0).into()
        } else {
            ([0; 16], 0).into()
        };
        let socket = UdpSocket::bind(any).await?;
        socket.connect(address).await?;
        Ok(Self(socket))
    }

    /// Who answers a datagram, if its payload comes back unharmed.
    pub(super) async fn ask(&self, payload: &[u8]) -> io::Result<String> {
        self.0.send(payload).await?;
        let mut buffer = vec![0; 64 * 1024];
        let length = self.0.recv(&mut buffer).await?;
        let mut parts = buffer[..length].splitn(2, |byte| *byte == b'\n');
        let (name, echoed) = (parts.next(), parts.next());
        assert!(echoed == Some(payload), "the payload comes back unharmed");
        Ok(String::from_utf8_lossy(name.unwrap_or_default()).into_owned())
    }

    /// Asks until a certain server answers.
    pub(super) async fn reach(&self, name: &str) {
        let asking = async {
            // Silence and refusals are what a change in between may look like.
            while !matches!(timeout(PATIENCE, self.ask(b"")).await, Ok(Ok(with)) if with == name) {
                tokio::task::yield_now().await;
            }
        };
        soon(&format!("{name} as the answering server"), asking).await;
    }
}
