//! `portolan dev --dataplane nftables`, as root meets it: a node in network namespaces of its own and a host that is left
//! alone; or, if asked for, a node in the host's own kernel that leaves nothing behind.

use std::collections::BTreeSet;
use std::fs::File;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use nix::sched::{CloneFlags, setns};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use portolan_tests::{Namespace, Process, binary, eventually, get, holds, run};

/// What stands behind a word that introduces it.
fn behind<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    text.split_once(word)?.1.split_whitespace().next()
}

/// A request from the client's namespace, which the printed command enters.
fn ask(client: &str, frontend: SocketAddr) -> Result<String, String> {
    let client = client.to_owned();
    let asking = std::thread::spawn(move || {
        let net = File::open(client).map_err(|error| error.to_string())?;
        setns(net, CloneFlags::CLONE_NEWNET).map_err(|error| error.to_string())?;
        get(frontend, "/").map_err(|error| error.to_string())
    });
    asking.join().expect("asking does not panic")
}

/// What a machine's kernel was told.
fn everything(host: &Namespace) -> [String; 3] {
    [
        nft(host, &["list", "ruleset"]),
        host.ip(&["-o", "addr"]),
        host.ip(&["route", "show", "table", "all"]),
    ]
}

fn nft(host: &Namespace, arguments: &[&str]) -> String {
    let done = host.command("nft".as_ref()).args(arguments).output();
    String::from_utf8(done.expect("nftables is installed").stdout).expect("text")
}

fn dev(host: &Namespace, data: &Path, flags: &[&str]) -> Command {
    let mut command = host.command(&binary("portolan"));
    command.args(["dev", "--dataplane", "nftables", "--data-dir"]);
    command.arg(data).args(flags);
    command
}

/// With its demo shown.
fn demo(host: &Namespace, data: &Path, flags: &[&str]) -> Process {
    let command = dev(host, data, &[&["--demo"], flags].concat());
    let dev = Process::start("portolan dev", command);
    eventually("the demo is shown", || {
        holds(dev.said().contains("End with Ctrl-C"), dev.said())
    });
    dev
}

#[test]
fn a_node_in_the_kernel_serves_and_leaves_the_host_alone() {
    let host = Namespace::new();
    let everything = || everything(&host);
    let before = everything();
    let data = tempfile::tempdir().expect("a temporary directory");
    let mut dev = demo(&host, data.path(), &[]);
    let said = dev.said();
    let frontends: Vec<SocketAddr> = said
        .split("curl http://")
        .skip(1)
        .map(|rest| rest.split_whitespace().next().expect("where to").parse())
        .collect::<Result<_, _>>()
        .expect("addresses and ports");
    let expected = ["10.96.0.10:8080", "[fd96::a]:8080"];
    assert_eq!(frontends, expected.map(|text| text.parse().expect("valid")));
    let client = behind(&said, "nsenter --net=").expect("it enters the client's namespace");
    let first: i32 = behind(&said, "kill ")
        .and_then(|pid| pid.parse().ok())
        .expect("a backend to end");

    let all_answer = |count| {
        for frontend in &frontends {
            eventually(&format!("{count} answer at {frontend}"), || {
                let answers = (0..30).map(|_| ask(client, *frontend));
                let seen = answers.collect::<Result<BTreeSet<_>, _>>()?;
                holds(seen.len() == count, format!("{seen:?}"))
            });
        }
    };
    all_answer(3);
    kill(Pid::from_raw(first), Signal::SIGTERM).expect("it runs");
    all_answer(2);
    for frontend in &frontends {
        assert!(
            get(*frontend, "/").is_err(),
            "this machine has no way there"
        );
    }
    assert_eq!(everything(), before);

    assert!(dev.terminate().success());
    assert_eq!(everything(), before);
}

#[test]
fn on_the_host_network_a_node_serves_here_and_leaves_nothing_behind() {
    let host = Namespace::new();
    let data = tempfile::tempdir().expect("a temporary directory");
    let refused = run(dev(&host, data.path(), &["--host-network"]), "");
    assert!(refused.err.contains("no default route"), "{}", refused.err);
    host.ip(&[
        "link", "add", "uplink", "type", "veth", "peer", "name", "far",
    ]);
    for device in ["uplink", "far"] {
        // Addresses of IPv6 that come by themselves would come at any time.
        host.ip(&["link", "set", device, "addrgenmode", "none"]);
        host.ip(&["link", "set", device, "up"]);
    }
    host.ip(&["addr", "add", "192.0.2.1/24", "dev", "uplink"]);
    host.ip(&["route", "add", "default", "via", "192.0.2.254"]);
    nft(&host, &["add", "table", "ip", "foreign"]);
    let before = everything(&host);

    let mut node = demo(&host, data.path(), &["--host-network"]);
    let said = node.said();
    for word in [
        "`ip portolan` and `ip6 portolan`",
        "10.96.0.0/16, fd96::/112",
        "at 192.0.2.1",
        "`portolan-nftables cleanup`",
    ] {
        assert!(said.contains(word), "{word}: {said}");
    }
    let frontend = behind(&said, "curl http://").expect("a command to try");
    let frontend = frontend.parse().expect("an address and a port");
    host.enter(|| get(frontend, "/")).expect("it answers here");
    assert!(everything(&host)[0].contains("table ip portolan"));

    let elsewhere = tempfile::tempdir().expect("a temporary directory");
    let second = dev(
        &host,
        elsewhere.path(),
        &[
            "--host-network",
            "--listen=127.0.0.1:7430",
            "--http-listen=127.0.0.1:7431",
        ],
    );
    let second = run(second, "");
    assert!(
        second.err.contains("portolan-nftables cleanup"),
        "{}",
        second.err
    );
    host.enter(|| get(frontend, "/")).expect("it still does");

    assert!(node.terminate().success());
    assert_eq!(everything(&host), before);
}
