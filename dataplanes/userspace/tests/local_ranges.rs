//! Virtual addresses outside 127.0.0.0/8, in a network namespace of their own.

use std::process::Command;

use portolan_dataplane::testing::{backend, frontend};
use portolan_dataplane::{Dataplane, Environment, FrontendKey, Plan};
use portolan_model::Protocol;
use portolan_userspace::UserspaceDataplane;
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};

/// Runs the test below as root of a new user and network namespace, which any user may create.
#[test]
fn ranges_are_made_local_by_root() {
    let this = std::env::current_exe().unwrap();
    let outcome = Command::new("unshare")
        .args(["--user", "--map-root-user", "--net", "--"])
        .arg(this)
        .args(["--exact", "in_a_namespace", "--ignored", "--nocapture"])
        .output()
        .expect("unshare (util-linux) is installed");
    let text = String::from_utf8_lossy(&outcome.stdout) + String::from_utf8_lossy(&outcome.stderr);
    assert!(
        outcome.status.success() && text.contains("1 passed"),
        "{text}"
    );
}

fn ip(arguments: &str) -> String {
    let outcome = Command::new("ip").args(arguments.split(' ')).output();
    let outcome = outcome.expect("ip (iproute2) is installed");
    assert!(outcome.status.success(), "ip {arguments}: {outcome:?}");
    String::from_utf8_lossy(&outcome.stdout).into_owned()
}

/// Routes that the dataplane made.
fn ours() -> String {
    let routes = ["route", "-6 route"].map(|of| ip(&format!("{of} show table local proto 112")));
    routes.concat()
}

fn environment(ranges: &[&str]) -> Environment {
    Environment {
        service_cidrs: ranges
            .iter()
            .map(|range| range.parse().expect("a range"))
            .collect(),
        ..Environment::default()
    }
}

#[tokio::test]
#[ignore = "run by ranges_are_made_local_by_root in a namespace of its own"]
async fn in_a_namespace() {
    ip("link set lo up");
    ip("route add local 203.0.113.0/24 dev lo");
    let mut dataplane = UserspaceDataplane::new();

    for (row, virtual_address, own) in [
        ("IPv4", "10.96.0.10", "127.0.0.1"),
        ("IPv6", "fd00:96::10", "::1"),
    ] {
        let backend = TcpListener::bind((own, 0)).await.unwrap();
        let plan = put(virtual_address, &backend);
        // Outside all ranges, as a load balancer's: the address alone is local while a frontend is there.
        assert_eq!(dataplane.apply(&plan).await.rejected, [], "{row}");
        assert!(ours().contains(virtual_address), "{row}: {}", ours());
        let gone = Plan {
            remove: vec![plan.put[0].0],
            ..Plan::default()
        };
        assert_eq!(dataplane.apply(&gone).await.rejected, [], "{row}");
        assert_eq!(ours(), "", "{row}: given back");

        let both = environment(&["10.96.0.0/16", "fd00:96::/112", "127.96.0.0/16"]);
        for _ in 0..2 {
            dataplane.configure(&both).await.unwrap();
        }
        assert_eq!(dataplane.apply(&plan).await.rejected, [], "{row}");
        let mut client = TcpStream::connect(plan.put[0].0.socket_addr())
            .await
            .unwrap();
        drop(backend.accept().await.unwrap());
        assert_eq!(client.read(&mut [0]).await.unwrap(), 0, "{row}: relayed");
        dataplane.configure(&environment(&[])).await.unwrap();
    }

    dataplane
        .configure(&environment(&["10.96.0.0/16"]))
        .await
        .unwrap();
    dataplane
        .configure(&environment(&["10.97.0.0/16", "fd00:97::/112"]))
        .await
        .unwrap();
    assert_eq!(
        ip("route show table local proto 112").trim(),
        "local 10.97.0.0/16 dev lo scope host"
    );
    assert!(ip("-6 route show table local proto 112").contains("fd00:97::/112"));

    dataplane.cleanup().await.unwrap();
    assert_eq!(ours(), "");
    assert!(
        ip("route show table local").contains("203.0.113.0/24"),
        "not ours"
    );
}

fn put(address: &str, listener: &TcpListener) -> Plan {
    let key = FrontendKey {
        address: address.parse().expect("an address"),
        port: 80,
        protocol: Protocol::Tcp,
    };
    let only = backend(1, listener.local_addr().expect("it is bound"));
    Plan {
        put: vec![(key, frontend(1, &[only]).into())],
        ..Plan::default()
    }
}
