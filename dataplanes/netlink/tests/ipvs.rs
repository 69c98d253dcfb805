//! Against a kernel with IPVS, in network namespaces of the tests' own: what is written is what is read back, by us and by
//! `ipvsadm`.

use std::net::SocketAddr;
use std::process::Command;

use nix::sched::{CloneFlags, unshare};
use portolan_netlink::NetlinkError;
use portolan_netlink::ipvs::{Ipvs, RealServer, ServerId, Timeouts, VirtualServer, flags};
use portolan_netlink::nftables::Family;

const TCP: u8 = 6;
const UDP: u8 = 17;
const SCTP: u8 = 132;

const ESRCH: i32 = 3;
const ENOENT: i32 = 2;
const EEXIST: i32 = 17;

/// Runs in a new network namespace: the thread ends in there, no other one is moved.
fn in_a_namespace<F: Future<Output = ()>>(test: impl FnOnce(Ipvs) -> F + Send + 'static) {
    let thread = std::thread::spawn(|| {
        unshare(CloneFlags::CLONE_NEWNET).expect("this test needs root");
        // Without a local table the kernel takes every address of a real server for a broadcast one.
        let up = Command::new("ip")
            .args(["link", "set", "lo", "up"])
            .status();
        assert!(up.expect("ip is installed").success());
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        runtime
            .expect("a runtime")
            .block_on(async { test(Ipvs::open().expect("a socket")).await });
    });
    thread
        .join()
        .unwrap_or_else(|panic| std::panic::resume_unwind(panic));
}

/// What `ipvsadm` would write to restore what it sees, a line each, in order.
fn ipvsadm() -> Vec<String> {
    let done = Command::new("ipvsadm").args(["-S", "-n"]).output();
    let done = done.expect("ipvsadm is installed");
    assert!(done.status.success(), "{done:?}");
    let text = String::from_utf8_lossy(&done.stdout);
    let mut lines: Vec<_> = text.lines().map(|line| line.trim().to_owned()).collect();
    lines.sort_unstable();
    lines
}

fn socket(text: &str) -> SocketAddr {
    text.parse().expect("an address")
}

fn at(protocol: u8, address: &str) -> ServerId {
    ServerId::At(protocol, socket(address))
}

fn server(id: ServerId, scheduler: &str) -> VirtualServer {
    VirtualServer {
        id,
        scheduler: scheduler.to_owned(),
        flags: 0,
        timeout: 0,
    }
}

fn real(address: &str, weight: u32) -> RealServer {
    RealServer {
        address: socket(address),
        weight,
    }
}

async fn reals(ipvs: &mut Ipvs, id: ServerId) -> Vec<RealServer> {
    let listed = ipvs.real_servers(id).await.expect("they can be listed");
    assert!(listed.iter().all(|real| real.is_translated));
    assert!(listed.iter().all(|real| real.active + real.inactive == 0));
    let mut reals: Vec<_> = listed.into_iter().map(|real| real.server).collect();
    reals.sort_unstable();
    reals
}

fn errno(outcome: Result<(), NetlinkError>) -> Option<i32> {
    outcome.expect_err("it is refused").errno()
}

#[test]
fn virtual_servers_of_every_kind_are_read_back() {
    in_a_namespace(|mut ipvs| async move {
        assert!(ipvs.version().await.expect("there is IPVS") >= 0x1_02_01);
        let persistent = |id, scheduler| VirtualServer {
            flags: flags::PERSISTENT | flags::SCHEDULER_3,
            timeout: 10_800,
            ..server(id, scheduler)
        };
        let mut all = vec![
            server(at(TCP, "10.96.0.1:80"), "rr"),
            server(at(UDP, "10.96.0.1:80"), "wrr"),
            server(at(SCTP, "10.96.0.1:80"), "wlc"),
            persistent(at(TCP, "10.96.0.2:80"), "wlc"),
            server(at(TCP, "[fd96::1]:80"), "sh"),
            persistent(at(UDP, "[fd96::1]:53"), "mh"),
            server(ServerId::Marked(Family::V4, 0x800_0100), "wrr"),
            persistent(ServerId::Marked(Family::V6, 7), "wrr"),
        ];
        for server in &mut all {
            if ["sh", "mh"].contains(&server.scheduler.as_str()) {
                server.flags |= flags::SCHEDULER_1;
            }
            ipvs.add(server).await.expect("it can be added");
            assert_eq!(errno(ipvs.add(server).await), Some(EEXIST));
        }
        let sorted = |mut servers: Vec<VirtualServer>| {
            servers.sort_unstable_by_key(|server| server.id);
            servers
        };
        let listed = ipvs.servers().await.expect("they can be listed");
        assert_eq!(sorted(listed), sorted(all.clone()));
        let seen = ipvsadm().join("\n");
        for line in [
            "-A -t 10.96.0.1:80 -s rr",
            "-A -u 10.96.0.1:80 -s wrr",
            "-A -t 10.96.0.2:80 -s wlc -p 10800 -b flag-3",
            "-A -t [fd96::1]:80 -s sh -b sh-fallback",
            "-A -f 134217984 -s wrr",
            "-A -f 7 -6 -s wrr -p 10800 -b flag-3",
        ] {
            assert!(seen.contains(line), "{line} in {seen}");
        }
        for server in &mut all {
            server.scheduler = "rr".to_owned();
            server.flags ^= flags::PERSISTENT;
            server.timeout = 60;
            ipvs.set(server).await.expect("it can be changed");
        }
        let listed = ipvs.servers().await.expect("they can be listed");
        assert_eq!(sorted(listed), sorted(all.clone()));
        for server in &all {
            ipvs.delete(server.id).await.expect("it can be deleted");
            assert_eq!(errno(ipvs.delete(server.id).await), Some(ESRCH));
            assert_eq!(errno(ipvs.set(server).await), Some(ESRCH));
        }
        assert_eq!(ipvs.servers().await.expect("a list"), []);
        assert_eq!(ipvsadm(), [""; 0]);
    });
}

#[test]
fn real_servers_come_drain_and_go() {
    in_a_namespace(|mut ipvs| async move {
        for (id, addresses) in [
            (at(TCP, "10.96.0.1:80"), ["10.1.0.1:8080", "10.1.0.2:8081"]),
            (at(UDP, "[fd96::1]:53"), ["[fd01::1]:53", "[fd01::2]:54"]),
            (
                ServerId::Marked(Family::V4, 99),
                ["10.1.0.1:8080", "10.1.0.2:8081"],
            ),
            (
                ServerId::Marked(Family::V6, 99),
                ["[fd01::1]:53", "[fd01::2]:54"],
            ),
        ] {
            let [one, two] = addresses;
            let early = ipvs.add_real(id, real(one, 1)).await;
            assert_eq!(errno(early), Some(ESRCH), "no virtual server yet");
            assert_eq!(reals(&mut ipvs, id).await, []);
            ipvs.add(&server(id, "wrr")).await.expect("added");
            ipvs.add_real(id, real(one, 3)).await.expect("added");
            ipvs.add_real(id, real(two, 65_535)).await.expect("added");
            let again = ipvs.add_real(id, real(two, 1)).await;
            assert_eq!(errno(again), Some(EEXIST));
            let both = [real(one, 3), real(two, 65_535)];
            assert_eq!(reals(&mut ipvs, id).await, both);
            ipvs.set_real(id, real(one, 0)).await.expect("changed");
            let drained = [real(one, 0), real(two, 65_535)];
            assert_eq!(reals(&mut ipvs, id).await, drained);
            ipvs.delete_real(id, socket(one)).await.expect("deleted");
            assert_eq!(reals(&mut ipvs, id).await, [real(two, 65_535)]);
            let gone = ipvs.delete_real(id, socket(one)).await;
            assert_eq!(errno(gone), Some(ENOENT));
            let gone = ipvs.set_real(id, real(one, 1)).await;
            assert_eq!(errno(gone), Some(ENOENT));
        }
        let seen = ipvsadm().join("\n");
        for line in [
            "-a -t 10.96.0.1:80 -r 10.1.0.2:8081 -m -w 65535",
            "-a -u [fd96::1]:53 -r [fd01::2]:54 -m -w 65535",
        ] {
            assert!(seen.contains(line), "{line} in {seen}");
        }
    });
}

#[test]
fn an_unknown_scheduler_is_named() {
    in_a_namespace(|mut ipvs| async move {
        let id = at(TCP, "10.96.0.1:80");
        let unknown = ipvs.add(&server(id, "none-such")).await;
        let unknown = unknown.expect_err("there is no such scheduler");
        assert_eq!(unknown.errno(), Some(ENOENT));
        assert!(unknown.to_string().contains("none-such"), "{unknown}");
        assert!(unknown.to_string().contains("10.96.0.1:80/TCP"));
    });
}

#[test]
fn timeouts_are_read_back() {
    in_a_namespace(|mut ipvs| async move {
        let wanted = Timeouts {
            tcp: 86_400,
            tcp_fin: 30,
            udp: 120,
        };
        ipvs.set_timeouts(wanted).await.expect("they can be set");
        assert_eq!(ipvs.timeouts().await.expect("they can be read"), wanted);
    });
}
