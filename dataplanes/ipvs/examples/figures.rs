//! Figures of the mechanism beside `ipvsadm` and bare requests, for a kernel with IPVS: tests/vm/figures. Everything is measured
//! in the same run, in network namespaces of its own; what counts are the ratios.

use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use portolan_dataplane::testing::{backend, frontend, node_state};
use portolan_dataplane::{Dataplane, Environment, Frontend, FrontendKey, NodeState, plan};
use portolan_ipvs::{IpvsDataplane, Options};
use portolan_lab::Namespace;
use portolan_model::Protocol;
use portolan_netlink::ipvs::{Ipvs, RealServer, ServerId, VirtualServer};

const SERVICES: u32 = 10_000;
/// Services that `ipvsadm` makes one by one: three processes each.
const ONE_BY_ONE: u32 = 200;
const CHANGES: u32 = 500;

fn address(high: u8, number: u32) -> IpAddr {
    Ipv4Addr::from(u32::from_be_bytes([high, 0, 0, 0]) + number).into()
}

fn virtual_at(number: u32) -> SocketAddr {
    SocketAddr::new(address(10, number), 80)
}

fn real_at(number: u32) -> SocketAddr {
    SocketAddr::new(address(100, number), 8080)
}

/// With two endpoints; another `version` has another second one.
fn service(number: u32, version: u32) -> (FrontendKey, Frontend) {
    let at = virtual_at(number);
    let key = FrontendKey {
        address: at.ip(),
        port: at.port(),
        protocol: Protocol::Tcp,
    };
    let backends = [
        backend(1, real_at(number * 2)),
        backend(
            2 + u8::try_from(version % 2).unwrap_or(0),
            real_at(number * 2 + 1 + version * 4_000_000),
        ),
    ];
    (key, frontend(1, &backends))
}

/// What `ipvsadm` reads to make the same Services.
fn lines(count: u32) -> Vec<String> {
    let of = |number: u32| {
        let at = virtual_at(number);
        let real = |index| format!("-a -t {at} -r {} -m -w 1", real_at(number * 2 + index));
        [format!("-A -t {at} -s wrr"), real(0), real(1)]
    };
    (0..count).flat_map(of).collect()
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

/// All at once, by one process.
async fn restored() -> Duration {
    let text = lines(SERVICES).join("\n") + "\n";
    let began = Instant::now();
    let child = Command::new("ipvsadm")
        .arg("-R")
        .stdin(Stdio::piped())
        .spawn();
    let mut child = child.expect("ipvsadm is installed");
    let mut stdin = child.stdin.take().expect("it is piped");
    stdin.write_all(text.as_bytes()).expect("it reads");
    drop(stdin);
    assert!(child.wait().expect("it runs").success());
    let took = began.elapsed();
    let mut ipvs = Ipvs::open().expect("a socket");
    let count = ipvs.servers().await.expect("a list").len();
    assert_eq!(
        count,
        usize::try_from(SERVICES).unwrap_or(0),
        "it made all of them"
    );
    took
}

/// A process for each virtual and each real server: the time for one Service.
fn one_by_one() -> Duration {
    let began = Instant::now();
    for line in lines(ONE_BY_ONE) {
        let status = Command::new("ipvsadm").args(line.split(' ')).status();
        assert!(status.expect("ipvsadm is installed").success());
    }
    began.elapsed() / ONE_BY_ONE
}

/// Bare requests: a real server more, the former one of weight 0.
async fn bare_change() -> Duration {
    let mut ipvs = Ipvs::open().expect("a socket");
    let id = ServerId::At(6, virtual_at(0));
    let server = VirtualServer {
        id,
        scheduler: "wrr".to_owned(),
        flags: 0,
        timeout: 0,
    };
    ipvs.add(&server).await.expect("added");
    let mut times = Vec::new();
    let real = |number, weight| RealServer {
        address: real_at(number),
        weight,
    };
    ipvs.add_real(id, real(0, 1)).await.expect("added");
    for change in 0..CHANGES {
        let began = Instant::now();
        ipvs.add_real(id, real(change + 1, 1)).await.expect("added");
        ipvs.set_real(id, real(change, 0)).await.expect("drained");
        times.push(began.elapsed());
        let gone = real_at(change);
        ipvs.delete_real(id, gone).await.expect("deleted");
    }
    median(times)
}

/// Loading, and one endpoint replaced among all Services.
async fn ours() -> (Duration, Duration) {
    let mut plane = IpvsDataplane::new(Options::default()).expect("root may program IPVS");
    let environment = Environment::default();
    let configured = plane.configure(&environment).await;
    configured.expect("the node can be configured");
    let all = node_state((0..SERVICES).map(|number| service(number, 0)));
    let load = plan(&all, &NodeState::new(), &plane.capabilities());
    let began = Instant::now();
    let applied = plane.apply(&load).await;
    let loaded = began.elapsed();
    assert_eq!(applied.rejected, []);
    let mut times = Vec::new();
    for change in 0..CHANGES {
        let (key, frontend) = service(change * (SERVICES / CHANGES), 1);
        let mut change = portolan_dataplane::Plan::default();
        change.put.push((key, frontend.into()));
        let began = Instant::now();
        let applied = plane.apply(&change).await;
        times.push(began.elapsed());
        assert_eq!(applied.rejected, []);
    }
    (loaded, median(times))
}

fn main() {
    let at = |case: &str| {
        let machine = Namespace::new(case);
        machine.ip("addr add 192.0.2.1/32 dev lo\n");
        machine
    };
    let (loaded, change) = at("ours").run(ours());
    let restored = at("ipvsadm").run(restored());
    let single = at("single").run(async { one_by_one() });
    let bare = at("bare").run(bare_change());
    let each = loaded / SERVICES;
    let ratio = |one: Duration, other: Duration| one.as_secs_f64() / other.as_secs_f64();
    println!("{SERVICES} Services with two endpoints loaded: {loaded:?}, {each:?} each");
    println!(
        "ipvsadm -R: {restored:?}; ours takes {:.2} of it",
        ratio(loaded, restored)
    );
    println!(
        "ipvsadm one by one: {single:?} a Service; ours is {:.1} times as fast",
        ratio(single, each)
    );
    println!(
        "one endpoint replaced (p50): {change:?}; bare requests {bare:?}: {:.2} times",
        ratio(change, bare)
    );
}
