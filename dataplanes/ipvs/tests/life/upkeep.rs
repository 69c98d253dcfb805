//! A plugin's life beside others, as `ipvsadm` sees it: restarts, audits, refusals, drains.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use portolan_dataplane::testing::{backend, frontend, frontend_key as key, node_state, pool, tcp};
use portolan_dataplane::{NodeState, RejectionCode};
use portolan_ipvs::{Options, Scheduler, Schedulers};
use portolan_model::Protocol;
use portolan_model::view::{Reach, WhenEmpty};

use crate::node::{Node, with};

/// Everything that a frontend can be.
fn rich() -> NodeState {
    let mut weighted = with(1, &[1, 2, 3], false);
    weighted.pool.backends[1].weight = 50;
    let mut affine = with(2, &[1, 2], true);
    affine.affinity_seconds = 10_800;
    let mut local = with(3, &[1], false);
    local.reach = Reach::External;
    local.pool.when_empty = WhenEmpty::Drop;
    local.inside = Some(Box::new(pool(&with(3, &[1, 2, 4], false).pool.backends)));
    let mut both = local.clone();
    both.affinity_seconds = 60;
    let mut guarded = with(4, &[1, 2], false);
    guarded.reach = Reach::External;
    guarded.source_ranges = ["198.51.100.0/24", "10.0.0.0/8"]
        .map(|range| range.parse().expect("a range"))
        .into();
    let mut silent = with(5, &[], false);
    silent.pool.when_empty = WhenEmpty::Drop;
    silent.service.port = String::new();
    // Two endpoints at one address.
    let mut twice = with(6, &[1], false);
    let mut second = twice.pool.backends[0];
    second.endpoint = backend(9, second.socket_addr()).endpoint;
    twice.pool.backends.push(second);
    node_state([
        (tcp("10.96.0.1", 80), weighted),
        (tcp("fd96::1", 443), affine),
        (tcp("203.0.113.1", 80), local),
        (tcp("203.0.113.3", 80), both),
        (tcp("203.0.113.2", 80), guarded),
        (tcp("10.96.0.2", 80), silent),
        (tcp("10.96.0.3", 80), twice),
        (key("10.96.0.1", 53, Protocol::Udp), with(7, &[5, 6], false)),
        (key("10.96.0.1", 80, Protocol::Sctp), with(8, &[1], false)),
    ])
}

fn node() -> Node {
    Node::new(Options::default())
}

/// Whether a new process finds exactly this and has nothing to write.
fn assert_whole(node: &mut Node, desired: &NodeState, name: &str) {
    let before = (node.ipvsadm(), node.run("nft list ruleset"));
    node.restart();
    assert_eq!(&node.observe(), desired, "{name}");
    assert_eq!(node.carry(desired).rejected, [], "{name}");
    for counter in [
        "ipvs_writes_total",
        "transactions_total",
        "elements_repaired_total",
    ] {
        assert_eq!(node.counter(counter), 0, "{name}: {counter}");
    }
    assert_eq!(
        (node.ipvsadm(), node.run("nft list ruleset")),
        before,
        "{name}"
    );
}

#[test]
fn a_restart_adopts_everything_and_writes_nothing() {
    let mut node = node();
    assert_whole(&mut node, &NodeState::new(), "no Services");
    let desired = rich();
    node.carry_all(&desired);
    for (parts, wanted) in [
        (&["-A"][..], 10),
        // ipvsadm has other names for the flags of mh.
        (&["-A", "flag-3"], 9),
        (&["-A", "-f", "-s wrr"], 7),
        (&["-A -t [fd96::1]:443", "-p 10800"], 1),
        (&["-A -t 203.0.113.3:80", "-p 60"], 1),
        (&["-A", "-f", "-s mh", "mh-fallback"], 1),
        (&["-a", "10.1.0.2:8080", "-w 50"], 1),
        (&["-a", "10.1.0.1:8080 -m -w 2"], 1),
    ] {
        assert_eq!(
            node.count(parts),
            wanted,
            "{parts:?}: {:#?}",
            node.ipvsadm()
        );
    }
    assert_whole(&mut node, &desired, "Services of every kind");
    node.cleanup();
    assert_eq!(node.ipvsadm(), [""; 0]);
    assert_eq!(node.run("nft list ruleset"), "");
}

/// Whoever changes or deletes something of ours: the next look puts it back, and a look at what is whole writes nothing.
#[test]
fn what_others_do_to_ours_is_put_right() {
    let mut node = node();
    let desired = rich();
    node.carry_all(&desired);
    let whole = (node.ipvsadm(), node.run("ip rule"));
    node.observe();
    assert_eq!(node.counter("ipvs_repairs_total"), 0);
    let on = |parts: &[&str], words: &str| -> String {
        let lines = node.ipvsadm();
        let mut fitting = lines.iter();
        let line = fitting.find(|line| parts.iter().all(|part| line.contains(part)));
        let line: Vec<_> = line.expect("it is there").split(' ').collect();
        format!("ipvsadm {words} {}", line[1..3].join(" "))
    };
    let server = on(&["-A", "-f"], "-D");
    let real = on(&["-A -t [fd96::1]:443"], "-d") + " -r [fd01::1]:8080";
    let weight = on(&["-A -t [fd96::1]:443"], "-e") + " -r [fd01::1]:8080 -m -w 7";
    let stranger = on(&["-A -t [fd96::1]:443"], "-a") + " -r [fd01::77]:8080 -m";
    let scheduler = on(&["-A -t 203.0.113.3:80"], "-E") + " -s rr";
    for words in [
        "ipvsadm -C",
        &server,
        &real,
        &weight,
        &stranger,
        &scheduler,
        "ip rule del priority 112",
        "ip -6 rule del priority 112",
        "ip route flush table 112",
        "ip -6 route flush table 112",
        "nft flush ruleset",
        "nft delete table ip6 portolan-ipvs",
        "nft flush set ip portolan-ipvs served",
        "nft flush chain ip portolan-ipvs service",
    ] {
        node.run(words);
        assert_eq!(node.observe(), desired, "{words}");
        assert_eq!((node.ipvsadm(), node.run("ip rule")), whole, "{words}");
        for family in ["-4", "-6"] {
            let route = node.run(&format!("ip {family} route show table 112"));
            assert!(route.contains("local default dev lo"), "{words}: {route}");
        }
        assert_whole(&mut node, &desired, words);
    }
}

#[test]
fn virtual_servers_of_others_stay_and_are_never_taken_over() {
    let mut node = node();
    node.run("ipvsadm -A -t 10.96.0.9:80 -s rr");
    node.run("ipvsadm -a -t 10.96.0.9:80 -r 192.0.2.9:80 -m");
    let theirs = node.ipvsadm();
    let mut affine = with(1, &[1], false);
    affine.affinity_seconds = 60;
    let (taken, free) = (tcp("10.96.0.9", 80), tcp("10.96.0.8", 80));
    let desired = node_state([(taken, affine.clone()), (free, affine)]);
    let rejected = node.carry(&desired).rejected;
    assert_eq!(rejected.len(), 1, "{rejected:?}");
    assert_eq!(
        (rejected[0].key, rejected[0].code),
        (taken, RejectionCode::PortInUse)
    );
    assert!(
        rejected[0].message.contains("ipvsadm -D"),
        "{}",
        rejected[0].message
    );
    assert_eq!(node.observe().into_keys().collect::<Vec<_>>(), [free]);
    node.run("ipvsadm -D -t 10.96.0.9:80");
    node.carry_all(&desired);
    node.carry_all(&NodeState::new());
    node.run("ipvsadm -A -t 10.96.0.7:80 -s rr");
    node.cleanup();
    assert_eq!(node.count(&["-A -t 10.96.0.7:80"]), 1);
    assert_eq!(node.ipvsadm().len(), 1);
    assert_eq!(theirs.len(), 2);
}

/// The remedy is in the message, the last good version stays, the others are not concerned.
#[test]
fn a_scheduler_that_the_kernel_lacks_is_named() {
    let exceptions = ["default/service-1=lc", "default/service-2:main=sh"];
    let mut node = Node::new(Options {
        schedulers: Schedulers {
            default: Scheduler::Wlc,
            exceptions: exceptions
                .map(|text| text.parse().expect("an exception"))
                .into(),
        },
        ..Options::default()
    });
    let (lacks, has, other) = (
        tcp("10.96.0.1", 80),
        tcp("10.96.0.2", 80),
        tcp("10.96.0.3", 80),
    );
    let empty = node_state([(lacks, with(1, &[], false))]);
    node.carry_all(&empty);
    let desired = node_state([
        (lacks, with(1, &[1], false)),
        (has, with(2, &[1], false)),
        (other, with(3, &[1], false)),
    ]);
    let rejected = node.carry(&desired).rejected;
    assert_eq!(rejected.len(), 1, "{rejected:?}");
    assert_eq!(rejected[0].key, lacks);
    for word in ["default/service-1", "modprobe ip_vs_lc", "--scheduler"] {
        assert!(
            rejected[0].message.contains(word),
            "{}",
            rejected[0].message
        );
    }
    assert_eq!(node.observe()[&lacks], empty[&lacks]);
    assert_eq!(node.count(&["-A", "-s wlc"]), 1);
    assert_eq!(node.count(&["-A", "-s sh", "sh-fallback"]), 1);
    assert_eq!(node.ipvsadm().len(), 4, "{:?}", node.ipvsadm());
}

/// Chains, rules, addresses and routes are the same for none and for many; a change among many writes what it concerns
/// (k/k#73382, #84906, #88212).
#[test]
fn nothing_but_elements_and_virtual_servers_grows() {
    let mut node = node();
    node.carry_all(&node_state([(
        tcp("10.96.1.0", 80),
        with(1, &[1, 2], false),
    )]));
    let shape = |node: &Node| {
        let terse = node.run("nft -s -t list ruleset");
        [
            terse,
            node.run("ip -o addr"),
            node.run("ip rule"),
            node.run("ip route show table all"),
        ]
    };
    let one = shape(&node);
    let at = |n: u8| tcp(&format!("10.96.1.{n}"), 80);
    let mut many = node_state((0..200).map(|n| (at(n), with(n, &[1, 2], false))));
    node.carry_all(&many);
    assert_eq!(shape(&node), one);
    assert_eq!(node.count(&["-A"]), 200);
    let count = |node: &Node| {
        (
            node.counter("ipvs_writes_total"),
            node.counter("transactions_total"),
        )
    };
    let before = count(&node);
    many.insert(at(7), with(7, &[1, 3], false).into());
    node.carry_all(&many);
    let after = count(&node);
    let writes = after.0 - before.0;
    assert!(
        (2..=3).contains(&writes),
        "one comes, one drains and may be gone: {writes}"
    );
    assert!(after.1 - before.1 <= 2, "transactions");
    let (writes, transactions) = count(&node);
    node.carry_all(&many);
    assert_eq!(
        count(&node),
        (writes, transactions),
        "nothing changes, nothing is written"
    );
}

/// UDP leaves at once (k/k#71514), TCP without connections at the next look; who comes back before is not deleted.
#[test]
fn backends_that_leave_get_nothing_new_and_go_when_they_are_idle() {
    let mut node = node();
    let (web, dns) = (tcp("10.96.0.1", 80), key("10.96.0.1", 53, Protocol::Udp));
    let both =
        |lasts: &[u8]| node_state([(web, with(1, lasts, false)), (dns, with(2, lasts, false))]);
    node.carry_all(&both(&[1, 2]));
    assert_eq!(node.count(&["-a", "10.1.0.2:8080", "-w 1"]), 2);
    node.carry(&both(&[1]));
    assert_eq!(node.count(&["-a", "10.1.0.2:8080", "-w 1"]), 0);
    assert_eq!(node.count(&["-a", "10.1.0.1:8080", "-w 1"]), 2);
    node.carry_all(&both(&[1, 2]));
    assert_eq!(node.count(&["-a", "10.1.0.2:8080", "-w 1"]), 2);
    assert_eq!(node.counter("draining_backends"), 0);
    node.carry_all(&both(&[1]));
    node.eventually_counts(&["-a", "10.1.0.2:8080"], 0);
    node.carry_all(&NodeState::new());
    node.eventually_counts(&["-A"], 0);
    assert_eq!(node.counter("drains_cut_total"), 0);
    assert!(
        !node
            .run("nft list set ip portolan-ipvs served")
            .contains("10.96.0.1")
    );
}

/// A server of the node itself, behind 10.96.0.1:80.
fn serve(node: &Node, port: u16) -> NodeState {
    let listen = async move {
        let listener = TcpListener::bind(("192.0.2.1", port)).expect("a free port");
        std::thread::spawn(move || {
            while let Ok((mut stream, _)) = listener.accept() {
                std::thread::spawn(move || {
                    let mut bytes = [0; 64];
                    while let Ok(length @ 1..) = stream.read(&mut bytes) {
                        let answer = [port.to_string().as_bytes(), &bytes[..length]].concat();
                        if stream.write_all(&answer).is_err() {
                            return;
                        }
                    }
                });
            }
        });
    };
    node.machine.run(listen);
    let at = ([192, 0, 2, 1], port).into();
    node_state([(tcp("10.96.0.1", 80), frontend(1, &[backend(1, at)]))])
}

fn connect(node: &Node) -> TcpStream {
    node.machine.run(async {
        let at = ([10, 96, 0, 1], 80).into();
        let stream = TcpStream::connect_timeout(&at, Duration::from_secs(30));
        let stream = stream.expect("it is served");
        let limit = stream.set_read_timeout(Some(Duration::from_secs(10)));
        limit.expect("a socket has a timeout");
        stream
    })
}

fn asks(stream: &mut TcpStream) -> std::io::Result<String> {
    stream.write_all(b"?")?;
    let mut bytes = [0; 16];
    let length = stream.read(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes[..length]).into_owned())
}

#[test]
fn a_connection_to_a_backend_that_left_goes_on_until_the_limit() {
    let limit = Duration::from_secs(20);
    let mut node = Node::new(Options {
        drain_limit: limit,
        ..Options::default()
    });
    let (first, second) = (serve(&node, 8001), serve(&node, 8002));
    node.carry_all(&first);
    let mut old = connect(&node);
    assert_eq!(asks(&mut old).expect("served"), "8001?");
    node.carry_all(&second);
    assert_eq!(asks(&mut connect(&node)).expect("served"), "8002?");
    assert_eq!(asks(&mut old).expect("it lives"), "8001?");
    node.restart();
    node.carry_all(&second);
    assert_eq!(asks(&mut old).expect("it lives"), "8001?");
    assert_eq!(node.counter("draining_backends"), 1);
    node.eventually_counts(&["-a", "192.0.2.1:8001"], 0);
    assert_eq!(node.counter("drains_cut_total"), 1);
    assert!(asks(&mut old).is_err(), "its time is over");
    assert_eq!(asks(&mut connect(&node)).expect("served"), "8002?");
}
