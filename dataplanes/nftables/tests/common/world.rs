//! A node between workloads and the world outside, and who talks to whom.
//!
//! ```text
//!  b1 10.1.1.2 --.                                 all with IPv6 likewise: fd01:1::2 ...
//!  b2 10.1.2.2 --+-- node (192.0.2.1) -- outside 192.0.2.2, and 198.51.100.9 behind it
//!  pod 10.1.3.2 -'
//! ```

use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::thread;
use std::time::{Duration, Instant};

use portolan_dataplane::Environment;

use super::{Namespace, Node};

/// Where backends listen, TCP and UDP.
pub(crate) const PORT: u16 = 8080;
/// How long silence is waited for; everything here answers within milliseconds.
const SILENCE: Duration = Duration::from_millis(700);
/// How long an answer is waited for where one must come.
const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) struct World {
    pub(crate) node: Node,
    pub(crate) b1: Namespace,
    pub(crate) b2: Namespace,
    pub(crate) pod: Namespace,
    pub(crate) outside: Namespace,
}

impl World {
    pub(crate) fn new(environment: &Environment) -> Self {
        let world = Self {
            node: Node::new(environment),
            b1: Namespace::new(),
            b2: Namespace::new(),
            pod: Namespace::new(),
            outside: Namespace::new(),
        };
        let node = &world.node.namespace;
        for knob in ["ipv4.ip_forward", "ipv6.conf.all.forwarding"] {
            node.run(&["sysctl", "-qw", &format!("net.{knob}=1")]);
        }
        for (number, workload) in [(1, &world.b1), (2, &world.b2), (3, &world.pod)] {
            let (four, six) = (format!("10.1.{number}"), format!("fd01:{number}:"));
            wire(
                node,
                workload,
                &format!("w{number}"),
                [&four, &six],
                [24, 64],
            );
        }
        wire(
            node,
            &world.outside,
            "uplink",
            ["192.0.2", "fd02:"],
            [24, 64],
        );
        node.ip("route add default via 192.0.2.2");
        node.ip("-6 route add default via fd02::2");
        world.outside.ip("addr add 198.51.100.9/32 dev lo");
        node.ip("route add 198.51.100.9/32 via 192.0.2.2");
        for (name, workload) in [("b1", &world.b1), ("b2", &world.b2)] {
            serve(name, workload);
        }
        world.settle();
        world
    }

    /// Waits until IPv6 neighbours find each other: addresses made by the kernel are not usable at once.
    fn settle(&self) {
        let deadline = Instant::now() + PATIENCE;
        for (name, net) in [
            ("b1", "fd01:1:"),
            ("b2", "fd01:2:"),
            ("pod", "fd01:3:"),
            ("outside", "fd02:"),
        ] {
            for (from, to) in [
                (name, format!("[{net}:1]:9")),
                ("node", format!("[{net}:2]:9")),
            ] {
                while tcp_from(self.namespace(from), &to) != "refused" {
                    assert!(Instant::now() < deadline, "{from} does not reach {to}");
                }
            }
        }
    }

    /// By name.
    pub(crate) fn namespace(&self, name: &str) -> &Namespace {
        match name {
            "node" => &self.node.namespace,
            "b1" => &self.b1,
            "b2" => &self.b2,
            "pod" => &self.pod,
            _ => &self.outside,
        }
    }
}

/// A veth pair; the node has address 1, the other end 2 and a default route.
fn wire(node: &Namespace, other: &Namespace, device: &str, nets: [&str; 2], lengths: [u8; 2]) {
    let (name, [four, six], [short, long]) = (&other.name, nets, lengths);
    node.ip(&format!(
        "link add {device} type veth peer name eth0 netns {name}"
    ));
    for (end, device, last) in [(node, device, 1), (other, "eth0", 2)] {
        end.ip(&format!("addr add {four}.{last}/{short} dev {device}"));
        end.ip(&format!("addr add {six}:{last}/{long} dev {device} nodad"));
        end.ip(&format!("link set {device} up"));
    }
    other.ip(&format!("route add default via {four}.1"));
    other.ip(&format!("-6 route add default via {six}:1"));
}

/// Answers with its own name and the client's address, until the process ends.
fn serve(name: &'static str, at: &Namespace) {
    let (listener, socket) = at.enter(|| {
        let any = SocketAddr::from(([0_u16; 8], PORT));
        (
            TcpListener::bind(any).expect("a free port"),
            UdpSocket::bind(any).expect("a free port"),
        )
    });
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.expect("a connection");
            thread::spawn(move || {
                let peer = stream.peer_addr().expect("a peer").ip().to_canonical();
                let mut reader = BufReader::new(stream.try_clone().expect("a descriptor"));
                let mut line = String::new();
                while reader.read_line(&mut line).is_ok_and(|length| length > 0) {
                    if writeln!(stream, "{name} {peer}").is_err() {
                        return;
                    }
                    line.clear();
                }
            });
        }
    });
    thread::spawn(move || {
        let mut buffer = [0; 2048];
        while let Ok((_, peer)) = socket.recv_from(&mut buffer) {
            let answer = format!("{name} {}", peer.ip().to_canonical());
            socket.send_to(answer.as_bytes(), peer).expect("it is sent");
        }
    });
}

/// A TCP connection: backend and the client's address as it saw it, or `refused`, or `silence`.
pub(crate) fn tcp_from(from: &Namespace, to: &str) -> String {
    match connect(from, to) {
        Ok(mut connection) => connection.ask(),
        Err(outcome) => outcome,
    }
}

/// An open TCP connection.
pub(crate) struct Connection(BufReader<TcpStream>);

impl Connection {
    pub(crate) fn ask(&mut self) -> String {
        let asked = self.0.get_mut().write_all(b"?\n");
        let mut line = String::new();
        match asked.and_then(|()| self.0.read_line(&mut line)) {
            Ok(_) => line.trim_end().to_owned(),
            Err(error) => outcome(&error),
        }
    }
}

pub(crate) fn connect(from: &Namespace, to: &str) -> Result<Connection, String> {
    let to: SocketAddr = to.parse().expect("an address");
    let stream = from.enter(|| TcpStream::connect_timeout(&to, SILENCE));
    let stream = stream.map_err(|error| outcome(&error))?;
    stream.set_read_timeout(Some(PATIENCE)).expect("a time-out");
    Ok(Connection(BufReader::new(stream)))
}

/// Asks once from a UDP socket of its own.
pub(crate) fn udp_from(from: &Namespace, to: &str) -> String {
    ask_udp(&udp_socket(from, to))
}

/// A connected UDP socket: its port stays the same.
pub(crate) fn udp_socket(from: &Namespace, to: &str) -> UdpSocket {
    let to: SocketAddr = to.parse().expect("an address");
    let any: IpAddr = if to.is_ipv4() {
        [0; 4].into()
    } else {
        [0_u16; 8].into()
    };
    let socket = from.enter(|| UdpSocket::bind((any, 0)).expect("a free port"));
    socket.connect(to).expect("a route");
    socket.set_read_timeout(Some(SILENCE)).expect("a time-out");
    socket
}

pub(crate) fn ask_udp(socket: &UdpSocket) -> String {
    let mut buffer = [0; 2048];
    let answer = socket.send(b"?").and_then(|_| socket.recv(&mut buffer));
    match answer {
        Ok(length) => String::from_utf8_lossy(&buffer[..length]).into_owned(),
        Err(error) => outcome(&error),
    }
}

fn outcome(error: &std::io::Error) -> String {
    match error.kind() {
        ErrorKind::ConnectionRefused => "refused".to_owned(),
        ErrorKind::TimedOut | ErrorKind::WouldBlock => "silence".to_owned(),
        _ => error.to_string(),
    }
}
