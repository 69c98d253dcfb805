//! Clients: what became of a question, told apart as a user would.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use portolan_model::Protocol;
use socket2::{Domain, SockRef, Socket, Type};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpSocket, TcpStream, UdpSocket};
use tokio::time::timeout;

use crate::Namespace;
use crate::outcome::{Answer, Outcome};

/// Everything in a lab takes milliseconds; this is for machines that are busy with something else.
pub const DEADLINE: Duration = Duration::from_secs(20);

/// Below node ports and the kernel's ephemeral ones, above those of servers.
const OWN_PORTS: Range<u16> = 10_000..30_000;

/// Silence for this long is taken as such. A SYN is repeated after one second, so two of them are lost by then.
pub const SILENCE: Duration = Duration::from_millis(1_500);

/// A question from a machine: to where, by what, and from which of its addresses.
#[derive(Clone, Copy, Debug)]
pub struct Ask {
    /// Where to.
    pub to: SocketAddr,
    /// By what.
    pub protocol: Protocol,
    /// From where; unset: any address. Port 0: one that no other question had.
    pub from: Option<SocketAddr>,
    /// What silence is.
    pub patience: Duration,
    /// By HTTP over TCP.
    pub http: bool,
}

impl Ask {
    /// With all the patience there is.
    pub fn new(to: SocketAddr, protocol: Protocol) -> Self {
        Self {
            to,
            protocol,
            from: None,
            patience: DEADLINE,
            http: false,
        }
    }

    /// A GET.
    pub fn http(to: SocketAddr) -> Self {
        Self {
            http: true,
            ..Self::new(to, Protocol::Tcp)
        }
    }

    /// From this address of the machine.
    pub fn from(self, source: IpAddr) -> Self {
        self.from_socket(SocketAddr::new(source, 0))
    }

    /// From this address and port of the machine.
    pub fn from_socket(self, source: SocketAddr) -> Self {
        Self {
            from: Some(source),
            ..self
        }
    }

    /// Where silence is expected or may be.
    pub fn briefly(self) -> Self {
        Self {
            patience: SILENCE,
            ..self
        }
    }

    /// Asks from a machine.
    pub fn on(self, machine: &Namespace) -> Outcome {
        machine.run(self.ask())
    }

    /// Asks from where it is polled.
    pub async fn ask(self) -> Outcome {
        let asking = async {
            match self.protocol {
                Protocol::Udp => self.datagram()?.ask(b"?").await,
                _ if self.http => self.get().await,
                _ => Ok(Conversation::open(self).await?.with),
            }
        };
        match timeout(self.patience, asking).await {
            Ok(Ok(answer)) => Outcome::Answered(answer),
            Ok(Err(error)) if is_refusal(&error) => Outcome::Refused,
            Ok(Err(error)) if error.kind() == io::ErrorKind::TimedOut => Outcome::Silent,
            Ok(Err(error)) if error.kind() == io::ErrorKind::PermissionDenied => Outcome::Barred,
            Ok(Err(error)) => Outcome::Failed(error.to_string()),
            Err(_) => Outcome::Silent,
        }
    }

    async fn get(self) -> io::Result<Answer> {
        let mut stream = self.connect().await?;
        let request = format!("GET / HTTP/1.1\r\nhost: {}\r\n\r\n", self.to);
        stream.write_all(request.as_bytes()).await?;
        stream.shutdown().await?;
        let mut response = String::new();
        stream.read_to_string(&mut response).await?;
        parse(response.lines().last().unwrap_or_default())
    }

    async fn connect(self) -> io::Result<TcpStream> {
        let socket = if self.to.is_ipv4() {
            TcpSocket::new_v4()?
        } else {
            TcpSocket::new_v6()?
        };
        socket.set_reuseaddr(true)?;
        self.bind(|from| socket.bind(from))?;
        socket.connect(self.to).await
    }

    /// A UDP socket towards there, of the machine whose thread runs this.
    pub fn datagram(self) -> io::Result<Datagrams> {
        let socket = Socket::new(
            Domain::for_address(self.to),
            Type::DGRAM.nonblocking(),
            None,
        )?;
        // The last one with this port may live on for a moment: a program that is being started has copies of every socket.
        socket.set_reuse_address(true)?;
        self.bind(|from| socket.bind(&from.into()))?;
        socket.connect(&self.to.into())?;
        Ok(Datagrams(UdpSocket::from_std(socket.into())?))
    }

    /// Binds to the given port or to one that no other question of this process had.
    fn bind(self, bind: impl Fn(SocketAddr) -> io::Result<()>) -> io::Result<()> {
        let anywhere: IpAddr = if self.to.is_ipv4() {
            Ipv4Addr::UNSPECIFIED.into()
        } else {
            Ipv6Addr::UNSPECIFIED.into()
        };
        let from = self.from.unwrap_or_else(|| SocketAddr::new(anywhere, 0));
        if from.port() != 0 {
            return bind(from);
        }
        for _ in OWN_PORTS {
            match bind((from.ip(), own_port()).into()) {
                // A server of the machine has it.
                Err(error) if error.kind() == io::ErrorKind::AddrInUse => {}
                bound => return bound,
            }
        }
        Err(io::ErrorKind::AddrInUse.into())
    }
}

/// The next port of a range that no lab listens in. The kernel's choice may be one that an earlier question had, and what is
/// remembered of that one meets the new one then: conntrack lets known flows pass, and IPVS takes a backend's answers for those of
/// the first connection that its client had with it.
fn own_port() -> u16 {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let next = NEXT.fetch_add(1, Ordering::Relaxed) % OWN_PORTS.len();
    OWN_PORTS.clone().nth(next).unwrap_or(OWN_PORTS.start)
}

/// A relay that can reach nobody resets after the handshake: to a client that is as good as a refusal.
fn is_refusal(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionReset
    )
}

fn parse(greeting: &str) -> io::Result<Answer> {
    let unclear = || io::Error::new(io::ErrorKind::InvalidData, format!("unclear: {greeting:?}"));
    let (by, client) = greeting.trim_end().split_once(' ').ok_or_else(unclear)?;
    let client: SocketAddr = client.parse().map_err(|_| unclear())?;
    Ok(Answer {
        by: by.to_owned(),
        client,
    })
}

/// A TCP connection to a server that greeted.
pub struct Conversation {
    stream: BufReader<TcpStream>,
    /// The other end.
    pub with: Answer,
}

impl Conversation {
    /// Opens one.
    pub async fn open(ask: Ask) -> io::Result<Self> {
        let mut stream = BufReader::new(ask.connect().await?);
        let mut line = String::new();
        stream.read_line(&mut line).await?;
        if line.is_empty() {
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        let with = parse(&line)?;
        Ok(Self { stream, with })
    }

    /// Sends and receives at the same time, so that payloads may be longer than all buffers.
    pub async fn echo(&mut self, payload: &[u8]) -> io::Result<()> {
        let mut echoed = vec![0; payload.len()];
        let (mut read, mut write) = tokio::io::split(&mut self.stream);
        let both = async {
            tokio::try_join!(write.write_all(payload), read.read_exact(&mut echoed))?;
            Ok::<_, io::Error>(())
        };
        timeout(DEADLINE, both).await??;
        assert!(echoed == payload, "the payload comes back unharmed");
        Ok(())
    }

    /// Sends the end, and returns what the server says after it.
    pub async fn finish(mut self) -> io::Result<String> {
        self.stream.shutdown().await?;
        let mut rest = String::new();
        timeout(DEADLINE, self.stream.read_to_string(&mut rest)).await??;
        Ok(rest)
    }
}

/// A UDP client with one source port.
pub struct Datagrams(UdpSocket);

/// RFC 863.
const DISCARD: u16 = 9;

impl Drop for Datagrams {
    /// A program that another thread is starting has a copy of every socket until it runs. Of two with one port the kernel takes
    /// the one that had a datagram on the same processor before (`sk_incoming_cpu`), so the answer to the next question from
    /// this port could go to the copy of this one. Connected to another port it is none that the kernel chooses from.
    fn drop(&mut self) {
        if let Ok(peer) = self.0.peer_addr() {
            let elsewhere = SocketAddr::new(peer.ip(), DISCARD);
            // Without a route there are no answers either.
            let _ = SockRef::from(&self.0).connect(&elsewhere.into());
        }
    }
}

impl Datagrams {
    /// Who answers a datagram, with its payload unharmed. Answers to earlier ones that were given up come late and are left.
    pub async fn ask(&self, payload: &[u8]) -> io::Result<Answer> {
        self.0.send(payload).await?;
        let mut buffer = vec![0; 64 * 1024];
        let answered = async {
            loop {
                let length = self.0.recv(&mut buffer).await?;
                let mut parts = buffer[..length].splitn(2, |byte| *byte == b'\n');
                let (greeting, echoed) = (parts.next(), parts.next());
                if echoed == Some(payload) {
                    return parse(&String::from_utf8_lossy(greeting.unwrap_or_default()));
                }
            }
        };
        timeout(DEADLINE, answered).await?
    }

    /// The error that a datagram ends with. It is asked for again after a while: a kernel sends a limited number of ICMP errors
    /// a second (`net.ipv4.icmp_msgs_per_sec`), and all network namespaces together have them.
    pub async fn refusal(&self, payload: &[u8]) -> Option<io::Error> {
        let asking = async {
            loop {
                if let Ok(asked) = timeout(Duration::from_secs(1), self.ask(payload)).await {
                    return asked.err();
                }
            }
        };
        timeout(DEADLINE, asking)
            .await
            .expect("refused, not silent")
    }

    /// Asks until this one answers; silence and refusals are what a change in between may look like.
    pub async fn reach(&self, by: &str) -> Answer {
        let asking = async {
            loop {
                match timeout(Duration::from_millis(300), self.ask(b"?")).await {
                    Ok(Ok(answer)) if answer.by == by => return answer,
                    // A refusal comes at once, and asking without a pause would only make the machine busy.
                    _ => tokio::time::sleep(Duration::from_millis(20)).await,
                }
            }
        };
        timeout(DEADLINE, asking)
            .await
            .unwrap_or_else(|_| panic!("{by} never answers"))
    }
}
