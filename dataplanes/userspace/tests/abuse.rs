//! Clients and backends that do their worst: memory stays bounded, and nothing stays behind.
//!
//! Clients and backends live in a process of their own, so that memory and descriptors here are the dataplane's.

#[path = "common/ip.rs"]
mod ip;
#[path = "common/unshare.rs"]
mod unshare;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use ip::ip;
use portolan_dataplane::testing::{backend, frontend};
use portolan_dataplane::{Dataplane, FrontendKey, Plan};
use portolan_model::Protocol;
use portolan_userspace::UserspaceDataplane;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::JoinSet;
use unshare::in_namespaces;

const DEADLINE: Duration = Duration::from_mins(2);
/// Within which nothing of ended or vanished clients and backends may be left.
const GONE: Duration = Duration::from_mins(1);

const CLIENTS: usize = 10_000;
/// Of them, those that ask for much and read nothing of it.
const SLOW: usize = 400;
/// Of them, those that are answered; the others say nothing.
const ASKING: usize = 4_000;
/// Beyond what the kernel keeps of it on the way.
const MUCH: usize = 4 << 20;

/// The other process of the second test, whose ends of a link are in two namespaces.
const VANISHING_ENDS: &str = "the_vanishing_ends";
/// Connections of each of its kinds.
const VANISHING: u64 = 20;

/// The bench of one test: a dataplane, and the other process.
struct Abuse {
    dataplane: UserspaceDataplane,
    others: Child,
    say: ChildStdin,
    hear: BufReader<ChildStdout>,
}

impl Abuse {
    /// Starts the other process, and carries a frontend at `at` for the backend that it names.
    async fn start(mut command: Command, part: &str, at: Ipv4Addr) -> Self {
        let mut others = command
            .arg(std::env::current_exe().expect("this program"))
            .args(["--exact", part, "--ignored", "--nocapture"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the other process starts");
        let say = others.stdin.take().expect("it is piped");
        let hear = BufReader::new(others.stdout.take().expect("it is piped"));
        let mut abuse = Self {
            dataplane: UserspaceDataplane::new(),
            others,
            say,
            hear,
        };
        if part == VANISHING_ENDS {
            let pid = abuse.hear("namespace");
            ip(&format!("link set v1 netns {pid}"));
            abuse.say("linked");
        }
        abuse.serve(at).await;
        abuse
    }

    async fn serve(&mut self, at: Ipv4Addr) {
        let only: SocketAddr = self.hear("backend").parse().expect("an address");
        let key = FrontendKey {
            address: at.into(),
            port: 8080,
            protocol: Protocol::Tcp,
        };
        let plan = Plan {
            put: vec![(key, frontend(1, &[backend(1, only)]).into())],
            ..Plan::default()
        };
        assert_eq!(self.dataplane.apply(&plan).await.rejected, []);
        self.say(&key.socket_addr().to_string());
    }

    fn say(&mut self, word: &str) {
        writeln!(self.say, "{word}").expect("the other process listens");
    }

    /// What follows a word in a line of its own; the harness has lines of its own, too.
    fn hear(&mut self, word: &str) -> String {
        let lines = self.hear.by_ref().lines();
        let mut lines = lines.map(|line| line.expect("the other process lives"));
        lines
            .find_map(|line| {
                line.split_once(word)
                    .map(|(_, rest)| rest.trim().to_owned())
            })
            .unwrap_or_else(|| panic!("the other process does not say {word}"))
    }

    fn counter(&self, name: &str) -> u64 {
        let counters = self.dataplane.counters();
        let found = counters.iter().find(|(known, _)| *known == name);
        found.unwrap_or_else(|| panic!("no counter {name}")).1
    }

    /// Waits until a counter says so; how long that took.
    async fn until(&self, name: &str, most: Duration, holds: impl Fn(u64) -> bool) -> Duration {
        let began = Instant::now();
        while !holds(self.counter(name)) {
            let figure = self.counter(name);
            assert!(began.elapsed() < most, "{name} is {figure} after {most:?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        began.elapsed()
    }
}

impl Drop for Abuse {
    fn drop(&mut self) {
        // It may have ended already.
        let _killed = self.others.kill();
        let _ended = self.others.wait();
    }
}

/// Resident memory of this process, in MiB.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("/proc is mounted");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.split_ascii_whitespace().next()?.parse::<u64>().ok());
    kib.expect("it says how much") / 1024
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_clients_at_once_cost_bounded_memory_and_leave_nothing_behind() {
    let [_, _, second, third] = std::process::id().to_be_bytes();
    let at = Ipv4Addr::new(127, 128 + second % 64, third, 20);
    let mut abuse = Abuse::start(Command::new("env"), "the_many_clients", at).await;
    let before = resident();
    abuse.hear("connected");
    // 10,000, or as many as the limit of open files allows while the others wait.
    abuse
        .until("connections_total", DEADLINE, |all| all >= 5_000)
        .await;
    abuse.say("ask");
    abuse.hear("answered");
    let grown = resident().saturating_sub(before);
    let (active, all) = (
        abuse.counter("connections_active"),
        abuse.counter("connections_total"),
    );
    println!("{active} of {all} connections active, {grown} MiB more memory");
    // 20 KiB for each; sockets are the kernel's.
    assert!(grown < 200, "{grown} MiB for {active} connections");
    abuse.others.kill().expect("it lives");
    let took = abuse.until("connections_active", GONE, |n| n == 0).await;
    println!("nothing left after {took:?}");
}

#[tokio::test]
#[ignore = "the other process of ten_thousand_clients_at_once_cost_bounded_memory_and_leave_nothing_behind"]
async fn the_many_clients() {
    portolan_process::raise_limit();
    let mut words = std::io::stdin().lines();
    let mut hear = || words.next().expect("a word").expect("the test lives");
    let at = serve_backend(Ipv4Addr::LOCALHOST.into());
    println!("backend {at}");
    let to: SocketAddr = hear().parse().expect("an address");
    let (mut slow, mut asking, mut silent) = (Vec::new(), Vec::new(), Vec::new());
    for number in 0..CLIENTS {
        if number < SLOW {
            let mut stream = small_window(to).await;
            stream.write_all(b"m").await.expect("a question");
            slow.push(stream);
        } else if number < SLOW + ASKING {
            asking.push(TcpStream::connect(to).await.expect("a connection"));
        } else {
            silent.push(TcpStream::connect(to).await.expect("a connection"));
        }
    }
    println!("connected");
    assert_eq!(hear(), "ask");
    let mut answers = JoinSet::new();
    for mut stream in asking {
        answers.spawn(async move {
            stream.write_all(b"?").await.expect("a question");
            assert_eq!(stream.read_u8().await.expect("an answer"), b'!');
            stream
        });
    }
    let asked = answers.join_all().await;
    println!("answered {}", asked.len());
    let _end = hear();
    drop((slow, asked, silent));
}

/// A client with next to no buffer of its own.
async fn small_window(to: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(4096).expect("a small buffer");
    socket.connect(to).await.expect("a connection")
}

/// Answers `?` with `!`, and anything else with much.
fn serve_backend(at: IpAddr) -> SocketAddr {
    let listener = TcpSocket::new_v4().expect("a socket");
    listener.bind((at, 0).into()).expect("a free port");
    let listener: TcpListener = listener.listen(16_384).expect("it listens");
    let address = listener.local_addr().expect("it is bound");
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.expect("descriptors are left");
            // Clients that are killed are what this is about.
            tokio::spawn(async move {
                loop {
                    match stream.read_u8().await? {
                        b'?' => stream.write_all(b"!").await?,
                        _ => stream.write_all(&vec![0; MUCH]).await?,
                    }
                }
                #[expect(unreachable_code, reason = "gives the block its type")]
                std::io::Result::Ok(())
            });
        }
    });
    address
}

/// In a user and network namespace of its own, which any user may create.
#[test]
fn ends_that_vanish_without_a_word_are_found_within_a_minute() {
    let text = in_namespaces("--user --map-root-user --net", "with_ends_that_vanish");
    println!("{text}");
}

const HERE: Ipv4Addr = Ipv4Addr::new(10, 9, 0, 1);
const THERE: Ipv4Addr = Ipv4Addr::new(10, 9, 0, 2);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "run by ends_that_vanish_without_a_word_are_found_within_a_minute in a namespace of its own"]
async fn with_ends_that_vanish() {
    let mut command = Command::new("unshare");
    command.args(["--net", "--"]);
    ip("link set lo up");
    ip("link add v0 type veth peer name v1");
    ip(&format!("addr add {HERE}/24 dev v0"));
    ip("link set v0 up");
    let mut abuse = Abuse::start(command, VANISHING_ENDS, HERE).await;
    abuse.hear("connected");
    abuse
        .until("connections_active", DEADLINE, |n| n == 3 * VANISHING)
        .await;
    abuse.say("vanish");
    abuse.hear("vanished");
    let took = abuse.until("connections_active", GONE, |n| n == 0).await;
    let found = abuse.counter("connections_vanished_total");
    println!("nothing left after {took:?}; {found} owed an acknowledgement");
    assert!(found > 0, "the kernel alone takes a quarter of an hour");
}

#[tokio::test]
#[ignore = "the other process of with_ends_that_vanish"]
async fn the_vanishing_ends() {
    let mut words = std::io::stdin().lines();
    let mut hear = || words.next().expect("a word").expect("the test lives");
    // The link comes from the other namespace, which has to know this one first.
    println!("namespace {}", std::process::id());
    assert_eq!(hear(), "linked");
    ip("link set lo up");
    ip(&format!("addr add {THERE}/24 dev v1"));
    ip("link set v1 up");
    let at = serve_backend(THERE.into());
    println!("backend {at}");
    let to: SocketAddr = hear().parse().expect("an address");
    let mut kept = Vec::new();
    for _ in 0..VANISHING {
        // One that is idle, one that owes an acknowledgement when it vanishes, and one that reads nothing.
        kept.push(TcpStream::connect(to).await.expect("a connection"));
        let mut busy = TcpStream::connect(to).await.expect("a connection");
        let mut slow = small_window(to).await;
        slow.write_all(b"m").await.expect("a question");
        kept.push(slow);
        busy.write_all(b"m").await.expect("a question");
        tokio::spawn(async move {
            let mut buffer = vec![0; 1024];
            // Too slow to be done before the link goes.
            while busy.read(&mut buffer).await.is_ok_and(|read| read > 0) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        });
    }
    println!("connected");
    assert_eq!(hear(), "vanish");
    ip("link set v1 down");
    println!("vanished");
    // Stays as it is until it is killed.
    let _end = hear();
}
