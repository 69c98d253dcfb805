//! Peers that take up room and do nothing with it: a server with 256 descriptors serves others meanwhile, and is rid of
//! them in time.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::process::Command;
use std::time::{Duration, Instant};

use portolan_tests::api::{Services, block_on, service};
use portolan_tests::{Process, binary, eventually, free_port, get, metric};

/// Until when all of them have to be gone.
const GONE: Duration = Duration::from_secs(16);
/// How long another client waits for its answer at most, on a machine that does much else.
const PATIENCE: Duration = Duration::from_secs(2);
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const LIST: &str = "/portolan.v1.ServiceAPI/ListServices";
const CREATE: &str = "/portolan.v1.ServiceAPI/CreateService";

struct Server {
    process: Process,
    api: SocketAddr,
    http: SocketAddr,
}

impl Server {
    /// With so few descriptors that hundreds of connections are too many, and without the right to more.
    fn start() -> Self {
        let [api, http] = [free_port(), free_port()];
        let address = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let (api, http) = (address(api), address(http));
        let mut command = Command::new("prlimit");
        command.arg("--nofile=256:256");
        if nix::unistd::geteuid().is_root() {
            // Root raises its own limits by this capability.
            let without = ["--inh-caps=-sys_resource", "--bounding-set=-sys_resource"];
            command.arg("setpriv").args(without);
        }
        command.arg(binary("portolan"));
        command.args(["serve", "--store", "memory", "--listen", &api.to_string()]);
        command.args(["--http-listen", &http.to_string()]);
        let process = Process::start("portolan serve", command);
        eventually("the server is ready", || get(http, "/readyz"));
        Self { process, api, http }
    }

    fn connect(&self) -> TcpStream {
        TcpStream::connect(self.api).expect("a connection")
    }

    /// A connection that begins to speak HTTP/2, and lets answers send so many octets.
    fn speak(&self, window: u32) -> TcpStream {
        let mut stream = self.connect();
        let mut begin = PREFACE.to_vec();
        // SETTINGS_INITIAL_WINDOW_SIZE is number 4 (RFC 9113 §6.5.2).
        let setting = [&4_u16.to_be_bytes()[..], &window.to_be_bytes()].concat();
        begin.extend(frame(4, 0, 0, &setting));
        // One that had to make way is closed already.
        let _ = stream.write_all(&begin);
        stream
    }

    /// How long another client, with a connection of its own, waits for an answer.
    fn serves(&self) -> Duration {
        let began = Instant::now();
        let listed = block_on(Services::at(&format!("http://{}", self.api)).get("there"));
        listed.expect("it is served");
        began.elapsed()
    }

    /// How many connections the server ended for a cause.
    fn cut(&self, cause: &str) -> f64 {
        let page = get(self.http, "/metrics").expect("a page of metrics");
        let name = format!("portolan_connections_cut_total{{cause=\"{cause}\"}} ");
        let count = page.lines().find_map(|line| line.strip_prefix(&name));
        count.map_or(0.0, |count| count.parse().expect("a number"))
    }
}

/// RFC 9113 §4.1.
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("short").to_be_bytes();
    let mut frame = length[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

/// The head of a gRPC request, without Huffman's code and without an index (RFC 7541 §6.2.2).
fn head(stream: u32, path: &str) -> Vec<u8> {
    // `:method POST` and `:scheme http` are 3 and 6 of the static table.
    let mut block = vec![0x83, 0x86];
    let fields = [
        (":path", path),
        (":authority", "portolan"),
        ("content-type", "application/grpc"),
        ("te", "trailers"),
    ];
    for (name, value) in fields {
        block.push(0);
        for text in [name, value] {
            block.push(u8::try_from(text.len()).expect("short"));
            block.extend(text.as_bytes());
        }
    }
    // END_HEADERS.
    frame(1, 4, stream, &block)
}

/// A gRPC message in a DATA frame; `says` how long the message claims to be.
fn data(stream: u32, says: u32, sent: &[u8], is_end: bool) -> Vec<u8> {
    let body = [&[0][..], &says.to_be_bytes(), sent].concat();
    frame(0, u8::from(is_end), stream, &body)
}

/// Whether the peer has closed a connection.
fn is_closed(stream: &mut TcpStream) -> bool {
    stream.set_nonblocking(true).expect("a socket");
    let mut buffer = [0; 4096];
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => return true,
            Ok(_) => {}
            Err(error) => return error.kind() != ErrorKind::WouldBlock,
        }
    }
}

/// Others are served until all of these are closed, and that is in time.
fn outlive(server: &Server, mut streams: Vec<TcpStream>) {
    let began = Instant::now();
    loop {
        let waited = server.serves();
        assert!(waited < PATIENCE, "another client waited for {waited:?}");
        streams.retain_mut(|stream| !is_closed(stream));
        if streams.is_empty() {
            return;
        }
        assert!(
            began.elapsed() < GONE,
            "{} are still open: {}",
            streams.len(),
            server.process.said()
        );
        std::thread::sleep(Duration::from_millis(200));
    }
}

fn started() -> Server {
    let server = Server::start();
    let mut services = Services::at(&format!("http://{}", server.api));
    block_on(services.create("there", service(80))).expect("a Service");
    server
}

#[test]
fn connections_that_say_nothing_make_way_and_end() {
    let server = started();
    let silent: Vec<_> = (0..2000).map(|_| server.connect()).collect();
    outlive(&server, silent);
    let made_way = server.cut("made way");
    assert!(made_way > 1000.0, "{made_way}");
    assert!(server.cut("silent") > 0.0);
    assert!(server.process.said().contains("never asked"));
}

#[test]
fn requests_that_are_half_sent_end() {
    let server = started();
    let half = |_| {
        let mut stream = server.speak(65_535);
        for number in 0..50 {
            let id = 2 * number + 1;
            let begun = [head(id, CREATE), data(id, 1 << 20, &[10; 1000], false)].concat();
            let _ = stream.write_all(&begun);
        }
        stream
    };
    let streams: Vec<_> = (0..20).map(half).collect();
    let held = || metric(server.http, "portolan_requests_held_bytes").unwrap_or_default();
    eventually("they are held", || {
        portolan_tests::holds(held() > 900_000.0, held())
    });
    std::thread::sleep(Duration::from_secs(12));
    assert!(server.serves() < PATIENCE);
    assert!(held() < 1.0, "{} octets are still held", held());
    drop(streams);
}

#[test]
fn answers_that_nobody_reads_end() {
    let server = started();
    let lists = |_| {
        let mut stream = server.speak(0);
        for number in 0..250 {
            let id = 2 * number + 1;
            // `parent` is field 1.
            let parent = b"\x0a\x2aclusters/default/namespaces/default";
            let mut parent = parent.to_vec();
            parent[1] = u8::try_from(parent.len() - 2).expect("short");
            let length = u32::try_from(parent.len()).expect("short");
            let asked = [head(id, LIST), data(id, length, &parent, true)].concat();
            let _ = stream.write_all(&asked);
        }
        stream
    };
    let streams: Vec<_> = (0..20).map(lists).collect();
    let unread = |server: &Server| server.cut("unread");
    let began = Instant::now();
    while unread(&server) < 1.0 {
        assert!(server.serves() < PATIENCE);
        assert!(began.elapsed() < GONE, "{}", server.process.said());
        std::thread::sleep(Duration::from_millis(200));
    }
    let left = || {
        let names = ["large_answers", "waiting"];
        let metrics = names.map(|name| metric(server.http, &format!("portolan_requests_{name}")));
        metrics.map(Option::unwrap_or_default).iter().sum::<f64>()
    };
    eventually("nothing is left of them", || {
        portolan_tests::holds(left() < 1.0, left())
    });
    assert!(server.serves() < PATIENCE);
    drop(streams);
}
