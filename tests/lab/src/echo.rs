//! Servers that say who they are and whom they see.

use std::io;
use std::net::{IpAddr, SocketAddr};

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, copy};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::task::JoinSet;

use crate::Namespace;

/// Where workloads answer by TCP and UDP.
pub const ECHO: u16 = 9_376;
/// Where they answer by HTTP.
pub const HTTP: u16 = 8_080;

/// Starts the servers of a machine at an address; they run as long as it does.
///
/// TCP greets with `NAME CLIENT\n`, echoes until the client has sent its end, and says `end of NAME`. UDP answers with
/// `NAME CLIENT\n` and the datagram. HTTP answers every request with `NAME CLIENT\n`.
pub fn serve(machine: &Namespace, name: &str, address: IpAddr, port: u16) {
    let name = name.to_owned();
    machine.run(async move {
        let at = SocketAddr::new(address, port);
        let tcp = TcpListener::bind(at).await.expect("a free TCP port");
        let udp = UdpSocket::bind(at).await.expect("a free UDP port");
        tokio::spawn(accept(tcp, name.clone(), converse));
        tokio::spawn(answer(udp, name));
    });
}

/// The same for HTTP.
pub fn serve_http(machine: &Namespace, name: &str, address: IpAddr, port: u16) {
    let name = name.to_owned();
    machine.run(async move {
        let at = SocketAddr::new(address, port);
        let listener = TcpListener::bind(at).await.expect("a free TCP port");
        tokio::spawn(accept(listener, name, respond));
    });
}

async fn accept<F>(listener: TcpListener, name: String, with: impl Fn(TcpStream, String) -> F)
where
    F: Future<Output = io::Result<()>> + Send + 'static,
{
    let mut connections = JoinSet::new();
    // An error of one connection that never came to be is no reason to stop; one of the listener itself would end in
    // clients that are refused.
    while let Ok((stream, client)) = listener.accept().await {
        connections.spawn(with(stream, format!("{name} {client}")));
        while connections.try_join_next().is_some() {}
    }
}

async fn converse(mut stream: TcpStream, greeting: String) -> io::Result<()> {
    let (mut read, mut write) = stream.split();
    write.write_all(format!("{greeting}\n").as_bytes()).await?;
    copy(&mut read, &mut write).await?;
    let name = greeting.split(' ').next().unwrap_or_default();
    write.write_all(format!("end of {name}").as_bytes()).await
}

async fn respond(stream: TcpStream, greeting: String) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    loop {
        let mut line = String::new();
        loop {
            line.clear();
            if stream.read_line(&mut line).await? == 0 {
                return Ok(());
            }
            if line.trim_end().is_empty() {
                break;
            }
        }
        let length = greeting.len() + 1;
        let response = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: {length}\r\n\r\n{greeting}\n"
        );
        stream.write_all(response.as_bytes()).await?;
    }
}

async fn answer(socket: UdpSocket, name: String) {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        // An earlier client may be gone already (ICMP), which is no reason to stop.
        let Ok((length, client)) = socket.recv_from(&mut buffer).await else {
            continue;
        };
        let reply = [format!("{name} {client}\n").as_bytes(), &buffer[..length]].concat();
        // A client that left is none of our business.
        let _ = socket.send_to(&reply, client).await;
    }
}
