//! `portolan dev --dataplane nftables`, as root meets it: a node in network namespaces of its own, and a host that is left
//! alone.

use std::collections::BTreeSet;
use std::fs::File;
use std::net::SocketAddr;

use nix::sched::{CloneFlags, setns};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use portolan_tests::{Namespace, Process, binary, eventually, get, holds};

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

#[test]
fn a_node_in_the_kernel_serves_and_leaves_the_host_alone() {
    let host = Namespace::new();
    let everything = || {
        let ruleset = host
            .command("nft".as_ref())
            .args(["list", "ruleset"])
            .output();
        let ruleset = String::from_utf8(ruleset.expect("nftables is installed").stdout);
        [
            ruleset.expect("text"),
            host.ip(&["-o", "addr"]),
            host.ip(&["route", "show", "table", "all"]),
        ]
    };
    let before = everything();
    let data = tempfile::tempdir().expect("a temporary directory");
    let mut command = host.command(&binary("portolan"));
    command
        .args(["dev", "--demo", "--dataplane", "nftables", "--data-dir"])
        .arg(data.path());
    let mut dev = Process::start("portolan dev", command);
    eventually("the demo is shown", || {
        holds(dev.said().contains("End with Ctrl-C"), dev.said())
    });
    let said = dev.said();
    let frontend = behind(&said, "curl http://").expect("a command to try");
    assert_eq!(frontend, "10.96.0.10:8080");
    let frontend: SocketAddr = frontend.parse().expect("an address and a port");
    let client = behind(&said, "nsenter --net=").expect("it enters the client's namespace");
    let first: i32 = behind(&said, "kill ")
        .and_then(|pid| pid.parse().ok())
        .expect("a backend to end");

    let names = |times| {
        let answers = (0..times).map(|_| ask(client, frontend));
        answers.collect::<Result<BTreeSet<_>, _>>()
    };
    eventually("all three answer", || {
        let seen = names(30)?;
        holds(seen.len() == 3, format!("{seen:?}"))
    });
    kill(Pid::from_raw(first), Signal::SIGTERM).expect("it runs");
    eventually("the two others answer", || {
        let seen = names(30)?;
        holds(seen.len() == 2, format!("{seen:?}"))
    });
    assert!(get(frontend, "/").is_err(), "this machine has no way there");
    assert_eq!(everything(), before);

    assert!(dev.terminate().success());
    assert_eq!(everything(), before);
}
