//! The example keeps the contract, and HAProxy takes what it writes.

#[path = "../examples/haproxy/dataplane.rs"]
mod dataplane;
#[path = "../examples/haproxy/file.rs"]
mod file;
#[path = "../examples/haproxy/parse.rs"]
mod parse;
#[path = "../examples/haproxy/section.rs"]
mod section;

use std::fmt::Debug;
use std::net::{IpAddr, SocketAddr};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::str::FromStr;
use std::sync::atomic::{AtomicU32, Ordering};

use dataplane::HaproxyDataplane;
use portolan_dataplane::testing::{backend, frontend, pool};
use portolan_dataplane::{
    Dataplane, Environment, Frontend, FrontendKey, NodeState, Plan, RejectionCode, plan,
};
use portolan_model::Protocol;
use portolan_model::view::{Reach, WhenEmpty};

portolan_dataplane::contract!(|| HaproxyDataplane::new(a_path(), None));

/// A file of its own for each.
fn a_path() -> PathBuf {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let name = format!(
        "haproxy-{}-{}.cfg",
        std::process::id(),
        NEXT.fetch_add(1, Ordering::Relaxed)
    );
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    // One of an earlier process with the same id.
    let _ = std::fs::remove_file(&path);
    path
}

fn parse<T: FromStr<Err: Debug>>(text: &str) -> T {
    text.parse().expect("it is well formed")
}

fn environment() -> Environment {
    let nets = |texts: &[&str]| texts.iter().map(|text| parse(text)).collect();
    Environment {
        own: vec![[192, 0, 2, 1].into(), parse("2001:db8::1")],
        workload_ranges: nets(&["10.1.0.0/16", "fd01::/64"]),
        service_cidrs: nets(&["10.96.0.0/16", "fd00:96::/112"]),
    }
}

/// Everything that a frontend can be, at an address and port each.
fn everything() -> NodeState {
    let mut state = NodeState::new();
    let mut put = |address: &str, port, frontend: Frontend| {
        let address: IpAddr = parse(address);
        let protocol = Protocol::Tcp;
        state.insert(
            FrontendKey {
                address,
                port,
                protocol,
            },
            frontend.into(),
        );
    };
    let at = |text: &str| -> SocketAddr { parse(text) };
    let (one, two) = (
        backend(1, at("10.1.1.1:8080")),
        backend(2, at("10.1.1.2:8081")),
    );
    let six = backend(1, at("[fd01::1]:8080"));
    let mut weighted = frontend(1, &[one, two]);
    weighted.pool.backends[1].weight = 3_000;
    weighted.service.port.clear();
    put("10.96.0.1", 80, weighted);
    let mut affine = frontend(2, &[six]);
    affine.affinity_seconds = 10_800;
    put("fd00:96::2", 80, affine);
    put("10.96.0.3", 80, frontend(3, &[]));
    for (n, when_empty, local, all) in [
        (1, WhenEmpty::Reject, vec![], vec![one]),
        (2, WhenEmpty::Drop, vec![], vec![one, two]),
        (3, WhenEmpty::Drop, vec![two], vec![one, two]),
        (4, WhenEmpty::Drop, vec![], vec![]),
        (5, WhenEmpty::Reject, vec![two], vec![]),
    ] {
        let mut external = frontend(10 + n, &local);
        external.reach = Reach::External;
        external.pool.when_empty = when_empty;
        external.inside = Some(Box::new(pool(&all)));
        external.source_ranges = vec![parse("198.51.100.0/24"), parse("10.1.0.0/16")];
        put("192.0.2.1", 30_000 + u16::from(n), external.clone());
        external.inside = None;
        external.source_ranges.truncate(1);
        put("192.0.2.1", 31_000 + u16::from(n), external);
    }
    state
}

async fn carry(plane: &mut HaproxyDataplane, desired: &NodeState) -> Plan {
    let plan = plan(
        desired,
        &plane.observe().await.expect("it can be read"),
        &plane.capabilities(),
    );
    assert_eq!(plane.apply(&plan).await.rejected, []);
    assert_eq!(plane.observe().await.expect("it can be read"), *desired);
    plan
}

#[tokio::test]
async fn haproxy_takes_whatever_is_written() {
    let path = a_path();
    let mut plane = HaproxyDataplane::new(&path, None);
    plane.configure(&environment()).await.unwrap();
    for desired in [everything(), NodeState::new()] {
        carry(&mut plane, &desired).await;
        let haproxy = ["haproxy", "/usr/sbin/haproxy"]
            .map(|name| Command::new(name).args(["-c", "-f"]).arg(&path).output());
        let said = haproxy.into_iter().find_map(Result::ok);
        let said = said.expect("haproxy is installed: tests/run does it");
        let complaint = String::from_utf8_lossy(&said.stderr);
        // Without a frontend there is nothing to run, which it says by the exit code 2.
        let is_empty = desired.is_empty() && said.status.code() == Some(2);
        assert!(
            said.status.success() || is_empty,
            "{complaint}\n{}",
            std::fs::read_to_string(&path).unwrap()
        );
        assert!(is_empty || !complaint.contains("WARNING"), "{complaint}");
    }
}

#[tokio::test]
async fn a_restarted_plugin_adopts_and_writes_nothing() {
    let path = a_path();
    let mut plane = HaproxyDataplane::new(&path, None);
    plane.configure(&environment()).await.unwrap();
    let desired = everything();
    carry(&mut plane, &desired).await;
    let before = std::fs::metadata(&path).unwrap();
    let mut next = HaproxyDataplane::new(&path, None);
    next.configure(&environment()).await.unwrap();
    assert!(carry(&mut next, &desired).await.is_empty());
    let all = Plan {
        put: desired.clone().into_iter().collect(),
        ..Plan::default()
    };
    assert_eq!(next.apply(&all).await.rejected, []);
    // Replacing makes another inode.
    assert_eq!(std::fs::metadata(&path).unwrap().ino(), before.ino());
}

#[tokio::test]
async fn what_somebody_changed_is_put_back_and_the_rest_is_left() {
    let path = a_path();
    let mut plane = HaproxyDataplane::new(&path, None);
    plane.configure(&environment()).await.unwrap();
    let desired = everything();
    carry(&mut plane, &desired).await;
    let good = std::fs::read_to_string(&path).unwrap();
    for (line, by) in [
        ("balance random", "balance leastconn"),
        ("10.1.1.1:8080 weight", "10.9.9.9:8080 weight"),
        ("10.96.0.3", "10.96.0.4"),
    ] {
        let changed = good.replacen(line, by, 1);
        assert_ne!(changed, good);
        std::fs::write(&path, changed).unwrap();
        assert_eq!(carry(&mut plane, &desired).await.put.len(), 1, "{line}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), good);
    }
}

#[tokio::test]
async fn who_is_inside_is_written_when_it_changes() {
    let path = a_path();
    let mut plane = HaproxyDataplane::new(&path, None);
    plane.configure(&environment()).await.unwrap();
    let desired = everything();
    carry(&mut plane, &desired).await;
    let mut other = environment();
    other.workload_ranges = vec!["10.7.0.0/16".parse().unwrap()];
    plane.configure(&other).await.unwrap();
    assert!(
        std::fs::read_to_string(&path)
            .unwrap()
            .contains("10.7.0.0/16")
    );
    assert!(carry(&mut plane, &desired).await.is_empty());
}

#[tokio::test]
async fn what_haproxy_does_not_take_is_rejected_and_the_old_file_stays() {
    let path = a_path();
    let mut plane = HaproxyDataplane::new(&path, None);
    carry(&mut plane, &everything()).await;
    let good = std::fs::read_to_string(&path).unwrap();
    let mut refused = HaproxyDataplane::new(&path, Some("echo not today >&2; exit 1".to_owned()));
    let key = FrontendKey {
        address: [10, 96, 0, 9].into(),
        port: 80,
        protocol: Protocol::Tcp,
    };
    let one = backend(1, ([10, 1, 1, 1], 8080).into());
    let put = Plan {
        put: vec![(key, frontend(9, &[one]).into())],
        ..Plan::default()
    };
    let rejected = refused.apply(&put).await.rejected;
    assert_eq!((rejected.len(), rejected[0].key), (1, key));
    assert_eq!(rejected[0].code, RejectionCode::Internal);
    assert!(rejected[0].message.contains("not today"), "{rejected:?}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), good);

    let mut unwritable = frontend(9, &[one]);
    unwritable.service.port = "a\nb".to_owned();
    let put = Plan {
        put: vec![(key, unwritable.into())],
        ..Plan::default()
    };
    assert_eq!(
        plane.apply(&put).await.rejected[0].code,
        RejectionCode::InvalidObject
    );
}
