//! Figures of the mechanism, in a network namespace of its own: `cargo run --release -p portolan-nftables --example figures`.
//! Loading, changing and adopting, beside the bare transactions of the same elements.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use nix::sched::{CloneFlags, unshare};
use portolan_dataplane::{
    Backend, Dataplane, Environment, Frontend, FrontendKey, NodeState, Plan, Pool, ServiceRef, plan,
};
use portolan_model::view::{Reach, WhenEmpty};
use portolan_model::{Name, Protocol, Uid};
use portolan_netlink::Socket;
use portolan_netlink::nftables::{Batch, Element, Family, Set, Table, Values, generation};
use portolan_nftables::{NftablesDataplane, Options};

const CHANGES: u32 = 1000;

fn main() -> anyhow::Result<()> {
    unshare(CloneFlags::CLONE_NEWNET)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        for count in [1000, 10_000, 44_000, 200_000] {
            measure(count).await?;
        }
        Ok(())
    })
}

fn address(high: u8, number: u32) -> IpAddr {
    Ipv4Addr::from(u32::from_be_bytes([high, 0, 0, 0]) + number).into()
}

fn key(number: u32) -> FrontendKey {
    FrontendKey {
        address: address(10, number),
        port: 80,
        protocol: Protocol::Tcp,
    }
}

/// With two endpoints; another `version` has another second one.
fn service(number: u32, version: u32) -> Frontend {
    let backend = |index: u32| {
        let number = number * 2 + index + version * 4_000_000;
        Backend {
            endpoint: Uid::from_random(u128::from(number) << 64),
            address: SocketAddr::new(address(100, number), 8080),
            weight: 1,
        }
    };
    let mut backends = vec![backend(0), backend(1)];
    if version > 0 {
        backends[0] = service(number, 0).pool.backends[0];
    }
    backends.sort();
    Frontend {
        service: ServiceRef {
            uid: Uid::from_random(u128::from(number)),
            namespace: Name::trusted("default"),
            name: Name::trusted(format!("service-{number}")),
            port: "http".to_owned(),
        },
        reach: Reach::Internal,
        pool: Pool {
            backends,
            when_empty: WhenEmpty::Reject,
        },
        inside: None,
        affinity_seconds: 0,
        source_ranges: Vec::new(),
    }
}

fn environment() -> Environment {
    Environment {
        own: vec![address(192, 1)],
        workload_ranges: vec!["100.0.0.0/8".parse().expect("a range")],
        service_cidrs: vec!["10.0.0.0/8".parse().expect("a range")],
    }
}

async fn measure(count: u32) -> anyhow::Result<()> {
    let mut socket = Socket::open()?;
    let floor = floor(&mut socket, count).await?;
    let desired: NodeState = (0..count)
        .map(|number| (key(number), service(number, 0)))
        .collect();
    let mut dataplane = NftablesDataplane::new(Options::default())?;
    dataplane.configure(&environment()).await?;
    let resident = memory();
    let load = plan(&desired, &NodeState::new(), &dataplane.capabilities());
    let began = Instant::now();
    let applied = dataplane.apply(&load).await;
    let loaded = began.elapsed();
    assert_eq!(applied.rejected, []);
    drop(load);
    let bytes = memory().saturating_sub(resident) * 1024 / u64::from(count);
    println!(
        "P1 {count} Services: {loaded:.3?}, bare transactions of the same elements {floor:.3?}, {bytes} B a Service"
    );

    let mut changes = Vec::new();
    for number in 0..CHANGES {
        let number = number * 7 % count;
        changes.push(one(&mut dataplane, vec![(key(number), service(number, 1))]).await);
    }
    let mut creates = Vec::new();
    for number in count..count + CHANGES {
        creates.push(one(&mut dataplane, vec![(key(number), service(number, 0))]).await);
    }
    for (what, mut took) in [
        ("one endpoint replaced", changes),
        ("one Service created", creates),
    ] {
        took.sort();
        println!(
            "P2 {count} Services, {what}: p50 {:.1?}, p99 {:.1?}",
            took[500], took[990]
        );
    }

    let desired = dataplane.observe().await?;
    drop(dataplane);
    let before = generation(&mut socket).await?;
    let began = Instant::now();
    let mut again = NftablesDataplane::new(Options::default())?;
    again.configure(&environment()).await?;
    let observed = again.observe().await?;
    let left = plan(&desired, &observed, &again.capabilities());
    let adopted = began.elapsed();
    assert!(left.is_empty());
    let writes = generation(&mut socket).await? - before;
    println!("P4 {count} Services adopted in {adopted:.3?}, {writes} kernel transactions");
    again.cleanup().await?;
    Ok(())
}

async fn one(dataplane: &mut NftablesDataplane, put: Vec<(FrontendKey, Frontend)>) -> Duration {
    let plan = Plan {
        put,
        ..Plan::default()
    };
    let began = Instant::now();
    let applied = dataplane.apply(&plan).await;
    assert_eq!(applied.rejected, []);
    began.elapsed()
}

/// As many elements of the same sizes, 1,000 a transaction, encoded and sent by nobody but the netlink crate.
async fn floor(socket: &mut Socket, count: u32) -> anyhow::Result<Duration> {
    const TABLE: (Family, &str) = (Family::V4, "floor");
    let mut batch = Batch::new();
    batch.add_table(&Table {
        family: Family::V4,
        name: TABLE.1.to_owned(),
        userdata: Vec::new(),
    });
    batch.add_set(
        TABLE,
        &Set {
            name: "map".to_owned(),
            flags: 0,
            key_type: 7,
            fields: vec![4, 1, 2, 4],
            values: Some(Values::Data(7, 8)),
            size: 0,
            userdata: Vec::new(),
        },
    );
    socket.commit(batch).await?;
    let elements: Vec<_> = (0..count * 6)
        .map(|number| Element {
            key: [
                &number.to_be_bytes()[..],
                &[6, 0, 0, 0, 0, 80, 0, 0, 0, 0, 0, 0],
            ]
            .concat(),
            value: Some(vec![0; 8]),
            userdata: vec![
                0x50, 20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
            ],
            ..Element::default()
        })
        .collect();
    let began = Instant::now();
    for part in elements.chunks(1000) {
        let mut batch = Batch::new();
        batch.add_elements(TABLE, "map", part);
        socket.commit(batch).await?;
    }
    let took = began.elapsed();
    let mut batch = Batch::new();
    batch.delete_table(TABLE);
    socket.commit(batch).await?;
    Ok(took)
}

/// KiB that the process holds at most so far.
fn memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().next());
    kib.and_then(|kib| kib.parse().ok()).unwrap_or(0)
}
