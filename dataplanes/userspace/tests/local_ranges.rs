//! Virtual addresses outside 127.0.0.0/8, in a network namespace of their own.

#[path = "common/ip.rs"]
mod ip;
#[path = "common/unshare.rs"]
mod unshare;

use ip::ip;
use portolan_dataplane::testing::{backend, frontend};
use portolan_dataplane::{Dataplane, Environment, FrontendKey, Plan};
use portolan_model::Protocol;
use portolan_userspace::UserspaceDataplane;
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};
use unshare::in_namespaces;

#[test]
fn ranges_are_made_local_by_root() {
    in_namespaces("--user --map-root-user --net", "local_ranges");
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
async fn local_ranges() {
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
