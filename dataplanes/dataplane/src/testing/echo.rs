//! Servers that say who they are.

use std::io;
use std::net::{IpAddr, SocketAddr};

use tokio::io::{AsyncWriteExt, copy};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::task::{JoinHandle, JoinSet};

use portolan_model::Protocol;

/// TCP: greets with `name\n`, echoes until the client has sent its end, then says `end of name`. UDP: answers with
/// `name\n` and the datagram. Stops, with its connections, when it is dropped.
pub(super) struct Echo {
    pub(super) address: SocketAddr,
    pub(super) name: String,
    server: JoinHandle<io::Result<()>>,
}

impl Echo {
    /// A server at a port that the kernel chooses.
    pub(super) async fn new(protocol: Protocol, name: &str, address: IpAddr) -> Self {
        let at = (address, 0);
        let (address, server) = if protocol == Protocol::Tcp {
            let listener = TcpListener::bind(at).await.expect("a free TCP port");
            let address = listener.local_addr();
            (address, tokio::spawn(accept(listener, name.to_owned())))
        } else {
            let socket = UdpSocket::bind(at).await.expect("a free UDP port");
            let address = socket.local_addr();
            (address, tokio::spawn(answer(socket, name.to_owned())))
        };
        Self {
            address: address.expect("a bound socket has an address"),
            name: name.to_owned(),
            server,
        }
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn accept(listener: TcpListener, name: String) -> io::Result<()> {
    let mut connections = JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await?;
        connections.spawn(converse(stream, name.clone()));
        while connections.try_join_next().is_some() {}
    }
}

async fn converse(mut stream: TcpStream, name: String) -> io::Result<()> {
    let (mut read, mut write) = stream.split();
    write.write_all(format!("{name}\n").as_bytes()).await?;
    copy(&mut read, &mut write).await?;
    write.write_all(format!("end of {name}").as_bytes()).await
}

async fn answer(socket: UdpSocket, name: String) -> io::Result<()> {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        // An earlier client may be gone already, which is no reason to stop.
        let Ok((length, client)) = socket.recv_from(&mut buffer).await else {
            continue;
        };
        let reply = [name.as_bytes(), b"\n", &buffer[..length]].concat();
        socket.send_to(&reply, client).await?;
    }
}
